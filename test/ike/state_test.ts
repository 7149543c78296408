import { describe, it } from "node:test";
import assert from "node:assert/strict";
import {
  IKE_SA_TRANSITIONS,
  type IkeSaMove,
  type IkeSaState,
  isEstablished,
  nextIkeSaState,
} from "../../lib/ike/mod.ts";

const STATES = Object.keys(IKE_SA_TRANSITIONS) as IkeSaState[];
const MOVES = [...new Set(STATES.flatMap((state) => Object.keys(IKE_SA_TRANSITIONS[state])))] as IkeSaMove[];

describe("The states of an IKE SA", () => {
  it("all lead to closed, and closed leads nowhere", () => {
    assert.deepEqual(IKE_SA_TRANSITIONS.closed, {});
    for (const state of STATES) {
      const reached = new Set<IkeSaState>([state]);
      for (const one of reached) for (const next of Object.values(IKE_SA_TRANSITIONS[one])) reached.add(next);
      assert.ok(reached.has("closed"), state);
    }
  });

  it("end by failure from anywhere but closed", () => {
    for (const state of STATES.filter((one) => one !== "closed")) {
      assert.equal(nextIkeSaState(state, "failed"), "closed");
    }
  });

  it("are never established but by authentication", () => {
    for (const state of STATES) {
      for (const move of MOVES) {
        const next = IKE_SA_TRANSITIONS[state][move];
        if (next !== undefined && isEstablished(next) && !isEstablished(state)) {
          assert.equal(move, "authenticated");
        }
      }
    }
  });

  it("refuse every move that the table lacks, by name", () => {
    for (const state of STATES) {
      for (const move of MOVES.filter((one) => IKE_SA_TRANSITIONS[state][one] === undefined)) {
        assert.throws(() => nextIkeSaState(state, move), new RegExp(`is ${state}: .* got ${move}`));
      }
    }
  });
});
