import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { concat } from "../../lib/bytes/mod.ts";
import { cutsOf, randomCut, randomNumbers } from "./cuts.ts";

const octets = Uint8Array.from({ length: 300 }, (_, i) => i);

describe("cutsOf", () => {
  it("keeps every octet in order, however it cuts", () => {
    for (const { name, chunks } of cutsOf(octets)) assert.deepEqual(concat(chunks), octets, name);
    for (const { name, chunks } of cutsOf(new Uint8Array(0))) assert.equal(concat(chunks).length, 0, name);
  });

  it("cuts whole, octet by octet and at random", () => {
    const cuts = [...cutsOf(octets, 1)];
    assert.deepEqual(cuts[0], { name: "whole", chunks: [octets] });
    assert.equal(cuts[1]?.chunks.length, octets.length);
    const sizes = new Set(cuts.slice(3).map(({ chunks }) => chunks.length));
    assert.ok(sizes.size > 1, `expected different random cuts, got ${[...sizes]} chunks`);
  });

  it("gives chunks that share no memory with the input", () => {
    for (const { chunks } of cutsOf(octets)) {
      for (const chunk of chunks) assert.notEqual(chunk.buffer, octets.buffer);
    }
  });
});

describe("randomCut", () => {
  it("cuts alike with the same seed", () => {
    assert.deepEqual(randomCut(octets, 42), randomCut(octets, 42));
    assert.notDeepEqual(randomCut(octets, 42), randomCut(octets, 43));
  });
});

describe("randomNumbers", () => {
  it("stay within [0, 1) and spread over it", () => {
    const random = randomNumbers(7);
    const numbers = Array.from({ length: 1000 }, random);
    assert.ok(numbers.every((number) => number >= 0 && number < 1));
    const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
    assert.ok(Math.abs(mean - 0.5) < 0.05, `expected a mean near 0.5, got ${mean}`);
  });
});
