import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { OctetFeed } from "../../lib/inspect/_octet_feed.ts";

describe("OctetFeed", () => {
  it("gives octets of one chunk as views", () => {
    const feed = new OctetFeed();
    const chunk = new Uint8Array([1, 2, 3, 4]);
    feed.push(chunk);
    assert.equal(feed.peek(2)!.buffer, chunk.buffer);
    feed.skip(2);
    assert.deepEqual(feed.peek(2), new Uint8Array([3, 4]));
    assert.equal(feed.octetsCopied, 0);
  });

  it("gives the same octets again, and more of them, until they are skipped", () => {
    const feed = new OctetFeed();
    feed.push(new Uint8Array([1, 2]));
    assert.deepEqual(feed.peek(1), new Uint8Array([1]));
    assert.equal(feed.peek(3), undefined);
    assert.equal(feed.pending, 2);
    feed.push(new Uint8Array([3, 4]));
    assert.deepEqual(feed.peek(3), new Uint8Array([1, 2, 3]));
    assert.deepEqual(feed.peek(2), new Uint8Array([1, 2]));
    feed.skip(1);
    assert.deepEqual(feed.peek(3), new Uint8Array([2, 3, 4]));
  });

  it("passes over octets that have yet to come", () => {
    const feed = new OctetFeed();
    feed.push(new Uint8Array([1, 2]));
    feed.skip(5);
    assert.equal(feed.skipping, 3);
    assert.equal(feed.peek(1), undefined);
    feed.push(new Uint8Array([3, 4]));
    assert.equal(feed.peek(1), undefined);
    feed.push(new Uint8Array([5, 6]));
    assert.deepEqual(feed.peek(1), new Uint8Array([6]));
  });

  it("never gives memory a second time", () => {
    const feed = new OctetFeed();
    const given: Uint8Array[] = [];
    for (let i = 0; i < 4; i++) {
      for (const octet of [i, i]) {
        feed.push(Uint8Array.of(octet));
        const both = feed.peek(2);
        if (both === undefined) continue;
        given.push(both);
        feed.skip(2);
      }
    }
    assert.deepEqual(given.map((octets) => [...octets]), [[0, 0], [1, 1], [2, 2], [3, 3]]);
  });

  it("does linear work when octets come one by one", () => {
    const feed = new OctetFeed();
    const length = 1 << 16;
    for (let i = 0; i < length; i++) {
      feed.push(Uint8Array.of(i));
      assert.equal(feed.peek(length) === undefined, i < length - 1);
    }
    assert.ok(feed.octetsCopied <= 3 * length, `${feed.octetsCopied} octets copied for ${length}`);
  });
});
