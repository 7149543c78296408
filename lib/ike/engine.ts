/**
 * The IKEv2 engine: any number of IKE SAs of either role, without sockets, clocks or randomness of its own. Inputs go in by
 * `handle`, outputs come out by `poll`, which ends with the time at which the engine wants to be woken.
 *
 * ```text
 *            message, timeout, wish             transmit, event, need, path_unused, deadline
 *   caller ────────────────────────▶ handle ─▶ poll ────────────────────────▶ caller
 * ```
 */

import { ConfigError, IkeError } from "../errors.ts";
import type { CryptoProviders } from "../crypto/mod.ts";
import { Credentials } from "./auth/mod.ts";
import { EXCHANGE, IKE_FLAGS, type IkeHeader, parseIkeHeader } from "./codec/mod.ts";
import { missingCredential } from "./authentication.ts";
import { childPolicy, formatSelectors } from "./child_negotiation.ts";
import { isComplaint } from "./complaints.ts";
import type { ConnectionConfig, PoolConfig } from "./config.ts";
import { type Connection, readConnections } from "./connection.ts";
import type { IkeInput, IkeOutput } from "./engine_io.ts";
import { EngineServices } from "./engine_services.ts";
import type { IkeSaId, KeyLogEntry } from "./events.ts";
import type { IkeSa } from "./ike_sa.ts";
import { InitResponder } from "./init_responder.ts";
import { type IkeLimits, ikeLimits } from "./limits.ts";
import { repeatedLine } from "./message_log.ts";
import type { IkePath } from "./path.ts";
import { readPools } from "./pools.ts";
import { RateLimiter } from "./rate_limiter.ts";
import type { IkeCounters } from "./sa_registry.ts";
import { isEstablished } from "./state.ts";
import { findWidened, parseConfiguredSelectors, resolveSelectors } from "./traffic_selectors.ts";
import { livenessOperation } from "./tasks/operations.ts";

/** What an {@linkcode IkeEngine} is made of. */
export interface IkeEngineOptions {
  /** Algorithms: `runtimeCrypto()` of `iketcp/runtime`, or those of a provider. */
  readonly crypto: CryptoProviders;
  /** Fills octets that nobody can foretell: `(octets) => globalThis.crypto.getRandomValues(octets)`. */
  readonly random: (octets: Uint8Array) => void;
  /** What the engine may begin and answer. */
  readonly connections: readonly ConnectionConfig[];
  /** Keys, certificates, authorities, users (default: none). */
  readonly credentials?: Credentials;
  /** Virtual addresses to give away (default: none). */
  readonly pools?: Readonly<Record<string, PoolConfig>>;
  /** Bounds and times (default: those of `IKE_LIMITS`). */
  readonly limits?: Partial<IkeLimits>;
  /** Milliseconds since 1970, for certificates (default: `Date.now`). */
  readonly wallClock?: () => number;
  /** Takes every key: for captures that are to be read. Absent, no key leaves the engine but those of child SAs, to be used. */
  readonly keyLog?: (entry: KeyLogEntry) => void;
}

/**
 * The engine.
 *
 * @example Two engines, and nothing between them
 * ```ts
 * import { CryptoProviders, nobleProvider } from "iketcp/crypto";
 * import { Credentials } from "iketcp/ike/auth";
 * import { datagramPath, IkeEngine, type IkePath } from "iketcp/ike";
 * import { deepStrictEqual } from "node:assert";
 *
 * const credentials = new Credentials();
 * credentials.addPreSharedKey({ secret: new TextEncoder().encode("a secret"), owners: [] });
 * const engineOf = (id: string) =>
 *   new IkeEngine({
 *     crypto: new CryptoProviders([nobleProvider()]),
 *     random: (octets) => globalThis.crypto.getRandomValues(octets as Uint8Array<ArrayBuffer>),
 *     credentials,
 *     connections: [{ name: "net", local: { auth: "psk", id }, remote: { auth: "psk" }, children: { net: {} } }],
 *   });
 * const [here, there] = [engineOf("me.example"), engineOf("gw.example")];
 * const [client, gateway] = [1, 2].map((host) => ({ address: Uint8Array.of(192, 0, 2, host), port: 4500 }));
 * const events: string[] = [];
 *
 * // Takes what an engine wants done; its messages are handed to the other one at once.
 * function carry(from: IkeEngine, to: IkeEngine, back: IkePath): number {
 *   let messages = 0;
 *   for (const output of from.drain()) {
 *     if (output.kind === "event" && from === here) events.push(output.event.type);
 *     if (output.kind !== "transmit") continue;
 *     to.handle({ kind: "message", path: back, octets: output.octets }, 0);
 *     messages++;
 *   }
 *   return messages;
 * }
 * const [out, back] = [datagramPath(client!, gateway!), datagramPath(gateway!, client!)];
 * here.handle({ kind: "initiate", connection: "net", path: out }, 0);
 * while (carry(here, there, back) + carry(there, here, out) > 0);
 * deepStrictEqual(events.filter((type) => type !== "message"), ["ike_sa_established", "child_sa_installed"]);
 * ```
 *
 * @example A misspelt word is refused before anything is sent
 * ```ts
 * import { CryptoProviders, nobleProvider } from "iketcp/crypto";
 * import { IkeEngine } from "iketcp/ike";
 * import { throws } from "node:assert";
 *
 * const wrong = { name: "home", remote: { id: "gw.example" }, vip: "0.0.0.0" };
 * const crypto = new CryptoProviders([nobleProvider()]);
 * throws(() => new IkeEngine({ crypto, random: () => {}, connections: [wrong] }), /connections\.home\.vip: .*vips/);
 * ```
 */
