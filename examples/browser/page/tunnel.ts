/** The page's end of the tunnel: a carrier that browsers have, and the engine with plain JavaScript for its cryptography. */

import { CryptoProviders, nobleProvider } from "iketcp/crypto";
import type { ConnectionConfig, IkeEvent } from "iketcp/ike";
import { Credentials, parseIdentity } from "iketcp/ike/auth";
import { type Connection, connectPlatformWebSocket, connectWebTransport } from "iketcp/transport";
import { connect, formatIpAddress, parseIpAddress, parseIpPacket, type Session } from "iketcp/tunnel";
import type { Carriers } from "../gateway.ts";

export type { Carriers };

/** A way to the gateway. */
export type CarrierName = keyof Carriers;

/** The host behind the gateway that is spoken to. */
export const INNER_HOST = "192.0.2.1";
/** Its address in octets. */
export const INNER_ADDRESS: Uint8Array = parseIpAddress(INNER_HOST)!;

/** Each page is somebody else, since a gateway lets one identity have one IKE SA: the newest (INITIAL_CONTACT) ends the others. */
export const CLIENT_ID: string = `page-${
  Math.floor(Math.random() * 0x10000).toString(16).padStart(4, "0")
}.example`;

/** Milliseconds that the carrier may take. */
const TIMEOUT = 5000;

const PROTOCOL_ICMP = 1;

/** What {@linkcode openTunnel} takes. */
export interface TunnelOptions {
  /** Where the gateway is. */
  readonly carriers: Carriers;
  /** Which way to it. */
  readonly carrier: CarrierName;
  /** The pre-shared key. */
  readonly secret: string;
  /** What is proposed for the child SA, in strongSwan's words. */
  readonly espProposal: string;
  /** Gives up when aborted. */
  readonly signal: AbortSignal;
  /** Told what the engine tells. */
  readonly onEvent: (event: IkeEvent) => void;
}

/** A session, and who listens to its packets. */
export interface Tunnel {
  /** The session. */
  readonly session: Session;
  /** The page's address inside. */
  readonly address: Uint8Array;
  /** In words. */
  readonly addressText: string;
  /** Sends IP packets. */
  readonly writer: WritableStreamDefaultWriter<Uint8Array[]>;
  /** Takes the ICMP packets that come. */
  onIcmp: (packet: Uint8Array) => void;
  /** Takes the others of a batch. */
  onDatagrams: (packets: Uint8Array[]) => void;
}

/** The words of swanctl.conf; rekey times as they would be by themselves. */
export function configurationOf(espProposal: string): ConnectionConfig {
  return {
    name: "page",
    local: { auth: "psk", id: CLIENT_ID },
    remote: { auth: "psk", id: "gw.example" },
    vips: "0.0.0.0",
    proposals: "aes256gcm16-prfsha384-x25519",
    rekey_time: "4h",
    children: { net: { remote_ts: "192.0.2.0/24", esp_proposals: espProposal, rekey_time: "1h" } },
  };
}

/** Opens the carrier, sets up an IKE SA and a child SA through it, and reads what comes. */
export async function openTunnel(options: TunnelOptions): Promise<Tunnel> {
  const { secret, espProposal, signal, onEvent } = options;
  const connection = await openCarrier(options);
  const credentials = new Credentials();
  credentials.addPreSharedKey({
    secret: new TextEncoder().encode(secret),
    owners: [parseIdentity("gw.example"), parseIdentity(CLIENT_ID)],
  });
  const session = await connect(connection, {
    crypto: new CryptoProviders([nobleProvider()]),
    credentials,
    configuration: configurationOf(espProposal),
    signal,
    onEvent,
  });
  const address = session.configuration.addresses[0]!;
  const tunnel: Tunnel = {
    session,
    address,
    addressText: formatIpAddress(address),
    writer: session.writable.getWriter() as WritableStreamDefaultWriter<Uint8Array[]>,
    onIcmp: () => {},
    onDatagrams: () => {},
  };
  tunnel.writer.closed.catch(() => {}); // `session.closed` tells
  read(tunnel).catch(() => {});
  return tunnel;
}

function openCarrier({ carriers, carrier, signal }: TunnelOptions): Promise<Connection> {
  const { webSocket, webTransport } = carriers;
  if (carrier === "webTransport" && "url" in webTransport) {
    return connectWebTransport(webTransport.url, { pin: [webTransport.pin], signal, timeout: TIMEOUT });
  }
  return connectPlatformWebSocket(webSocket.url, { signal, timeout: TIMEOUT });
}

async function read(tunnel: Tunnel): Promise<void> {
  const reader = tunnel.session.readable.getReader();
  for (;;) {
    const { done, value: packets } = await reader.read();
    if (done) return;
    const others: Uint8Array[] = [];
    for (const packet of packets) {
      if (parseIpPacket(packet)?.protocol === PROTOCOL_ICMP) tunnel.onIcmp(packet);
      else others.push(packet);
    }
    if (others.length > 0) tunnel.onDatagrams(others);
  }
}
