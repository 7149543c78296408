/** Pings through ESP, one after the other. */

import { emitIcmpEcho, parseIcmpEcho } from "iketcp/tunnel";
import { INNER_ADDRESS, INNER_HOST, type Tunnel } from "./tunnel.ts";

/** What became of a ping. */
export interface PingOutcome {
  /** Its number. */
  readonly sequence: number;
  /** Its round trip; absent where no answer came in time. */
  readonly milliseconds?: number;
}

/** A packet as the ladder shows it. */
export interface PacketLine {
  /** Which way it went. */
  readonly direction: "sent" | "received";
  /** What it is. */
  readonly text: string;
  /** Octets of the inner packet. */
  readonly length: number;
}

const TIMEOUT = 2000;
const PAYLOAD = new TextEncoder().encode("ping from a page, through ESP, and back");

/** Sends echo requests and waits for their answers. */
export class Pings {
  readonly #tunnel: Tunnel;
  readonly #show: (line: PacketLine) => void;
  readonly #waiting: Map<number, (answered: boolean) => void> = new Map();
  readonly #identifier: number = Math.floor(Math.random() * 0x10000);
  #sequence = 0;

  /** Takes the tunnel's ICMP packets. */
  constructor(tunnel: Tunnel, show: (line: PacketLine) => void) {
    this.#tunnel = tunnel;
    this.#show = show;
    tunnel.onIcmp = (packet) => this.#handle(packet);
  }

  /** Sends one. */
  async ping(): Promise<PingOutcome> {
    const sequence = ++this.#sequence;
    const packet = emitIcmpEcho({
      kind: "request",
      source: this.#tunnel.address,
      destination: INNER_ADDRESS,
      identifier: this.#identifier,
      sequence,
      data: PAYLOAD,
    });
    const began = performance.now();
    const answered = new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), TIMEOUT);
      this.#waiting.set(sequence, (outcome) => {
        clearTimeout(timer);
        resolve(outcome);
      });
    });
    this.#show({
      direction: "sent",
      text: `{ IP, echo request ${sequence} to ${INNER_HOST} }`,
      length: packet.length,
    });
    try {
      await this.#tunnel.writer.write([packet]);
    } catch {
      this.#waiting.get(sequence)?.(false);
    }
    const arrived = await answered;
    this.#waiting.delete(sequence);
    return { sequence, ...(arrived && { milliseconds: performance.now() - began }) };
  }

  #handle(packet: Uint8Array): void {
    const echo = parseIcmpEcho(packet);
    if (echo?.kind !== "reply" || echo.identifier !== this.#identifier) return;
    const settle = this.#waiting.get(echo.sequence);
    if (settle === undefined || !sameOctets(echo.data, PAYLOAD)) return;
    this.#show({ direction: "received", text: `{ IP, echo reply ${echo.sequence} }`, length: packet.length });
    settle(true);
  }
}

function sameOctets(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, i) => octet === b[i]);
}
