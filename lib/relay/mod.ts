/**
 * The relay: an RFC 9329 leg for daemons that speak IKE and ESP over UDP only. {@linkcode OriginatorRelay} stands beside the
 * initiator's daemon, {@linkcode ResponderRelay} beside the responder's; `iketcp relay` is a thin shell around them.
 *
 * ```text
 * daemon ◀──UDP──▶ OriginatorRelay ◀──RFC 9329 over TCP──▶ ResponderRelay ◀──UDP──▶ daemon
 * ```
 *
 * @example Both ends on one machine
 * ```ts
 * import { OriginatorRelay, ResponderRelay } from "iketcp/relay";
 * import { connectTcp, listenTcp, openUdp } from "iketcp/runtime";
 * import { deepStrictEqual } from "node:assert";
 *
 * const any = { hostname: "127.0.0.1", port: 0 };
 * const daemon = await openUdp({ local: any });
 * const listener = await listenTcp(any);
 * const responder = new ResponderRelay({ listener, openEndpoint: () => openUdp({ remote: daemon.localAddress }) });
 * const endpoint = await openUdp({ local: any });
 * const originator = new OriginatorRelay({ endpoint, dial: (options) => connectTcp(listener.address, options) });
 *
 * const peer = await openUdp({ remote: endpoint.localAddress });
 * peer.send(new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]));
 * const { value } = await daemon.readable.getReader().read();
 * deepStrictEqual(value![0]!.data, new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]));
 *
 * await Promise.all([originator.close(), responder.close(), peer.close(), daemon.close()]);
 * ```
 *
 * @module
 */
export * from "./counters.ts";
export * from "./events.ts";
export * from "./limits.ts";
export * from "./originator_relay.ts";
export * from "./responder_relay.ts";
