/** Every limit of a relay as one table: its name, what it bounds, and its default. */

import { MAX_MESSAGE_LENGTH } from "../encap/mod.ts";
import { CodedRangeError } from "../errors.ts";

/** What the number of a limit counts. */
export type LimitUnit = "milliseconds" | "octets" | "count";

/** One limit. */
export interface RelayLimit {
  /** What the number counts. */
  readonly unit: LimitUnit;
  /** The value where nothing else is said. */
  readonly default: number;
  /** The greatest value; the least is 1. */
  readonly most: number;
  /** What is bounded, for help texts. */
  readonly bounds: string;
}

/** The name of a limit, as options and `--limit` use it. */
export type RelayLimitName =
  | "prefix_timeout"
  | "first_message_timeout"
  | "stream_idle_time"
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
  | "stable_stream_time"
  | "unanswered_request_time"
  | "stalled_write_time"
  | "close_timeout";

/** The limits of both kinds of relay. */
export const RELAY_LIMITS: Readonly<Record<RelayLimitName, RelayLimit>> = {
  prefix_timeout: milliseconds(10_000, "time until a client has sent the whole prefix"),
  first_message_timeout: milliseconds(30_000, "time until a client has sent its first message"),
  stream_idle_time: milliseconds(3_600_000, "idle time after which an accepted connection is closed"),
  max_connections: count(10_000, "accepted connections"),
  max_half_open: count(1_000, "accepted connections before their first message"),
  max_connections_per_source: count(
    100,
    "accepted connections of one address (IPv6: /64), and UDP sockets kept for it",
  ),
  max_kept_sockets: count(1_000, "UDP sockets kept for clients whose stream ended"),
  kept_socket_time: milliseconds(300_000, "time a UDP socket is kept after its stream ended"),
  max_peers: count(1_000, "UDP peers, each with a stream"),
  peer_idle_time: milliseconds(600_000, "idle time after which a UDP peer is forgotten"),
  max_opening_datagrams: count(64, "datagrams that wait while a stream opens"),
  max_opening_octets: octets(262_144, "octets that wait while a stream opens"),
  max_queue: octets(1_048_576, "octets that wait for a slow stream, then the oldest ESP goes"),
  max_message_length: octets(MAX_MESSAGE_LENGTH, "length of a message that is accepted", MAX_MESSAGE_LENGTH),
  connect_timeout: milliseconds(10_000, "time to open a stream"),
  reconnect_delay: milliseconds(100, "delay before a second attempt to open a stream, then doubled"),
  max_reconnect_delay: milliseconds(30_000, "longest delay between attempts"),
  stable_stream_time: milliseconds(5_000, "life of a stream after which another is opened without delay"),
  unanswered_request_time: milliseconds(
    10_000,
    "time for which a daemon repeats an IKE request before its stream is given up",
  ),
  stalled_write_time: milliseconds(60_000, "time for which a stream takes nothing before it is given up"),
  close_timeout: milliseconds(2_000, "time to send what waits when a stream ends"),
};

/** A value for every limit. */
export type RelayLimits = { readonly [name in RelayLimitName]: number };

/** The defaults with some values replaced; throws a `RangeError` for a value that is not a whole number of its range. */
export function relayLimits(values: Partial<RelayLimits> = {}): RelayLimits {
  const names = Object.keys(RELAY_LIMITS) as RelayLimitName[];
  return Object.fromEntries(names.map((name) => {
    const { default: usual, most } = RELAY_LIMITS[name];
    const value = values[name] ?? usual;
    if (!Number.isInteger(value) || value < 1 || value > most) {
      throw new CodedRangeError(
        "ERR_OPTION_RANGE",
        `Cannot use limit ${name}: expected a whole number from 1 to ${most}, got ${value}`,
      );
    }
    return [name, value];
  })) as RelayLimits;
}

/** As long as timers can be. */
function milliseconds(usual: number, bounds: string): RelayLimit {
  return { unit: "milliseconds", default: usual, most: 2 ** 31 - 1, bounds };
}

function octets(usual: number, bounds: string, most: number = 2 ** 40): RelayLimit {
  return { unit: "octets", default: usual, most, bounds };
}

function count(usual: number, bounds: string): RelayLimit {
  return { unit: "count", default: usual, most: 2 ** 31 - 1, bounds };
}
