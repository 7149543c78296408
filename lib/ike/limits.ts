/** Every limit and time of an engine as one table: its name, what it bounds, and its default. */

import { CodedRangeError } from "../errors.ts";

/** One limit. */
export interface IkeLimit {
  /** What the number counts. */
  readonly unit: "milliseconds" | "octets" | "count";
  /** The value where nothing else is said. */
  readonly default: number;
  /** The least value. */
  readonly least: number;
  /** The greatest value. */
  readonly most: number;
  /** What is bounded, for help texts. */
  readonly bounds: string;
}

/** The name of a limit, as options and `--limit` use it. */
export type IkeLimitName =
  | "max_ike_sas"
  | "max_half_open"
  | "max_half_open_per_source"
  | "cookie_threshold"
  | "cookie_lifetime"
  | "half_open_timeout"
  | "max_children"
  | "max_replaced_ike_sas"
  | "max_addresses"
  | "max_tried_connections"
  | "max_fragment_size"
  | "max_queued_tasks"
  | "max_retries"
  | "window_size"
  | "max_parallel_requests"
  | "max_requests"
  | "init_error_patience"
  | "unprotected_replies_per_second"
  | "hint_pause"
  | "invalid_spi_pause"
  | "unknown_spis_per_second"
  | "max_closed_responses"
  | "closed_response_time"
  | "linger_time"
  | "late_packet_time"
  | "retry_time"
  | "temporary_failure_time"
  | "min_auth_lifetime"
  | "retransmit_timeout"
  | "retransmit_tries"
  | "retransmit_limit"
  | "response_timeout";

/** The limits of an engine. */
export const IKE_LIMITS: Readonly<Record<IkeLimitName, IkeLimit>> = {
  max_ike_sas: count(10_000, "IKE SAs"),
  max_half_open: count(1_000, "IKE SAs of which only IKE_SA_INIT has come"),
  max_half_open_per_source: count(100, "of these, those of one address"),
  cookie_threshold: count(30, "half-open IKE SAs from which on datagrams must bring a cookie", 0),
  cookie_lifetime: milliseconds(30_000, "time after which the secret of cookies is changed"),
  half_open_timeout: milliseconds(30_000, "time until the peer has authenticated itself"),
  max_children: count(
    256,
    "child SAs of one IKE SA, and again those that the peer has replaced and not deleted",
  ),
  max_replaced_ike_sas: count(8, "IKE SAs in a row that the peer has replaced and not deleted"),
  max_tried_connections: count(
    8,
    "connections that the proof of one initiator is held against, the closest first",
  ),
  max_addresses: count(8, "virtual addresses that one IKE SA is given, however many it asks for"),
  max_fragment_size: octets(1280, "IP packet that an IKE message is cut to on UDP", 576, 65_535),
  max_queued_tasks: count(64, "operations of one IKE SA that wait for the window"),
  max_retries: count(5, "requests sent anew for a cookie, group or version"),
  window_size: count(1, "requests of the peer that may be under way at once"),
  max_parallel_requests: count(
    16,
    "requests of one IKE SA that are under way at once, if the peer allows it",
  ),
  max_requests: count(
    2 ** 31 - 1,
    "requests of either end after which an IKE SA is rekeyed; after twice as many of ours it ends",
    4,
  ),
  init_error_patience: milliseconds(5_000, "time to wait for better news after an unprotected error on UDP"),
  unprotected_replies_per_second: count(10, "unprotected answers to messages that no SA knows"),
  hint_pause: milliseconds(
    10_000,
    "least time between liveness checks of an IKE SA that unprotected errors lead to",
  ),
  invalid_spi_pause: milliseconds(
    10_000,
    "least time between two unknown SPIs that a peer is told of, and between rekeys because a peer tells of one",
  ),
  unknown_spis_per_second: count(10, "ESP packets with unknown SPIs whose IKE SA is looked for"),
  max_closed_responses: count(1_000, "last responses of closed IKE SAs that are kept", 0),
  closed_response_time: milliseconds(60_000, "time for which the last response of a closed IKE SA is kept"),
  linger_time: milliseconds(5_000, "time until the peer has deleted a replaced SA"),
  late_packet_time: milliseconds(
    5_000,
    "time for which packets on a replaced child SA that were under way are taken in; 0 for none",
    0,
  ),
  retry_time: milliseconds(
    10_000,
    "time after which a request that was refused for the moment is made again",
  ),
  temporary_failure_time: milliseconds(
    180_000,
    "time for which requests may be refused for the moment before the IKE SA ends",
  ),
  min_auth_lifetime: milliseconds(
    10_000,
    "age from which on an IKE SA is authenticated anew because the peer says so",
  ),
  retransmit_timeout: milliseconds(
    4_000,
    "time before the first retransmission on UDP; then it grows by 1.8",
  ),
  retransmit_tries: count(5, "retransmissions on UDP", 0),
  retransmit_limit: milliseconds(120_000, "longest time between retransmissions on UDP"),
  response_timeout: milliseconds(60_000, "time to wait for a response on a stream"),
};

/** A value for every limit. */
export type IkeLimits = { readonly [name in IkeLimitName]: number };

/** The defaults with some values replaced; throws a `RangeError` for a value that is not a whole number of its range. */
export function ikeLimits(values: Partial<IkeLimits> = {}): IkeLimits {
  const names = Object.keys(IKE_LIMITS) as IkeLimitName[];
  return Object.fromEntries(names.map((name) => {
    const { default: usual, least, most } = IKE_LIMITS[name];
    const value = values[name] ?? usual;
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new CodedRangeError(
        "ERR_OPTION_RANGE",
        `Cannot use limit ${name}: expected a whole number from ${least} to ${most}, got ${value}`,
      );
    }
    return [name, value];
  })) as IkeLimits;
}

/** As long as timers can be. */
function milliseconds(usual: number, bounds: string, least = 1): IkeLimit {
  return { unit: "milliseconds", default: usual, least, most: 2 ** 31 - 1, bounds };
}

function octets(usual: number, bounds: string, least: number, most: number): IkeLimit {
  return { unit: "octets", default: usual, least, most, bounds };
}

function count(usual: number, bounds: string, least = 1): IkeLimit {
  return { unit: "count", default: usual, least, most: 2 ** 31 - 1, bounds };
}
