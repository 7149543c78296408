/**
 * `iketcp demo`: two IKEv2 engines in one process with a real TCP connection between them. They set up an IKE SA and a child SA,
 * packets cross, both SAs get new keys in the middle of bulk, and everything is deleted; a capture and its keys are left to look at.
 */

import process from "node:process";
import { runtimeName } from "../runtime/mod.ts";
import { sumOf } from "./_demo_traffic.ts";
import { type BulkResult, TunnelScene } from "./_demo_tunnel_scene.ts";
import { programCommand, resolvePath } from "./_program.ts";
import { Progress } from "./_progress.ts";
import { formatRate, formatSize } from "./_units.ts";
import type { DemoOptions } from "./demo.ts";

/** Pings before bulk, and after it. */
const PINGS = [5, 1] as const;

/** What the demo found out. */
interface TunnelDemoResult extends BulkResult {
  readonly runtime: string;
  readonly ikeSuite: string;
  readonly espSuite: string;
  readonly handshakeMilliseconds: number;
  readonly pings: number;
  /** In the order in which they were made. */
  readonly ikeSas: readonly IkeSaReport[];
  /** In the order in which they were made. */
  readonly childSas: readonly ChildSaReport[];
  readonly lost: number;
  readonly capture: string;
  readonly keys: readonly string[];
}

/** An IKE SA, and how many messages it had. */
export interface IkeSaReport {
  /** Both SPIs, the initiator's first. */
  readonly spis: string;
  /** Requests and responses, sent and received by the initiator. */
  readonly messages: number;
}

/** A child SA: packets that one end sent on it, and the other received. */
export interface ChildSaReport {
  /** SPIs of what the initiator sends, and receives. */
  readonly spis: readonly [there: string, back: string];
  readonly there: Crossing;
  readonly back: Crossing;
}

/** Packets of one direction. */
export interface Crossing {
  readonly sent: number;
  readonly received: number;
}

/** Runs it. */
export async function runTunnelDemo(options: DemoOptions): Promise<void> {
  const progress = options.json ? undefined : new Progress("bulk");
  const say = options.json ? () => {} : (text: string) => {
    progress?.clear();
    console.log(text);
  };
  const scene = await TunnelScene.open(resolvePath(options.capture), say);
  try {
    const handshakeMilliseconds = await scene.handshake();
    const before = await scene.ping(PINGS[0]);
    const bulk = await scene.pushBulk(options.seconds, progress);
    const after = await scene.ping(PINGS[1]);
    await scene.delete();
    const { ikeSas, childSas } = scene.traffic;
    const { there, back } = sumOf(childSas);
    const result: TunnelDemoResult = {
      runtime: runtimeName(),
      ikeSuite: scene.session.established.suite,
      espSuite: scene.espSuite,
      handshakeMilliseconds,
      pings: before + after,
      ...bulk,
      ikeSas,
      childSas,
      lost: there.sent - there.received + back.sent - back.received,
      capture: scene.capturePath,
      keys: scene.keys.paths,
    };
    if (options.json) console.log(JSON.stringify(result));
    else say(summary(result));
    if (result.lost > 0 || result.bulkLost > 0 || result.pings < PINGS[0] + PINGS[1]) process.exitCode = 1;
  } finally {
    await scene.close();
  }
}

function summary(result: TunnelDemoResult): string {
  const { bulkOctets, bulkMilliseconds, bulkPackets, capture, keys, ikeSas, childSas } = result;
  return [
    "",
    `Handshake in ${result.handshakeMilliseconds} ms, ${result.pings} of ${
      PINGS[0] + PINGS[1]
    } pings answered.`,
    `${bulkPackets} packets of bulk, every octet checked: ${formatSize(bulkOctets)} in ${
      (bulkMilliseconds / 1000).toFixed(1)
    } s, ${formatRate(bulkOctets, bulkMilliseconds)} on ${result.runtime}, both ends in one process.`,
    "New keys for the child SA, then for the IKE SA, in the middle of it:",
    ...ikeSas.map(({ spis, messages }) => `  IKE SA ${spis}: ${messages} messages`),
    ...childSas.map(({ spis, there, back }) =>
      `  child SA ${spis.join(" and ")}: ${shown(there)} there, ${shown(back)} back`
    ),
    result.lost === 0 ? "No packet was lost." : `Lost: ${packets(result.lost)}.`,
    `The TCP connection, with the first packets of bulk on each SA, is in ${capture}. Read it, decrypted, with:`,
    `${programCommand()} decode ${capture} ${keys.map((path) => `--keys ${path}`).join(" ")}`,
  ].join("\n");
}

function shown({ sent, received }: Crossing): string {
  return sent === received ? packets(sent) : `${received} of ${packets(sent)}`;
}

function packets(count: number): string {
  return count === 1 ? "1 packet" : `${count} packets`;
}
