import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { concat } from "../../lib/bytes/mod.ts";
import { InspectError } from "../../lib/errors.ts";
import { gunzip } from "../../lib/cli/_gunzip.ts";
import { cutsOf, randomNumbers, randomSeed } from "../_support/cuts.ts";

const seed = randomSeed();
const random = randomNumbers(seed);
/** Half of it packs well, half not at all. */
const TEXT: Uint8Array<ArrayBuffer> = Uint8Array.from(
  { length: 50_000 },
  (_, i) => i < 25_000 ? i % 7 : Math.floor(random() * 256),
);
const PACKED = new Uint8Array(gzipSync(TEXT));

/** What comes out, and the error behind it. */
async function unpack(chunks: Iterable<Uint8Array>): Promise<{ octets: Uint8Array; error?: InspectError }> {
  const parts: Uint8Array[] = [];
  try {
    for await (
      const part of gunzip((async function* () {
        yield* chunks;
      })())
    ) parts.push(part);
  } catch (error) {
    assert.ok(error instanceof InspectError && error.code === "ERR_INSPECT_RECORD");
    return { octets: concat(parts), error };
  }
  return { octets: concat(parts) };
}

function assertSame(actual: Uint8Array, expected: Uint8Array, name: string): void {
  assert.equal(actual.length, expected.length, `${name}, seed ${seed}`);
  assert.ok(actual.every((octet, i) => octet === expected[i]), `${name}, seed ${seed}`);
}

describe("gunzip", () => {
  it("unpacks, whatever the cuts", async () => {
    const part = TEXT.subarray(20_000, 26_000);
    for (const { name, chunks } of cutsOf(new Uint8Array(gzipSync(part)))) {
      const { octets, error } = await unpack(chunks);
      assert.equal(error, undefined, name);
      assertSame(octets, part, name);
    }
    assertSame((await unpack([PACKED])).octets, TEXT, "whole");
  });

  it("unpacks members behind one another", async () => {
    const members = concat([gzipSync(TEXT.subarray(0, 100)), gzipSync(TEXT.subarray(100))]);
    assertSame((await unpack([members])).octets, TEXT, "members");
  });

  it("gives everything that a file cut short holds", async () => {
    // A file cut at the start of its trailer holds everything.
    for (
      const [cut, least] of [[1, TEXT.length], [8, TEXT.length], [PACKED.length - 12_000, 30_000]] as const
    ) {
      const { octets, error } = await unpack([PACKED.subarray(0, PACKED.length - cut)]);
      assert.match(error!.message, /^Cannot unpack capture: expected whole gzip data, got ".+"$/);
      assert.ok(octets.length >= least, `${octets.length} of ${least}`);
      assertSame(octets, TEXT.subarray(0, octets.length), `cut by ${cut}`);
    }
  });

  it("gives everything in front of a wrong checksum", async () => {
    const wrong = PACKED.slice();
    wrong[wrong.length - 6]! ^= 1;
    const { octets, error } = await unpack([wrong]);
    assert.notEqual(error, undefined);
    assertSame(octets, TEXT, "checksum");
  });

  it("unpacks no more than it must while nobody takes it", async () => {
    let taken = 0;
    const packed = gzipSync(new Uint8Array(64 * 1024 * 1024));
    const source = (async function* () {
      for (let offset = 0; offset < packed.length; offset += 4096) {
        taken += 4096;
        yield packed.subarray(offset, offset + 4096);
      }
    })();
    const parts = gunzip(source);
    const first = await parts.next();
    assert.ok(!first.done && first.value.length > 0);
    assert.ok(taken < packed.length, `${taken} of ${packed.length} octets taken`);
    await parts.return();
  });
});
