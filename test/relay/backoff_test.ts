import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { Backoff } from "../../lib/relay/backoff.ts";

function assertNear(delay: number, whole: number): void {
  assert.ok(delay >= whole * 0.75 && delay <= whole, `expected ${whole * 0.75} to ${whole}, got ${delay}`);
}

describe("Backoff", () => {
  it("doubles the delay each time, up to the longest (R-REC-11)", () => {
    const backoff = new Backoff(100, 1500);
    for (const whole of [100, 200, 400, 800, 1500, 1500, 1500]) assertNear(backoff.next(), whole);
  });

  it("stays at the longest delay however often it is asked", () => {
    const backoff = new Backoff(1, 30_000);
    for (let i = 0; i < 2000; i++) backoff.next();
    assertNear(backoff.next(), 30_000);
  });

  it("begins with the first delay again after a reset", () => {
    const backoff = new Backoff(100, 1500);
    for (let i = 0; i < 5; i++) backoff.next();
    backoff.reset();
    assertNear(backoff.next(), 100);
  });

  it("spreads clients that lost their streams at the same moment", () => {
    const delays = Array.from({ length: 50 }, () => new Backoff(10_000, 30_000).next());
    assert.ok(new Set(delays).size > 10, `expected many delays, got ${new Set(delays).size}`);
  });

  it("never waits longer than the longest delay, even the first time", () => {
    assertNear(new Backoff(5000, 200).next(), 200);
  });
});
