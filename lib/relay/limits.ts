/** Every limit of a relay as one table: its name, what it bounds, and its default. */

import { CodedRangeError } from "../errors.ts";

/** What the number of a limit counts. */
export type LimitUnit = "milliseconds" | "octets" | "count";

/** One limit. */
export interface RelayLimit {
  /** What the number counts. */
  readonly unit: LimitUnit;
  /** The value where nothing else is said. */
  readonly default: number;
  /** What is bounded, for help texts. */
  readonly bounds: string;
}

/** The name of a limit, as options and `--limit` use it. */
export type RelayLimitName =
  | "prefix_timeout"
  | "first_message_timeout"
  | "max_connections"
  | "max_half_open"
  | "max_connections_per_source"
  | "max_kept_sockets"
  | "kept_socket_time"
  | "max_peers"
  | "peer_idle_time"
  | "max_opening_datagrams"
  | "max_opening_octets"
  | "max_queue"
  | "max_message_length"
  | "connect_timeout"
  | "reconnect_delay"
  | "max_reconnect_delay"
  | "close_timeout";

/** The limits of both kinds of relay. */
export const RELAY_LIMITS: Readonly<Record<RelayLimitName, RelayLimit>> = {
  prefix_timeout: {
    unit: "milliseconds",
    default: 10_000,
    bounds: "time until a client has sent the whole prefix",
  },
  first_message_timeout: {
    unit: "milliseconds",
    default: 30_000,
    bounds: "time until a client has sent its first message",
  },
  max_connections: { unit: "count", default: 10_000, bounds: "accepted connections" },
  max_half_open: { unit: "count", default: 1_000, bounds: "accepted connections before their first message" },
  max_connections_per_source: { unit: "count", default: 100, bounds: "accepted connections of one address" },
  max_kept_sockets: {
    unit: "count",
    default: 1_000,
    bounds: "UDP sockets kept for clients whose stream ended",
  },
  kept_socket_time: {
    unit: "milliseconds",
    default: 300_000,
    bounds: "time a UDP socket is kept after its stream ended",
  },
  max_peers: { unit: "count", default: 1_000, bounds: "UDP peers, each with a stream" },
  peer_idle_time: {
    unit: "milliseconds",
    default: 600_000,
    bounds: "idle time after which a UDP peer is forgotten",
  },
  max_opening_datagrams: { unit: "count", default: 64, bounds: "datagrams that wait while a stream opens" },
  max_opening_octets: { unit: "octets", default: 262_144, bounds: "octets that wait while a stream opens" },
  max_queue: {
    unit: "octets",
    default: 1_048_576,
    bounds: "octets that wait for a slow stream, then the oldest ESP goes",
  },
  max_message_length: { unit: "octets", default: 65_533, bounds: "length of a message that is accepted" },
  connect_timeout: { unit: "milliseconds", default: 10_000, bounds: "time to open a stream" },
  reconnect_delay: {
    unit: "milliseconds",
    default: 100,
    bounds: "delay before a second attempt to open a stream, then doubled",
  },
  max_reconnect_delay: { unit: "milliseconds", default: 30_000, bounds: "longest delay between attempts" },
  close_timeout: {
    unit: "milliseconds",
    default: 2_000,
    bounds: "time to send what waits when the relay stops",
  },
};

/** A value for every limit. */
export type RelayLimits = { readonly [name in RelayLimitName]: number };

/** The defaults with some values replaced; throws a `RangeError` for a value that is not a whole number of 1 or more. */
export function relayLimits(values: Partial<RelayLimits> = {}): RelayLimits {
  const names = Object.keys(RELAY_LIMITS) as RelayLimitName[];
  return Object.fromEntries(names.map((name) => {
    const value = values[name] ?? RELAY_LIMITS[name].default;
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new CodedRangeError(
        "ERR_OPTION_RANGE",
        `Cannot use limit ${name}: expected a whole number of 1 or more, got ${value}`,
      );
    }
    return [name, value];
  })) as RelayLimits;
}
