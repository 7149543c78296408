/** Numbered packets cross a tunnel while both ends change keys again and again: every one arrives, once, and in order. */

import { it } from "node:test";
import assert from "node:assert/strict";
import { emitUdpPacket } from "../../lib/ip/mod.ts";
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

it(
  "A tunnel loses no packet while both ends rekey child SAs and the IKE SA",
  { timeout: 60_000 },
  async () => {
    const scene = await Scene.open();
    const [client, gateway] = await Promise.all([scene.connect(), scene.arrival()]);
    const [inside] = client.configuration.addresses;
    const total = ROUNDS * PACKETS_A_ROUND;
    const received = Promise.all([receive(client, total), receive(gateway, total)]);
    const ends = [
      { writer: client.writable.getWriter(), source: inside!, destination: HOST },
      { writer: gateway.writable.getWriter(), source: HOST, destination: inside! },
    ];
    for (let i = 0; i < total; i++) {
      // Both ends at once, or one alone; child SAs and the IKE SA.
      if (i % PACKETS_A_ROUND === 0) {
        const round = i / PACKETS_A_ROUND;
        if (round % 3 !== 1) client.rekey();
        if (round % 3 !== 2) gateway.rekey();
      }
      for (const { writer, source, destination } of ends) {
        const data = new Uint8Array(100);
        new DataView(data.buffer).setUint32(0, i);
        await writer.write(emitUdpPacket(source, destination, { sourcePort: 7, destinationPort: 7, data }));
      }
      if (i % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await received;
    const count = (type: string) =>
      scene.events.filter(({ end, event }) => end === "client" && event.type === type && "replaces" in event)
        .length;
    assert.ok(
      count("child_sa_installed") >= ROUNDS / 2,
      `${count("child_sa_installed")} rekeys of child SAs`,
    );
    assert.ok(count("ike_sa_established") >= ROUNDS / 3, `${count("ike_sa_established")} rekeys of IKE SAs`);
    await client.close();
    await Promise.all([client.closed, gateway.closed]);
    await scene.close();
  },
);
