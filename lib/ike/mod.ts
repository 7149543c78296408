/**
 * IKEv2 (RFC 7296) as an engine without sockets, clocks or randomness of its own: messages, times and wishes go in, messages,
 * events and the next deadline come out.
 *
 * @example What traffic two ends agree on
 * ```ts
 * import { formatSelector, narrowSelectors, parseConfiguredSelector, resolveSelectors } from "iketcp/ike";
 * import { deepStrictEqual } from "node:assert";
 *
 * const offered = resolveSelectors([parseConfiguredSelector("10.1.0.0/16")], []);
 * const policy = resolveSelectors([parseConfiguredSelector("10.1.7.0/24[tcp/443]")], []);
 * deepStrictEqual(narrowSelectors(offered, policy).map(formatSelector), ["10.1.7.0/24[6/443]"]);
 * ```
 *
 * @module
 */

export * from "./config.ts";
export * from "./engine.ts";
export * from "./engine_host.ts";
export * from "./engine_io.ts";
export * from "./engine_stream.ts";
export * from "./events.ts";
export * from "./fragments.ts";
export * from "./keymat.ts";
export * from "./limits.ts";
export * from "./nonce_order.ts";
export * from "./path.ts";
export * from "./pools.ts";
export * from "./proposal_selection.ts";
export * from "./proposals.ts";
export * from "./protection.ts";
export * from "./retransmission.ts";
export type { IkeCounters } from "./sa_registry.ts";
export * from "./state.ts";
export * from "./timers.ts";
export * from "./traffic_selectors.ts";
export * from "./window.ts";
export type { TrafficSelector } from "../ip/mod.ts";
