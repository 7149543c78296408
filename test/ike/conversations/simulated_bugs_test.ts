/** What `npm run simulate` has found, each as the shortest conversation that shows it. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { Pair } from "../_pair.ts";

describe("What the simulator has found", () => {
  it("two child SAs for the same traffic each have a successor when both ends are authenticated anew", () => {
    const pair = new Pair();
    pair.connect();
    pair.handle(pair.a, { kind: "initiate_child", ikeSa: 1, child: "net" });
    pair.settle();
    const before = pair.b.of("child_sa_installed").map(({ childSa }) => childSa.child);
    pair.b.forget();
    pair.handle(pair.a, { kind: "reauthenticate", ikeSa: 1 });
    pair.settle();
    const replaced = pair.b.of("child_sa_installed").map(({ replaces }) => replaces);
    assert.deepEqual(replaced, before);
    assert.equal(pair.b.of("child_sa_switched").length, 2);
  });
});
