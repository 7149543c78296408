/**
 * `iketcp demo --relay`: a recorded conversation of two strongSwan daemons, replayed from both ends through a real pair of relays on
 * loopback, UDP to TCP to UDP; then bulk. Every datagram is compared with what was sent.
 */

import process from "node:process";
import { hasNonEspMarker, NON_ESP_MARKER_LENGTH } from "../encap/mod.ts";
import { TransportError } from "../errors.ts";
import { describeIkeMessage } from "../ike/codec/mod.ts";
import { runtimeName } from "../runtime/mod.ts";
import { toHex } from "../bytes/mod.ts";
import { BulkSender, checkBulkDatagram } from "./_demo_relay_bulk.ts";
import { Scene } from "./_demo_relay_scene.ts";
import { programCommand, resolvePath } from "./_program.ts";
import { Progress } from "./_progress.ts";
import { RECORDED_CONVERSATION } from "./_recorded_conversation.ts";
import { formatRate, formatSize } from "./_units.ts";
import type { DemoOptions } from "./demo.ts";

/** How long a datagram may take from one end to the other, in milliseconds. */
const ARRIVAL_TIMEOUT = 5000;

/** What the demo found out. */
interface RelayDemoResult {
  readonly runtime: string;
  readonly datagrams: number;
  readonly ike: number;
  readonly esp: number;
  readonly octets: number;
  readonly bulkDatagrams: number;
  readonly bulkLost: number;
  readonly bulkOctets: number;
  readonly bulkMilliseconds: number;
  readonly capture: string;
}

/** Runs it. */
export async function runRelayDemo(options: DemoOptions): Promise<void> {
  const say = options.json ? () => {} : (text: string) => console.log(text);
  const path = resolvePath(options.capture);
  const scene = await Scene.open(path);
  try {
    say(scene.picture());
    const conversation = await replay(scene, say);
    scene.capture.pause(); // bulk would make the file large and tell nothing new
    const progress = options.json ? undefined : new Progress("bulk");
    const bulk = await pushBulk(scene, options.seconds, progress, say);
    const result: RelayDemoResult = { runtime: runtimeName(), ...conversation, ...bulk, capture: path };
    if (options.json) console.log(JSON.stringify(result));
    else say(summary(result, scene));
    if (result.bulkLost > 0) process.exitCode = 1;
  } finally {
    await scene.close();
  }
}

async function replay(
  scene: Scene,
  say: (text: string) => void,
): Promise<Pick<RelayDemoResult, "datagrams" | "ike" | "esp" | "octets">> {
  let ike = 0;
  let total = 0;
  for (const { from, base64 } of RECORDED_CONVERSATION) {
    const data = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const [sender, receiver] = from === "initiator"
      ? [scene.initiator, scene.responder]
      : [scene.responder, scene.initiator];
    sender.send(data);
    const arrived = await receiver.receiveOne(ARRIVAL_TIMEOUT);
    checkArrival(data, arrived, from);
    if (hasNonEspMarker(data)) ike++;
    total += data.byteLength;
    const arrow = from === "initiator" ? "-->" : "<--";
    const octets = String(data.byteLength).padStart(4);
    say(`  ${arrow} ${octets} octets unchanged  ${describeMessage(data)}`);
  }
  const datagrams = RECORDED_CONVERSATION.length;
  return { datagrams, ike, esp: datagrams - ike, octets: total };
}

function checkArrival(sent: Uint8Array, arrived: Uint8Array | undefined, from: string): void {
  const what = `datagram of ${sent.byteLength} octets from the ${from}`;
  if (arrived === undefined) {
    throw new TransportError(
      "ERR_TRANSPORT_TIMEOUT",
      `Cannot replay: expected the ${what} within ${ARRIVAL_TIMEOUT} ms, got nothing`,
    );
  }
  if (toHex(sent) !== toHex(arrived)) {
    throw new TransportError(
      "ERR_TRANSPORT_FAILED",
      `Cannot replay: expected the ${what} unchanged, got ${arrived.byteLength} other octets`,
    );
  }
}

function describeMessage(data: Uint8Array): string {
  if (hasNonEspMarker(data)) return describeIkeMessage(data.subarray(NON_ESP_MARKER_LENGTH));
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return `ESP spi ${toHex(data.subarray(0, 4))} seq ${view.getUint32(4)}`;
}

async function pushBulk(
  scene: Scene,
  milliseconds: number,
  progress: Progress | undefined,
  say: (text: string) => void,
): Promise<Pick<RelayDemoResult, "bulkDatagrams" | "bulkLost" | "bulkOctets" | "bulkMilliseconds">> {
  const started = performance.now();
  const bulk = new BulkSender((data) => scene.initiator.send(data));
  bulk.fill();
  for (;;) {
    const elapsed = performance.now() - started;
    if (elapsed >= milliseconds) bulk.stop();
    if (bulk.finished) break;
    const datagrams = await scene.responder.receive(1000);
    if (datagrams === undefined) break; // what is missing now was lost
    for (const datagram of datagrams) bulk.handleArrival(checkBulkDatagram(datagram));
    bulk.fill();
    progress?.draw(elapsed / milliseconds, formatRate(bulk.arrivedOctets, elapsed));
  }
  const elapsed = performance.now() - started;
  progress?.draw(1, formatRate(bulk.arrivedOctets, elapsed), true);
  say(
    `  bulk: ${bulk.arrived} datagrams of ESP size, ${formatRate(bulk.arrivedOctets, elapsed)}, ${
      bulk.sent - bulk.arrived
    } lost`,
  );
  return {
    bulkDatagrams: bulk.arrived,
    bulkLost: bulk.sent - bulk.arrived,
    bulkOctets: bulk.arrivedOctets,
    bulkMilliseconds: Math.round(elapsed),
  };
}

function summary(result: RelayDemoResult, scene: Scene): string {
  const { counters } = scene.originatorRelay;
  return [
    "",
    `${result.datagrams} recorded datagrams (${result.ike} IKE, ${result.esp} ESP, ${result.octets} octets) crossed and arrived octet for octet.`,
    `${result.bulkDatagrams} datagrams of bulk: ${formatSize(result.bulkOctets)} in ${
      (result.bulkMilliseconds / 1000).toFixed(1)
    } s, ` +
    `${formatRate(result.bulkOctets, result.bulkMilliseconds)} on ${result.runtime}.`,
    `Through one TCP connection: ${counters.messagesToStream} messages out, ${counters.messagesFromStream} back, ${counters.datagramsDropped} dropped.`,
    `The TCP leg of the conversation is in ${result.capture}; read it with: ${programCommand()} decode ${result.capture}`,
  ].join("\n");
}
