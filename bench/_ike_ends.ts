/** Two engines whose messages reach each other by function call: what is measured is theirs alone. */

import { readFileSync } from "node:fs";
import type { CryptoProviders } from "../lib/crypto/mod.ts";
import { Credentials, parseIdentity } from "../lib/ike/auth/mod.ts";
import {
  type ConnectionConfig,
  IkeEngine,
  type IkeEngineOptions,
  type IkeEvent,
  type IkeInput,
  type IkePath,
  type IkeSaId,
} from "../lib/ike/mod.ts";

/** How both ends authenticate. */
export type Method = "psk" | "ecdsa" | "rsa";

/** What two ends agree on. */
export interface Suite {
  readonly method: Method;
  readonly ike: string;
  readonly esp: string;
  /** Seconds of silence after which the initiator asks whether the peer is alive (default: it never does). */
  readonly dpdDelay?: number;
  /** How many initiators there are, who take turns (default: 1). */
  readonly peers?: number;
}

/** Milliseconds since 1970 at which the certificates of the tests are valid. */
const WALL_CLOCK = Date.UTC(2026, 5, 1);
const HOST = "gw.example.org";
const PKI = new URL("../test/_support/fixtures/pki/", import.meta.url);

/** Two ends of any number of IKE SAs. */
export class IkeEnds {
  readonly initiator: IkeEngine;
  readonly responder: IkeEngine;
  /** What the initiator tells. */
  onEvent: (event: IkeEvent, end: "initiator" | "responder") => void = () => {};
  readonly #peers: number;
  #now = 0;
  #paths = 0;
  readonly #deadlines = { initiator: Infinity, responder: Infinity };

  constructor(suite: Suite, crypto: CryptoProviders) {
    this.#peers = suite.peers ?? 1;
    const { initiator, responder } = makeEngines(suite, crypto);
    this.initiator = initiator;
    this.responder = responder;
  }

