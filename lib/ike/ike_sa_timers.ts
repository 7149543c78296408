/** The timers of one IKE SA: when its life is set going, and what happens when one of them has run out. */

import type { IkeSa } from "./ike_sa.ts";
import { longestWait } from "./retransmission.ts";
import { isEstablished } from "./state.ts";
import { invalidSpiOperation, livenessOperation } from "./tasks/operations.ts";
import type { SetTimer, TimerName, TimerOwner } from "./timers.ts";

/** The timers of an IKE SA. */
export class IkeSaTimers implements TimerOwner {
  /** See `Timers`. */
  firstTimer: SetTimer | null = null;
  readonly #sa: IkeSa;
  /**
   * When both ends are to be authenticated anew: null for never, undefined before the SA is established. A rekey does not put it
   * off (RFC 4478, section 2).
   */
  #reauthAt: number | null | undefined = undefined;
  #establishedAt = 0;
  /** Before that time no hint has anything done. */
  #nextHint = 0;
  /** Before these times no unknown SPI is told to the peer, and none that it tells has anything done. */
  #nextReport = 0;
  #nextRepair = 0;

  /** Takes the IKE SA. */
  constructor(sa: IkeSa) {
    this.#sa = sa;
  }

  /** Sets or moves one. */
  set(name: TimerName, at: number, key?: number): void {
    this.#sa.services.timers.set(this, name, at, key);
  }

  /** When one runs out; undefined when it is not set. */
  at(name: TimerName, key?: number): number | undefined {
    return this.#sa.services.timers.at(this, name, key);
  }

  /** Forgets one, if it is set. */
  clear(name: TimerName, key?: number): void {
    this.#sa.services.timers.clear(this, name, key);
  }

  /** Forgets all. */
  clearAll(): void {
    this.#sa.services.timers.clearAll(this);
  }

  /** When both ends are to be authenticated anew; null for never. */
  get reauthAt(): number | null {
    return this.#reauthAt ?? null;
  }

  /**
   * The SA is established: from now on its lifetime runs, in the words of swanctl.conf. Both times come earlier by one random part of
   * `rand_time`; the SA ends `over_time` after the first of them.
   */
  beginLife(): void {
    const { services, connection } = this.#sa;
    const { rekeyTime, overTime, randTime, reauthTime, dpdDelay } = connection;
    const { now } = services;
    const after = (time: number) => now + Math.max(1, time - services.randomBelow(randTime + 1));
    this.clear("half_open");
    this.#establishedAt = now;
    if (this.#reauthAt === undefined) {
      this.#reauthAt = reauthTime > 0 ? after(reauthTime) : null;
      if (this.#reauthAt !== null) this.set("reauthenticate", this.#reauthAt);
    }
    const rekeyAt = rekeyTime > 0 ? after(rekeyTime) : null;
    if (rekeyAt !== null) this.set("rekey_ike", rekeyAt);
    const first = Math.min(rekeyAt ?? Infinity, this.#reauthAt ?? Infinity);
    if (first !== Infinity) this.set("expire_ike", Math.max(now + 1, first + overTime));
    if (dpdDelay > 0) this.set("liveness", now + dpdDelay);
  }

  /** The successor of an SA inherits how long its authentication holds, and a reauthentication that is due. */
  inheritFrom(old: IkeSaTimers): void {
    this.#reauthAt = old.reauthAt;
    const at = old.at("reauthenticate");
    if (at !== undefined) this.set("reauthenticate", at);
  }

  /** The peer wants both ends authenticated anew within a time (RFC 4478). It may come earlier, and too often it does not. */
  limitAuthentication(milliseconds: number): void {
    const { services } = this.#sa;
    const { limits, now } = services;
    const early = services.randomBelow(Math.floor(milliseconds / 10) + 1);
    const at = Math.max(now + milliseconds - early, this.#establishedAt + limits.min_auth_lifetime);
    if (this.#reauthAt !== null && this.#reauthAt !== undefined && this.#reauthAt <= at) return;
    this.#reauthAt = at;
    this.set("reauthenticate", at);
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
          `The peer did not authenticate itself within ${limits.half_open_timeout} ms${
            sa.refusal === null ? "" : `; EAP failed: ${sa.refusal}`
          }`,
        );
      case "reassembly":
        return sa.channel.dropFragments();
      case "liveness":
        return this.#checkLiveness();
      case "init_error":
        return sa.failOfInitError();
      case "release":
        return sa.succession.release();
      case "linger":
        if (sa.state === "deleting" && sa.succession.isForNothing) {
          return sa.end.fail("timeout", "The peer knows nothing of it");
        }
        if (isEstablished(sa.state)) return sa.end.delete("replaced");
        return sa.end.fail("timeout", "The peer did not answer any more");
      case "rekey_child": {
        const child = sa.children.byId(key);
        return child === undefined ? undefined : sa.children.rekey(child);
      }
      case "switch_child": {
        const child = sa.children.byId(key);
        return child === undefined ? undefined : sa.children.switchTo(child);
      }
      case "confirm_child": {
        const child = sa.children.byId(key);
        return child === undefined ? undefined : sa.children.confirm(child);
      }
      case "retry":
        return sa.retries.handle(key);
      case "rekey_ike":
        return sa.succession.rekey();
      case "expire_child": {
        const child = sa.children.byId(key);
        return child === undefined ? undefined : sa.children.expire(child);
      }
      case "reauthenticate":
        return sa.reauthentication.begin();
      case "expire_ike": {
        const what = sa.services.now >= (this.#reauthAt ?? Infinity) ? "authenticated anew" : "rekeyed";
        return sa.end.delete("local", { reason: "expired", text: `The IKE SA was not ${what} in time` });
      }
      case "late_packets":
        return sa.children.forget(key);
    }
  }

  /**
   * Somebody says without proof that the peer knows nothing of this SA (section 2.21.4): the peer is asked, unless a request asks
   * already, and "to avoid being tricked into participating in a DoS attack" not more often than `hint_pause` allows.
   */
  noteHint(): void {
    const { state, services, exchanges } = this.#sa;
    if (state !== "established" || exchanges.pending > 0 || services.now < this.#nextHint) return;
    this.#nextHint = services.now + services.limits.hint_pause;
    exchanges.begin(livenessOperation(this.#sa));
  }

  /** The peer sends with an SPI of no child SA: it is told (section 1.5), not more often than `invalid_spi_pause` allows. */
  reportSpi(spi: number): void {
    const { state, services, exchanges } = this.#sa;
    if (state !== "established" || services.now < this.#nextReport) return;
    this.#nextReport = services.now + services.limits.invalid_spi_pause;
    exchanges.begin(invalidSpiOperation(spi));
  }

  /** Whether something may be done about a child SA of which the peer says that it does not have it. */
  takeRepair(): boolean {
    const { now, limits } = this.#sa.services;
    if (now < this.#nextRepair) return false;
    this.#nextRepair = now + limits.invalid_spi_pause;
    return true;
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
