import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { Demux, type MessageChunk } from "../../lib/encap/mod.ts";
import { espMessage, ikeMessage, showMessages } from "../_support/messages.ts";

function sort(...chunks: MessageChunk[]): { ike: Uint8Array[]; esp: Uint8Array[]; demux: Demux } {
  const demux = new Demux();
  const ike: Uint8Array[] = [];
  const esp: Uint8Array[] = [];
  for (const chunk of chunks) demux.handle(chunk, { ike, esp });
  return { ike, esp, demux };
}

describe("Demux", () => {
  it("tells IKE by its marker, which it removes, and takes everything else for ESP (R-FRM-3, R-FRM-4)", () => {
    const { ike, esp, demux } = sort([ikeMessage(1), espMessage(1)], espMessage(2), ikeMessage(2));
    assert.deepEqual(ike, [ikeMessage(1).subarray(4), ikeMessage(2).subarray(4)]);
    assert.deepEqual(esp, [espMessage(1), espMessage(2)]);
    assert.deepEqual(demux.counters, { ike: 2, esp: 2, emptyIke: 0, espDropped: 0 });
  });

  it("gives views, not copies", () => {
    const [message, packet] = [ikeMessage(1), espMessage(1)];
    const { ike, esp } = sort([message, packet]);
    assert.equal(ike[0]!.buffer, message.buffer);
    assert.equal(esp[0], packet);
  });

  it("drops and counts a marker with nothing behind it", () => {
    const { ike, esp, demux } = sort(new Uint8Array(4), [new Uint8Array(4), new Uint8Array(5)]);
    assert.deepEqual([ike, esp], [[Uint8Array.of(0)], []]);
    assert.equal(demux.counters.emptyIke, 2);
  });

  it("takes messages shorter than a marker for ESP, zeros too", () => {
    const { ike, esp } = sort([new Uint8Array(3), Uint8Array.of(0xff)]);
    assert.deepEqual([ike.length, esp.length], [0, 2]);
  });

  it("loses nothing and reorders nothing within a kind", () => {
    const message = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 12 }).map((octets) => Uint8Array.of(0, 0, 0, 0, ...octets)),
      fc.uint8Array({ minLength: 1, maxLength: 12 }),
      fc.uint8Array({ minLength: 4, maxLength: 6 }).map((octets) => octets.fill(0, 0, 3)),
    );
    const chunks = fc.array(fc.oneof(message, fc.array(message)));
    fc.assert(fc.property(chunks, (input) => {
      const { ike, esp, demux } = sort(...input);
      const flat = input.flatMap((chunk) => Array.isArray(chunk) ? chunk : [chunk]);
      const isIke = (octets: Uint8Array) =>
        octets.length >= 4 && octets.subarray(0, 4).every((octet) => octet === 0);
      assert.equal(showMessages(esp), showMessages(flat.filter((octets) => !isIke(octets))));
      assert.equal(
        showMessages(ike),
        showMessages(
          flat.filter((octets) => isIke(octets) && octets.length > 4).map((octets) => octets.subarray(4)),
        ),
      );
      assert.equal(demux.counters.ike + demux.counters.esp + demux.counters.emptyIke, flat.length);
    }));
  });

  it("refuses what is not octets with a TypeError", () => {
    for (const wrong of ["text", null, [1], ["text"]]) {
      assert.throws(() => sort(wrong as unknown as Uint8Array), {
        name: "TypeError",
        code: "ERR_ENCAP_CHUNK",
      });
    }
  });
});
