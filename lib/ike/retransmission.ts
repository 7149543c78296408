/**
 * When a request is sent again (RFC 7296, section 2.1). On an unreliable path delays grow as strongSwan's do; on a reliable
 * one nothing is sent twice and one longer wait decides (RFC 9329, section 6.2).
 */

/** How long and how often; names as in strongswan.conf. */
export interface RetransmissionSettings {
  /** Milliseconds before the first retransmission. */
  readonly retransmit_timeout: number;
  /** What each delay is multiplied by to give the next. */
  readonly retransmit_base: number;
  /** How many retransmissions before the peer counts as dead. */
  readonly retransmit_tries: number;
  /** The longest delay in milliseconds. */
  readonly retransmit_limit: number;
  /** Milliseconds to wait for a response on a reliable path. */
  readonly response_timeout: number;
}

/** strongSwan's: 4 s, growing by 1.8, five times; 165 s in all. */
export const RETRANSMISSION_DEFAULTS: RetransmissionSettings = {
  retransmit_timeout: 4000,
  retransmit_base: 1.8,
  retransmit_tries: 5,
  retransmit_limit: 120_000,
  response_timeout: 60_000,
};

/**
 * Milliseconds to wait after a request was sent for the `sends`th time; null when it has been sent often enough and the
 * last wait, which is as long as another delay, is over.
 *
 * @example
 * ```ts
 * import { RETRANSMISSION_DEFAULTS, retransmissionDelay } from "iketcp/ike";
 * import { deepStrictEqual } from "node:assert";
 *
 * const delays = [1, 2, 3, 4, 5, 6, 7].map((sends) => retransmissionDelay(RETRANSMISSION_DEFAULTS, sends));
 * deepStrictEqual(delays, [4000, 7200, 12960, 23328, 41990, 75583, null]);
 * ```
 */
export function retransmissionDelay(settings: RetransmissionSettings, sends: number): number | null {
  const { retransmit_timeout, retransmit_base, retransmit_tries, retransmit_limit } = settings;
  if (sends > retransmit_tries + 1) return null;
  return Math.round(Math.min(retransmit_timeout * retransmit_base ** (sends - 1), retransmit_limit));
}

/**
 * Milliseconds after which a peer with the same settings has given up a request.
 *
 * @example
 * ```ts
 * import { longestWait, RETRANSMISSION_DEFAULTS } from "iketcp/ike";
 * import { strictEqual } from "node:assert";
 *
 * strictEqual(longestWait(RETRANSMISSION_DEFAULTS, false), 165_061);
 * strictEqual(longestWait(RETRANSMISSION_DEFAULTS, true), 60_000);
 * ```
 */
export function longestWait(settings: RetransmissionSettings, reliable: boolean): number {
  if (reliable) return settings.response_timeout;
  let total = 0;
  for (let sends = 1;; sends++) {
    const delay = retransmissionDelay(settings, sends);
    if (delay === null) return total;
    total += delay;
  }
}
