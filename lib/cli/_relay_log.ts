/** What `iketcp relay` tells: its own events and those of the relay, as text or as one JSON object a line. */

import process from "node:process";
import type { RelayEvent } from "../relay/mod.ts";
import { type ConnectionLayer, formatAddress, type TransportAddress } from "../transport/mod.ts";

/** Events of the program itself. */
export type ProgramEvent =
  | {
    readonly event: "listening";
    readonly url: string;
    readonly to: readonly string[];
    /** The process that signals are for; a package manager that started it is another. */
    readonly pid: number;
  }
  | { readonly event: "carrier"; readonly url: string; readonly layers: readonly string[] }
  /** A client whose layers below the stream (TLS, WebSocket) could not be opened. */
  | { readonly event: "client_refused"; readonly client: TransportAddress; readonly error: Error }
  /** The certificate was read again, or could not be used. */
  | { readonly event: "certificate_read"; readonly error?: Error }
  | ({ readonly event: "counters" } & Readonly<Record<string, unknown>>);

/** Takes an event to tell. */
export type Log = (event: RelayEvent | ProgramEvent) => void;

/** Lines a second that events of strangers may fill; what a scanner or a flood causes beyond is counted. */
const LINES_A_SECOND = 100;

/** A log on standard output. A reader that has gone away ends the log, not the relay. */
export function openLog(json: boolean): Log {
  process.stdout.on("error", () => {});
  const write = (event: RelayEvent | ProgramEvent) => {
    process.stdout.write(`${json ? toJson(event) : describe(event)}\n`);
  };
  let second = 0;
  let lines = 0;
  return (event) => {
    const now = Math.floor(performance.now() / 1000);
    if (now !== second) {
      if (lines > LINES_A_SECOND) write({ event: "counters", eventsNotShown: lines - LINES_A_SECOND });
      second = now;
      lines = 0;
    }
    const own = event.event === "listening" || event.event === "counters";
    if (own || ++lines <= LINES_A_SECOND) write(event);
  };
}

function toJson(event: RelayEvent | ProgramEvent): string {
  const fields = Object.entries(event).map(([name, value]) => {
    if (value instanceof Error) {
      return [name, { code: (value as { code?: string }).code, message: value.message }];
    }
    return [name, isAddress(value) ? formatAddress(value) : value];
  });
  return JSON.stringify(Object.fromEntries(fields));
}

function describe(event: RelayEvent | ProgramEvent): string {
  switch (event.event) {
    case "listening":
      return `listening on ${event.url}, relaying to ${event.to.join(", else ")} (process ${event.pid})`;
    case "carrier":
      return `carried by ${event.url}${event.layers.map((layer) => `, ${layer}`).join("")}`;
    case "client_refused":
      return `${formatAddress(event.client)}: refused: ${event.error.message}`;
    case "certificate_read":
      return event.error === undefined
        ? "the certificate was read again"
        : `the certificate stays as it was: ${event.error.message}`;
    case "counters": {
      const { event: name, ...counters } = event;
      return `${name}: ${Object.entries(counters).map((counter) => counter.join(" ")).join(", ")}`;
    }
    default:
      return `${formatAddress(event.client)}: ${describeOfClient(event)}`;
  }
}

function describeOfClient(event: RelayEvent): string {
  switch (event.event) {
    case "stream_opened":
      return `stream ${formatAddress(event.local)} - ${formatAddress(event.remote)} is open`;
    case "stream_failed":
      return `${event.error.message}; next attempt in ${event.retryIn} ms`;
    case "stream_ended":
      return event.error === undefined ? "stream ended" : `stream ended: ${event.error.message}`;
    case "stream_refused":
      return `connection refused, limit ${event.limit} is reached`;
    case "socket_adopted":
      return `goes on with UDP socket ${formatAddress(event.local)} of its last stream`;
    case "peer_forgotten":
      return "silent for long, forgotten";
    case "marker_missing":
      return "sends IKE without the non-ESP marker; let the daemon use its NAT-T port " +
        "(strongSwan: local_port = 4500 and a remote_port other than 500)";
  }
}

/** A layer of a connection in a few words. */
export function describeLayer(layer: ConnectionLayer): string {
  switch (layer.layer) {
    case "proxy":
      return `proxy ${layer.proxy}`;
    case "tls": {
      const { protocol, cipher, alpn, resumed, verified, peerCertificate } = layer;
      const certificate = peerCertificate && `certificate ${peerCertificate.fingerprint}`;
      const checked = verified === "no" ? "not verified" : `verified by ${verified}`;
      const parts = [protocol, cipher, alpn && `ALPN ${alpn}`, resumed && "resumed", checked, certificate];
      return parts.filter((part) => part).join(" ");
    }
    case "websocket":
      return layer.protocol === undefined ? "WebSocket" : `WebSocket ${layer.protocol}`;
    case "webtransport":
      return "WebTransport";
  }
}

function isAddress(value: unknown): value is TransportAddress {
  return typeof value === "object" && value !== null && "hostname" in value && "port" in value;
}