  /** Sets up an IKE SA and a child SA on a stream of its own; gives the initiator's number of the IKE SA. */
  connect(ikeSa: IkeSaId = this.initiator.reserve()): IkeSaId {
    const port = 1024 + this.#paths % 60_000;
    const path: IkePath = {
      id: `${++this.#paths}`,
      reliable: true,
      local: end(1, port),
      remote: end(2, 4500),
    };
    const connection = `bench${this.#paths % this.#peers}`;
    this.initiator.handle({ kind: "initiate", connection, path, ikeSa }, ++this.#now);
    this.#exchange();
    return ikeSa;
  }

  /** Deletes an IKE SA. */
  delete(ikeSa: IkeSaId): void {
    this.wish({ kind: "delete_ike", ikeSa });
  }

  /** Has the initiator do something, and everything that follows from it. */
  wish(input: IkeInput): void {
    this.initiator.handle(input, ++this.#now);
    this.#exchange();
  }

  /** Tells the initiator that nothing has happened. */
  wake(): void {
    this.initiator.handle({ kind: "timeout" }, this.#now);
    this.#pass(this.initiator, this.responder, "initiator");
  }

  /** Lets time pass, as both engines' deadlines want it; gives how often one of them was woken. */
  advance(milliseconds: number): number {
    const end = this.#now + milliseconds;
    let wakes = 0;
    for (;;) {
      const next = Math.min(this.#deadlines.initiator, this.#deadlines.responder);
      if (next > end) break;
      this.#now = Math.max(this.#now, next);
      for (const engine of [this.initiator, this.responder]) engine.handle({ kind: "timeout" }, this.#now);
      wakes++;
      this.#exchange();
    }
    this.#now = Math.max(this.#now, end);
    return wakes;
  }

  /** Only IKE_SA_INIT: leaves the responder with a half-open SA. */
  halfOpen(): void {
    const path: IkePath = { id: `${++this.#paths}`, reliable: true, local: end(1, 1), remote: end(2, 4500) };
    const ikeSa = this.initiator.reserve();
    this.initiator.handle({ kind: "initiate", connection: "bench0", path, ikeSa }, ++this.#now);
    this.#pass(this.initiator, this.responder, "initiator");
    this.#pass(this.responder, undefined, "responder");
    this.initiator.handle({ kind: "delete_ike", ikeSa }, ++this.#now);
    this.#pass(this.initiator, undefined, "initiator");
  }

  #exchange(): void {
    while (
      this.#pass(this.initiator, this.responder, "initiator") +
          this.#pass(this.responder, this.initiator, "responder") > 0
    );
  }

  /** Takes an engine's outputs; its messages go to the other one. */
  #pass(from: IkeEngine, to: IkeEngine | undefined, end: "initiator" | "responder"): number {
    let messages = 0;
    for (;;) {
      const output = from.poll();
      if (output.kind === "deadline") {
        this.#deadlines[end] = output.at ?? Infinity;
        return messages;
      }
      if (output.kind === "event") this.onEvent(output.event, end);
      else if (output.kind === "transmit" && to !== undefined) {
        messages++;
        const { id, reliable, local, remote } = output.path;
        to.handle({
          kind: "message",
          path: { id, reliable, local: remote, remote: local },
          octets: output.octets,
        }, ++this.#now);
      }
    }
  }
}

/** The engines of both ends; the connections of the initiator are `bench0` and so on, one a peer. */
export function makeEngines(
  suite: Suite,
  crypto: CryptoProviders,
): { readonly initiator: IkeEngine; readonly responder: IkeEngine } {
  const common: Omit<IkeEngineOptions, "connections"> = {
    crypto,
    credentials: credentialsOf(suite.method),
    random: (octets) => globalThis.crypto.getRandomValues(octets as Uint8Array<ArrayBuffer>),
    wallClock: () => WALL_CLOCK,
    limits: { max_ike_sas: 100_000, max_half_open: 100_000, max_half_open_per_source: 100_000 },
  };
  const { dpdDelay, peers = 1 } = suite;
  const asking = dpdDelay === undefined ? {} : { dpd_delay: `${dpdDelay}s` };
  const initiator = { ...connectionOf(suite), ...asking };
  const responder = connectionOf(suite);
  const one = peers === 1;
  return {
    initiator: new IkeEngine({
      ...common,
      connections: Array.from({ length: peers }, (_, i) => ({
        ...initiator,
        name: `bench${i}`,
        local: one ? initiator.local! : { ...initiator.local, id: `peer${i}.example.org` },
      })),
    }),
    responder: new IkeEngine({
      ...common,
      connections: [one ? responder : { ...responder, remote: { ...responder.remote, id: "%any" } }],
    }),
  };
}

function end(host: number, port: number) {
  return { address: Uint8Array.of(192, 0, 2, host), port };
}

/** Both ends are the same host: who they are costs the same whoever they are. */
function connectionOf({ method, ike, esp }: Suite): ConnectionConfig {
  const auth = method === "psk" ? "psk" : "pubkey";
  return {
    name: "bench",
    proposals: ike,
    local: { auth, id: HOST },
    remote: { auth, id: HOST },
    children: { net: { esp_proposals: esp, local_ts: "10.1.0.0/16", remote_ts: "10.1.0.0/16" } },
    unique: "never",
    send_cert: "always",
  };
}

function credentialsOf(method: Method): Credentials {
  const credentials = new Credentials();
  if (method === "psk") {
    credentials.addPreSharedKey({ secret: new Uint8Array(32).fill(7), owners: [parseIdentity("%any")] });
    return credentials;
  }
  const [authority, host] = method === "ecdsa" ? ["ca-p256", "gw-p256"] : ["ca-rsa", "gw-rsa"];
  credentials.addAuthorities(pem(authority));
  credentials.addCertificates(pem(host));
  credentials.addPrivateKey(pem(`${host}.key`));
  return credentials;
}

function pem(name: string): string {
  return readFileSync(new URL(`${name}.pem`, PKI), "utf8");
}
