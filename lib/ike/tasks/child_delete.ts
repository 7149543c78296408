/**
 * Deletes child SAs (RFC 7296, section 1.4.1): each end names the SPIs that it receives on, so both directions of a child SA
 * go. Where requests of both ends cross, each deletes, and neither names them in its answer.
 */

import { type ChildSa, spiNumber, spiOctets } from "../child_sa.ts";
import { PROTOCOL } from "../codec/mod.ts";
import type { ChildSaDeleted } from "../events.ts";
import type { IkeSa } from "../ike_sa.ts";
import type { Incoming, Outgoing } from "../messages.ts";
import type { Task } from "./task.ts";

/** D of a child SA that this end deletes. */
export class ChildDeleteTask implements Task {
  readonly name = "child_delete";
  readonly #sa: IkeSa;
  readonly #child: ChildSa;
  readonly #by: ChildSaDeleted["by"];
  done = false;

  /** Takes the child SA, and what is to be told of its end. */
  constructor(sa: IkeSa, child: ChildSa, by: ChildSaDeleted["by"]) {
    this.#sa = sa;
    this.#child = child;
    this.#by = by;
  }

  build(message: Outgoing): void {
    if (!this.#sa.children.has(this.#child) && this.#child.expired !== true) {
      this.done = true; // the peer was first
      return;
    }
    message.add({ kind: "D", protocol: PROTOCOL.esp!, spis: [spiOctets(this.#child.spiIn)] });
  }

  process(_message: Incoming): void {
    // Whatever the answer holds: the peer has had our word, and knows nothing of the child SA from here on.
    const { children } = this.#sa;
    if (children.has(this.#child)) {
      children.remove(this.#child, this.#by);
      children.switchFrom(this.#child);
    }
    this.abort();
  }

  /** The SPI of one that expired meanwhile was kept for its D. */
  abort(): void {
    if (this.done) return;
    this.done = true;
    if (this.#child.expired === true) this.#sa.services.releaseChildSpi(this.#child.spiIn);
  }
}

/** D of a child SA that the peer has made and this end does not want: it never was installed here. */
export class UnwantedChildTask implements Task {
  readonly name = "child_delete";
  readonly #sa: IkeSa;
  readonly #spi: number;
  done = false;

  /** Takes our SPI. */
  constructor(sa: IkeSa, spi: number) {
    this.#sa = sa;
    this.#spi = spi;
  }

  build(message: Outgoing): void {
    message.add({ kind: "D", protocol: PROTOCOL.esp!, spis: [spiOctets(this.#spi)] });
  }

  process(_message: Incoming): void {
    this.abort();
  }

  abort(): void {
    if (this.done) return;
    this.done = true;
    this.#sa.services.releaseChildSpi(this.#spi);
  }
}

/** D of child SAs that the peer deletes. */
export class PeerChildDeleteTask implements Task {
  readonly name = "child_delete";
  readonly #sa: IkeSa;
  #ours: number[] = [];
  done = false;

  /** Takes the SA. */
  constructor(sa: IkeSa) {
    this.#sa = sa;
  }

  process(message: Incoming): void {
    for (const { protocol, spis } of message.all("D")) {
      if (protocol !== PROTOCOL.esp) continue;
      for (const octets of spis) this.#delete(spiNumber(octets));
    }
  }

  /** An SPI that no child SA sends to is passed over: that child SA is gone already. */
  #delete(spiOut: number | undefined): void {
    // A rekey of the IKE SA may have moved its children on while this was under way.
    for (const sa of [this.#sa, this.#sa.succession.successor]) {
      const child = sa?.children.bySpiOut(spiOut);
      if (child === undefined) continue;
      if (child.state !== "deleting") this.#ours.push(child.spiIn);
      const { successor } = child;
      sa!.children.remove(child, successor === undefined ? "peer" : "replaced");
      // Of two for the same traffic, whose lives are over at different ends, each may have been taken for the one that is left.
      if (successor === undefined && child.standsIn === true) sa!.children.renew(child);
      // Who began the rekey deletes the old one: from now on the new one is in use at both ends (section 2.8).
      sa!.children.switchFrom(child);
      return;
    }
    if (spiOut !== undefined) this.#sa.children.noteDeletedUnseen(spiOut);
  }

  build(message: Outgoing): void {
    this.done = true;
    if (this.#ours.length > 0) {
      message.add({ kind: "D", protocol: PROTOCOL.esp!, spis: this.#ours.map((spi) => spiOctets(spi)) });
    }
  }

  abort(): void {}
}
