import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { InPlaceFramer } from "../../lib/encap/in_place_framer.ts";
import { compose, EncapsulationStream, Framer, type MessageChunk, MuxStream } from "../../lib/encap/mod.ts";

function frame(chunks: readonly MessageChunk[], framer = new Framer()): Uint8Array[] {
  const bytes: Uint8Array[] = [];
  for (const chunk of chunks) framer.handle(chunk, (out) => bytes.push(out));
  assert.equal(framer.counters.messages, chunks.flat().length);
  return bytes;
}

function inPlace(chunks: readonly MessageChunk[]): Uint8Array[] {
  return frame(chunks, new InPlaceFramer());
}

describe("InPlaceFramer", () => {
  it("writes Lengths in place where there is room for them and nothing else, and copies elsewhere", () => {
    const slab = Uint8Array.from({ length: 40 }, (_, i) => i);
    const at = (start: number, end: number) => slab.subarray(start, end);
    const fitting = [at(7, 10), at(12, 13), at(15, 30)];
    const expected = frame([fitting.map((message) => message.slice())]);
    const [bytes] = inPlace([fitting]);
    assert.deepEqual([bytes], expected);
    assert.equal(bytes!.buffer, slab.buffer);
    for (
      const others of [[at(1, 4)], [at(5, 8), at(11, 12)], [at(5, 8), at(9, 12)], [
        at(5, 8),
        new Uint8Array(40).subarray(10, 11),
      ]]
    ) {
      const before = slab.slice();
      assert.deepEqual(inPlace([others]), frame([others]));
      assert.deepEqual(slab, before);
    }
  });

  it("refuses what a framer refuses", () => {
    const slab = new Uint8Array(70_000);
    for (const message of [slab.subarray(2, 2), slab.subarray(2, 65_537)]) {
      assert.throws(() => new InPlaceFramer().handle(message, () => {}), { name: "RangeError" });
    }
    assert.throws(() => new InPlaceFramer({ maxMessageLength: 9 }).handle(slab.subarray(2, 12), () => {}), {
      code: "ERR_ENCAP_MESSAGE_LENGTH",
    });
    assert.deepEqual(inPlace([[]]), []);
  });

  it("counts as a framer does", () => {
    const slab = new Uint8Array(40);
    const chunk = [slab.subarray(2, 12), slab.subarray(14, 15)];
    const framers = [new Framer(), new InPlaceFramer()];
    for (const framer of framers) framer.handle(chunk, () => {});
    assert.deepEqual(framers[0]!.counters, framers[1]!.counters);
  });
});

describe("InPlaceFramer behind other stages", () => {
  /** A slab of three packets, each with room for its Length, and the packets. */
  function roomy(): { slab: Uint8Array; packets: Uint8Array[] } {
    const slab = Uint8Array.from({ length: 90 }, (_, i) => 0x40 + i);
    return { slab, packets: [slab.subarray(2, 30), slab.subarray(32, 60), slab.subarray(62, 90)] };
  }

  it("frames the ESP of an EncapsulationStream without a copy, and IKE as ever", async () => {
    const { slab, packets } = roomy();
    const expected = frame([packets.map((packet) => packet.slice())])[0]!;
    const vpn = new EncapsulationStream({ role: "originator", framer: new InPlaceFramer() });
    const reader = vpn.readable.getReader();
    assert.equal(new TextDecoder().decode((await reader.read()).value), "IKETCP");
    vpn.esp.writable.getWriter().write(packets);
    const { value } = await reader.read();
    assert.equal(value!.buffer, slab.buffer);
    assert.deepEqual(value, expected);
    vpn.ike.writable.getWriter().write(Uint8Array.of(1, 2, 3));
    assert.deepEqual((await reader.read()).value, Uint8Array.of(0, 9, 0, 0, 0, 0, 1, 2, 3));
    assert.deepEqual(vpn.counters.sent, { messages: 4, octets: 3 * 28 + 7 });
    await reader.cancel();
  });

  it("finds what passed through a MuxStream where it was made", async () => {
    const { slab, packets } = roomy();
    const mux = new MuxStream();
    const bytes = mux.readable.pipeThrough(compose<MessageChunk, Uint8Array>(new InPlaceFramer()));
    mux.esp.getWriter().write(packets);
    const reader = bytes.getReader();
    assert.equal((await reader.read()).value!.buffer, slab.buffer);
    await reader.cancel();
  });

  it("copies where an EncapsulationStream was not told that packets are given away", async () => {
    const { slab, packets } = roomy();
    const before = slab.slice();
    const vpn = new EncapsulationStream({ role: "responder" });
    vpn.esp.writable.getWriter().write(packets);
    const reader = vpn.readable.getReader();
    assert.notEqual((await reader.read()).value!.buffer, slab.buffer);
    assert.deepEqual(slab, before);
    await reader.cancel();
  });
});
