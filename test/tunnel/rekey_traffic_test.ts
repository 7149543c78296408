/** Numbered packets cross a tunnel while both ends change keys again and again: every one arrives, once, and in order. */

import { it } from "node:test";
import assert from "node:assert/strict";
import { emitUdpPacket } from "../../lib/ip/mod.ts";
import type { IkeEvent } from "../../lib/ike/mod.ts";
import type { Session } from "../../lib/tunnel/mod.ts";
import { HOST, Scene } from "./_scene.ts";

const ROUNDS = 12;
const PACKETS_A_ROUND = 40;

/** Takes the numbers that packets bear; they must come one after the other. */
async function receive(session: Session, count: number): Promise<void> {
  let next = 0;
  const reader = session.readable.getReader();
  while (next < count) {
    const { value, done } = await reader.read();
    assert.equal(done, false, `the session ended after ${next} packets`);
    for (const packet of value!) {
      assert.equal(new DataView(packet.buffer, packet.byteOffset + 28).getUint32(0), next);
      next++;
    }
  }
  reader.releaseLock();
}

/** Both ends send numbered packets for some rounds, each of which begins with something else. */
async function carry(
  [client, gateway]: readonly [Session, Session],
  rounds: number,
  begin: (round: number) => void,
): Promise<void> {
  const [inside] = client.configuration.addresses;
  const total = rounds * PACKETS_A_ROUND;
  const received = Promise.all([receive(client, total), receive(gateway, total)]);
  const ends = [
    { writer: client.writable.getWriter(), source: inside!, destination: HOST },
    { writer: gateway.writable.getWriter(), source: HOST, destination: inside! },
  ];
  for (let i = 0; i < total; i++) {
    if (i % PACKETS_A_ROUND === 0) begin(i / PACKETS_A_ROUND);
    for (const { writer, source, destination } of ends) {
      const data = new Uint8Array(100);
      new DataView(data.buffer).setUint32(0, i);
      await writer.write(emitUdpPacket(source, destination, { sourcePort: 7, destinationPort: 7, data }));
    }
    if (i % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await received;
}

/** How often the client was told that something has taken another's place. */
function countReplaced({ events }: Scene, type: IkeEvent["type"]): number {
  return events.filter(({ end, event }) => end === "client" && event.type === type && "replaces" in event)
    .length;
}

/** Both sessions end, and the scene with them. */
async function close(scene: Scene, client: Session, gateway: Session): Promise<void> {
  await client.close();
  await Promise.all([client.closed, gateway.closed]);
  await scene.close();
}

it(
  "A tunnel loses no packet while both ends rekey child SAs and the IKE SA",
  { timeout: 60_000 },
  async () => {
    const scene = await Scene.open();
    const [client, gateway] = await Promise.all([scene.connect(), scene.arrival()]);
    await carry([client, gateway], ROUNDS, (round) => {
      // Both ends at once, or one alone; child SAs and the IKE SA.
      if (round % 3 !== 1) client.rekey();
      if (round % 3 !== 2) gateway.rekey();
    });
    const [children, ikeSas] = [
      countReplaced(scene, "child_sa_installed"),
      countReplaced(scene, "ike_sa_established"),
    ];
    assert.ok(children >= ROUNDS / 2, `${children} rekeys of child SAs`);
    assert.ok(ikeSas >= ROUNDS / 3, `${ikeSas} rekeys of IKE SAs`);
    await close(scene, client, gateway);
  },
);

it(
  "A tunnel loses no packet while both ends are authenticated anew, and stays one session with one address",
  { timeout: 60_000 },
  async () => {
    const scene = await Scene.open();
    const [client, gateway] = await Promise.all([scene.connect(), scene.arrival()]);
    const [first, address] = [client.ikeSa, client.configuration.addresses[0]];
    await carry([client, gateway], 5, () => client.reauthenticate());
    const ikeSas = countReplaced(scene, "ike_sa_established");
    assert.ok(ikeSas >= 2, `${ikeSas} reauthentications`);
    assert.notEqual(client.ikeSa, first);
    assert.deepEqual(client.configuration.addresses, [address]);
    assert.deepEqual(gateway.configuration.addresses, [address]);
    await close(scene, client, gateway);
  },
);
