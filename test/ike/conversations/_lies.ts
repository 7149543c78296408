/** A peer that has the keys, and lies. */

import { Forger, type Forgery } from "../_forger.ts";
import { type End, Pair, type PairOptions } from "../_pair.ts";

/** The SPI that an end receives on with its last child SA. */
export function spiTo(end: End): Uint8Array {
  const octets = new Uint8Array(4);
  new DataView(octets.buffer).setUint32(0, end.lastChild().childSa.inbound.spi);
  return octets;
}

/** Two ends that have told nothing, and the SPI that `a` receives on with their child SA. */
export function withChild(options: PairOptions = {}): { pair: Pair; spi: Uint8Array } {
  const pair = new Pair(options);
  pair.connect();
  const spi = spiTo(pair.a);
  pair.a.forget();
  pair.b.forget();
  return { pair, spi };
}

/** `a` lies: its second request, after IKE_AUTH, and those after it. Gives the last answer of `b`. */
export function lie(pair: Pair, ...forgeries: Omit<Forgery, "messageId">[]): string {
  const forger = new Forger(pair, "a");
  forgeries.forEach((forgery, i) => forger.send(forger.seal({ ...forgery, messageId: 2 + i })));
  pair.inFlight.length = 0; // `a` has asked nothing
  return pair.b.talk().filter((line) => line.endsWith("-->")).at(-1) ?? "";
}