export class IkeEngine {
  readonly #services: EngineServices;
  readonly #connections: ReadonlyMap<string, Connection>;
  readonly #responder: InitResponder;
  readonly #unknownSpis: RateLimiter;

  /** Reads the configuration; throws a `ConfigError` for anything that is not understood. */
  constructor(options: IkeEngineOptions) {
    const { crypto, random, connections, credentials = new Credentials(), wallClock = () => Date.now() } =
      options;
    const pools = readPools(options.pools ?? {});
    this.#connections = readConnections(connections, pools, crypto);
    const limits = ikeLimits(options.limits);
    this.#unknownSpis = new RateLimiter(limits.unknown_spis_per_second);
    this.#services = new EngineServices({
      crypto,
      limits,
      credentials,
      pools,
      random,
      wallClock,
      keyLog: options.keyLog,
    });
    this.#responder = new InitResponder(this.#services, this.#services.registry, [
      ...this.#connections.values(),
    ]);
  }

  /** Numbers that are all zero when every SA is gone. */
  get counters(): IkeCounters {
    const { registry, childSpis, lateSpis, timers, needs, closedResponses, pools } = this.#services;
    return {
      ikeSas: registry.size,
      halfOpen: registry.halfOpen,
      childSpis,
      lateSpis,
      leases: [...pools.values()].reduce((sum, { online }) => sum + online, 0),
      paths: registry.paths,
      timers: timers.size,
      needs,
      closedResponses: closedResponses.size,
    };
  }

  /** Takes a number for an IKE SA that is to be begun: `initiate` with it, and events can be told apart from the first one on. */
  reserve(): IkeSaId {
    return this.#services.newIkeSaId();
  }

  /**
   * Takes an input at a time in milliseconds, of any clock that never goes back. Never throws for what a peer sent; a name or number
   * that there is not is the caller's `RangeError`, except of an SA that is gone, which may happen to anybody.
   */
  handle(input: IkeInput, now: number): void {
    this.#services.now = Math.max(now, this.#services.now);
    this.#expireTimers();
    switch (input.kind) {
      case "message":
        return this.#handleMessage(input.octets, input.path);
      case "timeout":
        return;
      case "initiate":
        return this.#initiate(input);
      case "path_lost":
        // RFC 9329, section 6.1: SAs outlive connections, which anybody could have reset. What is without response, and what is wanted
        // meanwhile, goes out again with a `move`, or as responder with the peer's first message on another connection; else it
        // waits for its time to be over (section 6.2). So there is nothing to be done here.
        return;
      case "unknown_spi":
        return this.#handleUnknownSpi(input.spi, input.path);
      case "answer":
        return this.#services.answer(input.id, input.result);
      case "delete_all":
        for (const sa of [...this.#services.registry.all()]) this.#deleteAtOnce(sa);
        return;
      default:
        return this.#handleWish(input);
    }
  }

  /** The next output. The last one of each turn is `deadline`. */
  poll(): IkeOutput {
    return this.#services.takeOutput() ?? { kind: "deadline", at: this.#services.timers.deadline };
  }

  /** Every output up to the deadline. */
  *drain(): Generator<IkeOutput, number | null> {
    for (;;) {
      const output = this.poll();
      if (output.kind === "deadline") return output.at;
      yield output;
    }
  }

  #expireTimers(): void {
    const { timers, now } = this.#services;
    for (let timer = timers.expire(now); timer !== undefined; timer = timers.expire(now)) {
      timer.owner.handle(timer.name, timer.key);
    }
  }

  /** Cheap checks first, then the SA that the SPIs name; everything else happens there. */
  #handleMessage(octets: Uint8Array, path: IkePath): void {
    let header: IkeHeader;
    try {
      header = parseIkeHeader(octets);
    } catch (error) {
      if (!(error instanceof IkeError)) throw error;
      return this.#services.drop("malformed", error.message, path);
    }
    if (header.majorVersion !== 2) return this.#responder.handleVersion(header, path);
    if (header.length !== octets.length) {
      const text = `the header says ${header.length} octets, there are ${octets.length}`;
      return this.#services.drop("malformed", text, path);
    }
    const fromInitiator = (header.flags & IKE_FLAGS.initiator) !== 0;
    const isRequest = (header.flags & IKE_FLAGS.response) === 0;
    const isFirst = isZero(header.spiR);
    if (header.exchangeType === EXCHANGE.ikeSaInit && isRequest && fromInitiator && isFirst) {
      return this.#responder.handleRequest(octets, header, path);
    }
    const sa = this.#services.registry.bySpi(fromInitiator ? header.spiR : header.spiI);
    const theirs = fromInitiator ? header.spiI : header.spiR;
    const knows = sa !== undefined && (sa.role === "initiator") !== fromInitiator &&
      (same(sa.remoteSpi, theirs) || (isZero(sa.remoteSpi) && header.exchangeType === EXCHANGE.ikeSaInit));
    if (!knows) {
      if (isRequest && this.#repeatLastResponse(octets, header, path)) return;
      return this.#responder.handleStray(header, path, "no IKE SA has these SPIs");
    }
    if (header.exchangeType !== EXCHANGE.ikeSaInit && isComplaint(octets, header)) sa.timers.noteHint();
    sa.exchanges.handleMessage(octets, header, path);
  }

  /** The request that has ended an SA came again: its answer was lost (section 2.1). */
  #repeatLastResponse(octets: Uint8Array, header: IkeHeader, path: IkePath): boolean {
    const services = this.#services;
    const fromInitiator = (header.flags & IKE_FLAGS.initiator) !== 0;
    const response = services.closedResponses.find(fromInitiator ? header.spiR : header.spiI, octets);
    if (response === undefined) return false;
    for (const message of response) services.transmit(path, message);
    const line = repeatedLine(header.exchangeType, "response");
    const length = response.reduce((total, { length }) => total + length, 0);
    services.emit({ type: "message", direction: "sent", path, line, length, repeated: true });
    return true;
  }

  /** Anybody can send packets, and all SAs are looked through for the one of their path: not too often. */
  #handleUnknownSpi(spi: number, { id }: IkePath): void {
    const { registry, now } = this.#services;
    if (!this.#unknownSpis.take(now)) return;
    for (const sa of registry.all()) {
      if (sa.path.id === id && sa.state === "established") return sa.timers.reportSpi(spi);
    }
  }

  #initiate(input: Extract<IkeInput, { kind: "initiate" }>): void {
    const services = this.#services;
    const connection = this.#connections.get(input.connection);
    if (connection === undefined) {
      throw new ConfigError(
        "ERR_CONFIG_OPTION",
        `Cannot initiate ${input.connection}: expected one of ${[...this.#connections.keys()].join(", ")}`,
      );
    }
    const names = input.children ?? [...connection.children.keys()].slice(0, 1);
    const children = names.map((name) => ({ config: this.#childOf(connection, name) }));
    const missing = missingCredential(connection, services, input.path);
    if (missing !== null) {
      throw new ConfigError("ERR_CONFIG_CREDENTIAL", `Cannot initiate ${connection.name}: ${missing}`);
    }
    services.initiate({
      connection,
      path: input.path,
      children,
      ...(input.ikeSa === undefined ? {} : { id: input.ikeSa }),
    });
  }

  #childOf(connection: Connection, name: string) {
    const child = connection.children.get(name);
    if (child !== undefined) return child;
    throw new ConfigError(
      "ERR_CONFIG_OPTION",
      `Cannot initiate ${connection.name}: expected one of ${
        [...connection.children.keys()].join(", ")
      }, got ${name}`,
    );
  }

  /** What somebody wants done with an SA; an SA that is gone is passed over. */
  #handleWish(
    input: Exclude<
      IkeInput,
      { kind: "message" | "timeout" | "initiate" | "path_lost" | "unknown_spi" | "answer" | "delete_all" }
    >,
  ): void {
    const sa = this.#services.registry.byId(input.ikeSa);
    if (sa === undefined) return;
    switch (input.kind) {
      case "rekey_child":
      case "delete_child":
      case "child_usage":
        return this.#handleChildWish(sa, input);
      case "initiate_child":
        return this.#initiateChild(sa, input);
      case "delete_ike":
        sa.succession.cancel();
        sa.reauthentication.cancel();
        return sa.end.delete();
      case "check_liveness":
        if (isEstablished(sa.state)) sa.exchanges.begin(livenessOperation(sa));
        return;
      case "move":
        // Who begins the IKE SA that is to take this one's place is the engine: nobody else would move it.
        for (const one of [sa, sa.reauthentication.attempt]) if (one !== null) this.#move(one, input.path);
        return;
      case "rekey_ike":
        return sa.succession.rekey();
      case "reauthenticate":
        return sa.reauthentication.begin();
    }
  }

  #initiateChild(sa: IkeSa, input: Extract<IkeInput, { kind: "initiate_child" }>): void {
    const config = this.#childOf(sa.connection, input.child);
    if (input.local_ts === undefined && input.remote_ts === undefined) return sa.children.create({ config });
    const policy = childPolicy(sa, config);
    const [local, remote] = (["local", "remote"] as const).map((side) => {
      const words = input[`${side}_ts`];
      if (words === undefined) return policy[side];
      const address = sa.path[side].address;
      const wanted = resolveSelectors(parseConfiguredSelectors(words), [address]);
      // Section 2.9.1: nothing may be asked for that our own policy does not have.
      const outside = wanted.length === 0 || findWidened(wanted, policy[side]) !== undefined;
      if (!outside) return wanted;
      throw new ConfigError(
        "ERR_CONFIG_OPTION",
        `Cannot initiate child ${config.name}: expected ${side}_ts inside ${
          formatSelectors(policy[side])
        }, got ${words}`,
      );
    });
    sa.children.create({ config, only: { local: local!, remote: remote! } });
  }

  #move(sa: IkeSa, path: IkePath): void {
    sa.setPath(path);
    sa.exchanges.resend();
    // The peer learns of a new connection by what comes on it (RFC 9329, section 6.1).
    if (path.reliable && sa.exchanges.pending === 0 && isEstablished(sa.state)) {
      sa.exchanges.begin(livenessOperation(sa));
    }
  }

  /** What somebody wants done with a child SA, or has to tell of it. It stays with the old IKE SA until the new one takes over. */
  #handleChildWish(named: IkeSa, input: Extract<IkeInput, { child: number }>): void {
    const before = named.replaces === undefined ? undefined : this.#services.ikeSa(named.replaces);
    const isOld = named.children.byId(input.child) === undefined &&
      before?.children.byId(input.child) !== undefined;
    const sa = isOld ? before : named;
    const child = sa.children.byId(input.child);
    if (input.kind === "child_usage" && input.limit === undefined) {
      // The peer sends on it, so it can receive on it too.
      if (child !== undefined) sa.children.takeOver(child);
      return sa.noteTraffic(input.path);
    }
    if (child === undefined) return;
    if (input.kind === "delete_child") return sa.children.delete(child);
    if (input.kind === "child_usage" && input.limit === "hard") return sa.children.expire(child);
    sa.children.rekey(child);
  }

  /** Deletes an SA, or asks again. */
  #deleteAtOnce(sa: IkeSa): void {
    if (sa.state === "deleting") {
      const { isForNothing, mayBeUnknown } = sa.succession;
      return isForNothing || mayBeUnknown
        ? sa.end.fail("timeout", "The peer knows nothing of it")
        : sa.exchanges.repeat();
    }
    sa.reauthentication.cancel();
    sa.end.delete();
  }
}

function isZero(octets: Uint8Array): boolean {
  return octets.every((octet) => octet === 0);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((octet, i) => octet === b[i]);
}
