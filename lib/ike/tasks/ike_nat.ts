/**
 * NAT detection (RFC 7296, section 2.23): each end sends a digest of the addresses and ports that it sees. Over TCP these are
 * the ports of the connection, and a NAT changes nothing in how things are carried (RFC 9329, section 6.5).
 */

import { EXCHANGE, NOTIFY } from "../codec/mod.ts";
import { equalOctets } from "../../crypto/mod.ts";
import type { IkeSa } from "../ike_sa.ts";
import { natDetectionHash } from "../keymat.ts";
import type { Incoming, Outgoing } from "../messages.ts";
import type { IkeEndpoint, IkePath } from "../path.ts";
import type { Task } from "./task.ts";

/** NAT_DETECTION_SOURCE_IP and NAT_DETECTION_DESTINATION_IP of IKE_SA_INIT. */
export class IkeNatTask implements Task {
  readonly name = "ike_nat";
  readonly #sa: IkeSa;
  done = false;

  /** Takes the SA. */
  constructor(sa: IkeSa) {
    this.#sa = sa;
  }

  build(message: Outgoing): void {
    if (message.exchangeType !== EXCHANGE.ikeSaInit) return;
    const { path, connection } = this.#sa;
    const source = this.#hash(path.local);
    // `encap` claims a NAT that is not there: a digest that fits nothing makes the peer put ESP into UDP.
    if (connection.encap) this.#sa.services.random(source);
    message.notify(NOTIFY.natDetectionSourceIp!, source);
    message.notify(NOTIFY.natDetectionDestinationIp!, this.#hash(path.remote));
    if (this.#sa.role === "responder") this.done = true;
  }

  process(message: Incoming): void {
    if (message.exchangeType !== EXCHANGE.ikeSaInit || message.error() !== undefined) return;
    if (message.notify(NOTIFY.cookie!) !== undefined) return;
    const nat = findNat(message, this.#sa, message.path);
    if (nat !== null) this.#sa.nat = { local: nat.local || this.#sa.connection.encap, remote: nat.remote };
    if (this.#sa.role === "responder") return;
    this.done = true;
    // "If a NAT is detected, both devices will use UDP encapsulation": IKE_AUTH goes out on port 4500 already.
    const { path, nat: found } = this.#sa;
    if (path.behindNat !== undefined && (found.local || found.remote)) this.#sa.setPath(path.behindNat);
  }

  abort(): void {}

  #hash(endpoint: IkeEndpoint): Uint8Array<ArrayBuffer> {
    return endpointHash(this.#sa, endpoint);
  }
}

/** What the digests of a message tell of NATs; null where it has none, which says nothing. */
export function findNat(
  message: Incoming,
  sa: IkeSa,
  path: IkePath,
): { local: boolean; remote: boolean } | null {
  const sources = message.all("N").filter(({ type }) => type === NOTIFY.natDetectionSourceIp);
  const destination = message.notify(NOTIFY.natDetectionDestinationIp!);
  if (sources.length === 0 || destination === undefined) return null;
  // In a request of IKE_SA_INIT the responder's SPI was not known when the digests were made.
  const known = message.exchangeType === EXCHANGE.ikeSaInit && sa.role === "responder"
    ? { ...pick(sa), spiR: new Uint8Array(8) }
    : pick(sa);
  const hash = ({ address, port }: IkeEndpoint) =>
    natDetectionHash(sa.services.crypto, { ...known, address, port });
  const seen = hash(path.remote);
  return {
    // A peer with several addresses sends several sources; one of them has to be the one seen here.
    remote: !sources.some(({ data }) => same(data, seen)),
    local: !same(destination.data, hash(path.local)),
  };
}

/** The digest of an endpoint under the SPIs of an SA. */
export function endpointHash(sa: IkeSa, { address, port }: IkeEndpoint): Uint8Array<ArrayBuffer> {
  return natDetectionHash(sa.services.crypto, { ...pick(sa), address, port });
}

function pick({ spiI, spiR }: IkeSa): { spiI: Uint8Array; spiR: Uint8Array } {
  return { spiI, spiR };
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && equalOctets(a, 0, b, 0, a.length);
}
