/** A peer that refuses what is asked for in CREATE_CHILD_SA. */

import { EXCHANGE, notifyPayload } from "../../../lib/ike/codec/mod.ts";
import { Forger } from "../_forger.ts";
import type { Pair } from "../_pair.ts";

/**
 * In the place of `b`, somebody with its keys answers the next CREATE_CHILD_SA requests with a notify, so often or until the network is
 * another one. Keys are those of the first IKE SA.
 */
export function refuse(pair: Pair, notify: number, times: number = Infinity, data?: Uint8Array): void {
  const [initiator, forger] = [new Forger(pair, "a"), new Forger(pair, "b")];
  let left = times;
  pair.network = ({ from, octets }) => {
    const isRequest = (octets[19]! & 0x20) === 0;
    if (from !== "a" || octets[18] !== EXCHANGE.createChildSa || !isRequest || left === 0) return octets;
    left--;
    const messageId = new DataView(octets.buffer, octets.byteOffset).getUint32(20);
    // `b` must see a request under this Message ID, one that does nothing; its answer is lost.
    const before = pair.inFlight.length;
    initiator.send(initiator.seal({ exchangeType: EXCHANGE.informational, messageId, payloads: [] }));
    pair.inFlight.splice(before);
    const payloads = [notifyPayload(notify, data)];
    forger.send(forger.seal({ exchangeType: EXCHANGE.createChildSa, messageId, payloads, response: true }));
    return null;
  };
}
