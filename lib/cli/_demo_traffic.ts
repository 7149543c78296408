/** What each SA of the demo has carried, as both ends have counted it. */

import type { IkeEvent, IkeSaId } from "../ike/mod.ts";
import type { ChildSaTraffic } from "../tunnel/mod.ts";
import type { ChildSaReport, Crossing, IkeSaReport } from "./_demo_tunnel.ts";

/** Joins the counts of both ends. */
export class DemoTraffic {
  readonly #ikeSas: Map<IkeSaId, { spis: string; messages: number }> = new Map();
  /** Of each end, by the SPI that the initiator sends with. */
  readonly #initiator: Map<number, ChildSaTraffic> = new Map();
  readonly #responder: Map<number, ChildSaTraffic> = new Map();

  /** Counts messages of the initiator's IKE SAs, which have a number before they have a peer. */
  handleEvent(event: IkeEvent): void {
    if (event.type === "message" && event.ikeSa !== undefined) this.#ikeSa(event.ikeSa).messages++;
    if (event.type === "ike_sa_established") {
      this.#ikeSa(event.ikeSa).spis = `${event.spiI} and ${event.spiR}`;
    }
  }

  /** A child SA is gone from the initiator. */
  handleInitiatorChild(traffic: ChildSaTraffic): void {
    this.#initiator.set(traffic.outboundSpi, traffic);
  }

  /** A child SA is gone from the responder. */
  handleResponderChild(traffic: ChildSaTraffic): void {
    this.#responder.set(traffic.inboundSpi, traffic);
  }

  /** The IKE SAs. */
  get ikeSas(): IkeSaReport[] {
    return [...this.#ikeSas.values()];
  }

  /** The child SAs that are gone. What one end has of them and the other has not counts as nothing there. */
  get childSas(): ChildSaReport[] {
    const inOrder = [...this.#initiator].sort(([, a], [, b]) => a.child - b.child);
    return inOrder.map(([there, initiator]) => {
      const responder = this.#responder.get(there);
      return {
        spis: [showSpi(there), showSpi(initiator.inboundSpi)],
        there: { sent: initiator.sent.packets, received: responder?.received.packets ?? 0 },
        back: { sent: responder?.sent.packets ?? 0, received: initiator.received.packets },
      };
    });
  }

  #ikeSa(id: IkeSaId): { spis: string; messages: number } {
    let ikeSa = this.#ikeSas.get(id);
    if (ikeSa === undefined) this.#ikeSas.set(id, ikeSa = { spis: "", messages: 0 });
    return ikeSa;
  }
}

/** All child SAs together. */
export function sumOf(
  childSas: readonly ChildSaReport[],
): { readonly there: Crossing; readonly back: Crossing } {
  return { there: sum(childSas.map(({ there }) => there)), back: sum(childSas.map(({ back }) => back)) };
}

function sum(crossings: readonly Crossing[]): Crossing {
  return crossings.reduce(
    (total, { sent, received }) => ({ sent: total.sent + sent, received: total.received + received }),
    { sent: 0, received: 0 },
  );
}

/** As captures show it. */
export function showSpi(value: number): string {
  return value.toString(16).padStart(8, "0");
}
