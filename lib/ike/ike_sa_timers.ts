/** The timers of one IKE SA: when its life is set going, and what happens when one of them has run out. */

import type { IkeSa } from "./ike_sa.ts";
import { longestWait } from "./retransmission.ts";
import { isEstablished } from "./state.ts";
import { livenessOperation } from "./tasks/operations.ts";
import type { TimerName } from "./timers.ts";

/** The timers of an IKE SA. */
export class IkeSaTimers {
  readonly #sa: IkeSa;

  /** Takes the IKE SA. */
  constructor(sa: IkeSa) {
    this.#sa = sa;
  }

  /** Sets or moves one. */
  set(name: TimerName, at: number, key?: number): void {
    this.#sa.services.timers.set(this.#sa, name, at, key);
  }

  /** When one runs out; undefined when it is not set. */
  at(name: TimerName, key?: number): number | undefined {
    return this.#sa.services.timers.at(this.#sa, name, key);
  }

  /** Forgets one, if it is set. */
  clear(name: TimerName, key?: number): void {
    this.#sa.services.timers.clear(this.#sa, name, key);
  }

  /** Forgets all. */
  clearAll(): void {
    this.#sa.services.timers.clearAll(this.#sa);
  }

  /** The SA is established: from now on its lifetime runs. */
  beginLife(): void {
    const { services, connection } = this.#sa;
    const { rekeyTime, overTime, randTime, reauthTime, dpdDelay } = connection;
    const early = services.randomBelow(randTime + 1);
    this.clear("half_open");
    if (rekeyTime > 0) this.set("rekey_ike", services.now + Math.max(1, rekeyTime - early));
    if (reauthTime > 0) this.set("reauthenticate", services.now + Math.max(1, reauthTime - early));
    const longest = Math.max(rekeyTime, reauthTime);
    if (longest > 0) this.set("expire_ike", services.now + longest + overTime);
    if (dpdDelay > 0) this.set("liveness", services.now + dpdDelay);
  }

  /** Another SA has taken this one's place: nothing is to be renewed here any more. */
  endLife(): void {
    for (const name of ["rekey_ike", "expire_ike", "reauthenticate", "liveness"] as const) this.clear(name);
    this.linger();
  }

  /** The peer has to delete this SA. Whether it still waits for an answer is known when retransmissions have had their time. */
  linger(): void {
    const { services, path } = this.#sa;
    const { limits, now } = services;
    const wait = longestWait({ ...limits, retransmit_base: 1.8 }, path.reliable);
    this.set("linger", now + Math.max(limits.linger_time, wait));
  }

  /** One has run out. */
  handle(name: TimerName, key: number): void {
    const sa = this.#sa;
    const { limits } = sa.services;
    switch (name) {
      case "retransmit":
        return sa.exchanges.handleTimeout(key);
      case "half_open":
        return sa.end.fail(
          "timeout",
          `The peer did not authenticate itself within ${limits.half_open_timeout} ms`,
        );
      case "reassembly":
        return sa.channel.dropFragments();
      case "liveness":
        return this.#checkLiveness();
      case "init_error":
        return sa.failOfInitError();
      case "linger":
        if (isEstablished(sa.state)) return sa.end.delete("replaced");
        return sa.end.fail("timeout", "The peer did not answer any more");
      case "rekey_child": {
        const child = sa.children.byId(key);
        return child === undefined ? undefined : sa.children.rekey(child);
      }
      case "rekey_ike":
        return sa.succession.rekey();
      case "expire_child": {
        const child = sa.children.byId(key);
        return child === undefined ? undefined : sa.children.delete(child, "expired");
      }
      case "expire_ike":
        return sa.end.delete("local", { reason: "expired", text: "The IKE SA was not rekeyed in time" });
    }
  }

  /** Asks a peer that was silent for `dpd_delay`; a request under way asks already. */
  #checkLiveness(): void {
    const { services, connection, lastHeard, exchanges } = this.#sa;
    const due = lastHeard + connection.dpdDelay;
    if (services.now < due) return this.set("liveness", due);
    this.set("liveness", services.now + connection.dpdDelay);
    if (exchanges.pending === 0) exchanges.begin(livenessOperation(this.#sa));
  }
}
