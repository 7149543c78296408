import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { EspEncryptor, returnSlabs, SlabPool } from "../../lib/esp/mod.ts";
import { CIPHERS, cipherSpec, saPair, through, udpPacket } from "../_support/esp_scene.ts";

describe("SlabPool", () => {
  it("lends a slab again that came back, and never one that is lent", () => {
    const slabs = new SlabPool();
    const [first, second] = [slabs.take(100), slabs.take(100)];
    assert.notEqual(first.buffer, second.buffer);
    slabs.give(first.subarray(5, 6));
    slabs.give(first); // twice is once
    assert.equal(slabs.take(65_536).buffer, first.buffer);
    assert.notEqual(slabs.take(100).buffer, first.buffer);
  });

  it("leaves alone what it has not lent, and what is larger than its slabs", () => {
    const slabs = new SlabPool();
    const own = new Uint8Array(131_072);
    slabs.give(own);
    assert.notEqual(slabs.take(1).buffer, own.buffer);
    const large = slabs.take(1_000_000);
    assert.equal(large.length, 1_000_000);
    slabs.give(large);
    assert.notEqual(slabs.take(1_000_000).buffer, large.buffer);
  });

  it("keeps no more than a few", () => {
    const slabs = new SlabPool();
    const lent = Array.from({ length: 20 }, () => slabs.take(1));
    for (const slab of lent) slabs.give(slab);
    const buffers = new Set(lent.map(({ buffer }) => buffer));
    const again = Array.from({ length: 20 }, () => slabs.take(1));
    assert.equal(again.filter(({ buffer }) => buffers.has(buffer)).length, 8);
  });

  it("gives the same ESP packets from used slabs as new memory does, whatever was in them", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...CIPHERS),
        fc.array(fc.array(fc.integer({ min: 0, max: 700 }), { minLength: 1, maxLength: 6 }), {
          maxLength: 5,
        }),
        fc.constantFrom(0, 2),
        fc.constantFrom(0, 500),
        ([encryption, integrity], batches, room, padTo) => {
          const options = { outbound: { padTo, random: (octets: Uint8Array) => void octets.fill(9) } };
          const [one, two] = [0, 1].map(() => saPair(cipherSpec(encryption, integrity, true), options));
          const slabs = new SlabPool();
          const used = new EspEncryptor({ table: one!.here, room, slabs });
          const fresh = new EspEncryptor({ table: two!.here, room });
          for (const sizes of batches) {
            const packets = sizes.map((size) => udpPacket(size));
            const messages = through(used, packets);
            assert.deepEqual(messages, through(fresh, packets));
            new Uint8Array(messages[0]!.buffer).fill(0xa5);
            slabs.give(messages[0]!);
          }
          one!.dispose();
          two!.dispose();
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe("returnSlabs", () => {
  it("gives a slab back when the connection has taken its octets, and not before", async () => {
    const slabs = new SlabPool();
    let taken = (): void => {};
    const sink = returnSlabs(
      new WritableStream<Uint8Array>({ write: () => new Promise((resolve) => taken = resolve) }),
      slabs,
    );
    const writer = sink.getWriter();
    const slab = slabs.take(10);
    const written = writer.write(slab.subarray(0, 10));
    await new Promise((resolve) => setTimeout(resolve, 1));
    assert.notEqual(slabs.take(10).buffer, slab.buffer);
    taken();
    await written;
    assert.equal(slabs.take(10).buffer, slab.buffer);
    await writer.close();
  });

  it("hands the end, an abort and a fault on", async () => {
    const seen: string[] = [];
    const make = () =>
      returnSlabs(
        new WritableStream<Uint8Array>({
          write(chunk) {
            if (chunk.length === 0) throw new Error("broken");
          },
          close: () => void seen.push("closed"),
          abort: (reason) => void seen.push(`aborted: ${reason}`),
        }),
        new SlabPool(),
      );
    await make().close();
    await make().abort("enough");
    const writer = make().getWriter();
    writer.closed.catch(() => {});
    await assert.rejects(writer.write(new Uint8Array(0)), /broken/);
    await assert.rejects(writer.write(new Uint8Array(1)), /broken/);
    assert.deepEqual(seen, ["closed", "aborted: enough"]);
  });

  it("fails its writer when the connection breaks while nothing is written", async () => {
    let fail = (_reason: Error): void => {};
    const connection = new WritableStream<Uint8Array>({
      start(controller) {
        fail = (reason) => controller.error(reason);
      },
    });
    const writer = returnSlabs(connection, new SlabPool()).getWriter();
    fail(new Error("reset"));
    await assert.rejects(writer.closed, /reset/);
  });
});
