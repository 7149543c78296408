/** Datagrams between two ports of a capture: IKE on port 500, IKE behind its marker and ESP on port 4500 (RFC 3948). */

import type { UdpDatagram } from "../ip/udp_datagram.ts";
import { IKE_PORT, IPSEC_NAT_PORT, looksLikeMarkedIke } from "./recognise.ts";
import type { MessageDecryptor } from "./message_decryptor.ts";
import { ikeRows, type MessageRow, messageRows } from "./message_rows.ts";

/**
 * One flow. On ports other than 500 and 4500 it is read from the first datagram on that can be nothing but an IKE message
 * behind its marker: daemons and relays may use any.
 */
export class UdpFlow {
  readonly #keys: MessageDecryptor | undefined;
  #kind: "ike" | "encapsulated" | "unknown";

  /** A flow between two ports. */
  constructor(ports: readonly [number, number], keys?: MessageDecryptor) {
    this.#keys = keys;
    this.#kind = ports.includes(IPSEC_NAT_PORT)
      ? "encapsulated"
      : ports.includes(IKE_PORT)
      ? "ike"
      : "unknown";
  }

  /** The rows of a datagram; none when it is neither IKE nor ESP. */
  handle({ data, dataLength }: UdpDatagram): MessageRow[] {
    const isMarked = looksLikeMarkedIke(data, dataLength);
    if (this.#kind === "unknown" && isMarked) this.#kind = "encapsulated";
    if (this.#kind === "unknown") return [];
    // Some peers put the marker on port 500, too; others end a keepalive there.
    const isBare = this.#kind === "ike" && !isMarked && dataLength > 1;
    const options = { length: dataLength, keys: this.#keys };
    return isBare ? ikeRows(data, options) : messageRows(data, options);
  }
}
