/**
 * The states of an IKE SA as one table, and the only code that changes them. A move that the table lacks is a fault of this
 * program, never of a peer: what a peer sends is checked against the state before anything is moved.
 */

/** Where an IKE SA stands. */
export type IkeSaState =
  /** Nothing has been sent or answered. */
  | "created"
  /** IKE_SA_INIT and IKE_AUTH are under way. */
  | "connecting"
  /** Both ends are authenticated. */
  | "established"
  /** Another IKE SA has taken over its children; it waits to be deleted (RFC 7296, section 2.8). */
  | "rekeyed"
  /** This end has asked for its deletion (section 1.4.1). */
  | "deleting"
  /** Gone: nothing is kept and nothing accepted. */
  | "closed";

/** What moves an IKE SA. */
export type IkeSaMove =
  /** This end begins IKE_SA_INIT. */
  | "initiate"
  /** The peer began it, and its offer was acceptable. */
  | "init_request"
  /** Both ends are authenticated, or the SA comes from a rekey of one that was. */
  | "authenticated"
  /** Another SA replaces this one. */
  | "rekeyed"
  /** This end sends D. */
  | "delete"
  /** The peer sent D. */
  | "deleted_by_peer"
  /** The peer answered D. */
  | "delete_acknowledged"
  /** Authentication failed, a message was malformed, no answer came, or the caller gave up: over without D. */
  | "failed";

/** For each state, the state that each possible move leads to. */
export type IkeSaTransitions = Readonly<Record<IkeSaState, Readonly<Partial<Record<IkeSaMove, IkeSaState>>>>>;

/** The table. The picture in ARCHITECTURE.md is drawn from it (`test/ike/_state_picture.ts`). */
export const IKE_SA_TRANSITIONS: IkeSaTransitions = {
  created: {
    initiate: "connecting",
    init_request: "connecting",
    authenticated: "established", // made by a rekey (section 2.18)
    failed: "closed",
  },
  connecting: { authenticated: "established", failed: "closed" },
  established: { rekeyed: "rekeyed", delete: "deleting", deleted_by_peer: "closed", failed: "closed" },
  rekeyed: { delete: "deleting", deleted_by_peer: "closed", failed: "closed" },
  deleting: { delete_acknowledged: "closed", deleted_by_peer: "closed", failed: "closed" },
  closed: {},
};

/**
 * The state after a move; throws where the table has none.
 *
 * @example
 * ```ts
 * import { nextIkeSaState } from "iketcp/ike";
 * import { strictEqual, throws } from "node:assert";
 *
 * strictEqual(nextIkeSaState("connecting", "authenticated"), "established");
 * throws(() => nextIkeSaState("closed", "delete"), /closed.*delete/);
 * ```
 */
export function nextIkeSaState(state: IkeSaState, move: IkeSaMove): IkeSaState {
  const next = IKE_SA_TRANSITIONS[state][move];
  if (next === undefined) {
    const possible = Object.keys(IKE_SA_TRANSITIONS[state]).join(", ") || "nothing";
    throw new Error(`Cannot move an IKE SA that is ${state}: expected ${possible}, got ${move}`);
  }
  return next;
}

/** Whether child SAs may be made and used, and requests of the peer other than IKE_AUTH are in order. */
export function isEstablished(state: IkeSaState): boolean {
  return state === "established" || state === "rekeyed" || state === "deleting";
}
