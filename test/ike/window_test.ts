import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { RequestWindow, ResponseWindow } from "../../lib/ike/mod.ts";

const OCTETS = [new Uint8Array(1)];
const CACHED = { request: OCTETS[0]!, response: OCTETS };

describe("RequestWindow (RFC 7296, sections 2.2, 2.3)", () => {
  it("lets one request out at a time", () => {
    const window = new RequestWindow();
    assert.equal(window.open, true);
    assert.equal(window.send(OCTETS).messageId, 0);
    assert.equal(window.open, false);
    assert.equal(window.awaits(0), true);
    window.acknowledge(0);
    assert.equal(window.awaits(0), false);
    assert.equal(window.open, true);
    assert.equal(window.next, 1);
  });

  it("of three waits for the oldest: X - N must be answered before X", () => {
    const window = new RequestWindow();
    window.grow(3);
    for (let i = 0; i < 3; i++) window.send(OCTETS);
    assert.equal(window.open, false);
    window.acknowledge(1);
    assert.equal(window.open, false); // 0 is still without a response
    window.acknowledge(0);
    assert.equal(window.open, true);
    assert.deepEqual([...window.outstanding()].map(({ messageId }) => messageId), [2]);
  });

  it("only grows", () => {
    const window = new RequestWindow();
    window.grow(4);
    window.grow(2);
    assert.equal(window.size, 4);
  });

  it("begins anew for IKE_SA_INIT", () => {
    const window = new RequestWindow();
    window.send(OCTETS);
    window.restart();
    assert.equal(window.next, 0);
    assert.equal(window.pending, 0);
  });

  it("ends with the last Message ID of 32 bits", () => {
    const window = new RequestWindow(0xffffffff);
    assert.equal(window.isExhausted, false);
    window.send(OCTETS);
    window.acknowledge(0xffffffff);
    assert.equal(window.isExhausted, true);
    assert.equal(window.open, false);
  });
});

describe("ResponseWindow (RFC 7296, sections 2.1, 2.3)", () => {
  it("tells a request that is new from one that was answered, is in progress or outside", () => {
    const window = new ResponseWindow();
    assert.equal(window.verdict(0), "new");
    assert.equal(window.verdict(1), "outside");
    window.begin(0);
    assert.equal(window.verdict(0), "in_progress");
    window.answer(0, CACHED);
    assert.equal(window.verdict(0), "answered");
    assert.equal(window.verdict(1), "new");
    window.answer(1, CACHED);
    assert.equal(window.verdict(0), "outside");
    assert.equal(window.response(0), undefined);
    assert.equal(window.response(1), CACHED);
  });

  it("of two takes requests out of order", () => {
    const window = new ResponseWindow(5, 2);
    assert.deepEqual([4, 5, 6, 7].map((id) => window.verdict(id)), ["outside", "new", "new", "outside"]);
    window.answer(6, CACHED);
    assert.equal(window.next, 5);
    assert.equal(window.verdict(7), "outside");
    window.answer(5, CACHED);
    assert.equal(window.next, 7);
    assert.equal(window.verdict(8), "new");
    assert.equal(window.verdict(5), "answered");
    assert.equal(window.verdict(4), "outside");
  });

  it("grows, and never gets smaller", () => {
    const window = new ResponseWindow();
    window.grow(3);
    window.grow(2);
    assert.equal(window.size, 3);
    assert.deepEqual([0, 2, 3].map((id) => window.verdict(id)), ["new", "new", "outside"]);
  });

  it("takes a request back that is not answered", () => {
    const window = new ResponseWindow();
    window.begin(0);
    window.abandon(0);
    assert.equal(window.verdict(0), "new");
  });
});
