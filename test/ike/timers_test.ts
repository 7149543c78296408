import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { type SetTimer, type TimerName, type TimerOwner, Timers } from "../../lib/ike/mod.ts";

class Owner implements TimerOwner {
  firstTimer: SetTimer | null = null;
  readonly id: number;

  constructor(id: number) {
    this.id = id;
  }

  handle(): void {}
}

const NAMES: readonly TimerName[] = ["retransmit", "liveness", "rekey_child"];

describe("Timers", () => {
  it("run out in the order of their times, once", () => {
    const timers = new Timers();
    const [a, b] = [new Owner(1), new Owner(2)];
    timers.set(a, "liveness", 30);
    timers.set(b, "liveness", 10);
    timers.set(a, "rekey_child", 20, 7);
    assert.equal(timers.deadline, 10);
    assert.equal(timers.expire(9), undefined);
    assert.equal(timers.expire(30)?.owner, b);
    const second = timers.expire(30);
    assert.deepEqual([second?.owner, second?.name, second?.key], [a, "rekey_child", 7]);
    assert.equal(timers.expire(30)?.owner, a);
    assert.equal(timers.expire(30), undefined);
    assert.equal(timers.deadline, null);
  });

  it("are moved by being set again, and told apart by key", () => {
    const timers = new Timers();
    const owner = new Owner(1);
    timers.set(owner, "retransmit", 10, 1);
    timers.set(owner, "retransmit", 20, 2);
    timers.set(owner, "retransmit", 30, 1);
    assert.equal(timers.size, 2);
    assert.equal(timers.at(owner, "retransmit", 1), 30);
    assert.equal(timers.deadline, 20);
    timers.clear(owner, "retransmit", 2);
    assert.equal(timers.deadline, 30);
  });

  it("of an owner go all at once", () => {
    const timers = new Timers();
    const [a, b] = [new Owner(1), new Owner(2)];
    for (let i = 0; i < 5; i++) timers.set(i % 2 === 0 ? a : b, "rekey_child", 10 * i, i);
    timers.clearAll(a);
    assert.equal(timers.size, 2);
    timers.clearAll(a);
    timers.clear(a, "liveness");
    timers.clearAll(b);
    assert.equal(timers.deadline, null);
  });

  it("agree with a list that is searched from end to end", () => {
    const step = fc.record({
      owner: fc.nat(3),
      name: fc.constantFrom(...NAMES),
      key: fc.nat(2),
      action: fc.constantFrom("set", "set", "set", "clear", "clearAll", "expire"),
      at: fc.nat(50),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const timers = new Timers();
        const owners = [0, 1, 2, 3].map((id) => new Owner(id));
        const slow = new Map<string, number>();
        for (const { owner, name, key, action, at } of steps) {
          const id = `${owner} ${name} ${key}`;
          if (action === "set") {
            timers.set(owners[owner]!, name, at, key);
            slow.set(id, at);
          } else if (action === "clear") {
            timers.clear(owners[owner]!, name, key);
            slow.delete(id);
          } else if (action === "clearAll") {
            timers.clearAll(owners[owner]!);
            for (const other of [...slow.keys()]) if (other.startsWith(`${owner} `)) slow.delete(other);
          } else {
            const expired = timers.expire(at);
            const first = Math.min(...slow.values());
            assert.equal(expired === undefined, !(first <= at));
            if (expired !== undefined) {
              const expiredId = `${(expired.owner as Owner).id} ${expired.name} ${expired.key}`;
              assert.equal(slow.get(expiredId), first);
              slow.delete(expiredId);
            }
          }
          assert.equal(timers.size, slow.size);
          assert.equal(timers.deadline, slow.size === 0 ? null : Math.min(...slow.values()));
        }
      }),
      { numRuns: 60 },
    );
  });
});
