/**
 * One IKE SA: what both ends agreed on, its state, and the path that it uses; the only code that moves the state is here. What
 * else belongs to it has a file of its own:
 *
 * ```text
 *            ┌─ exchanges   exchanges.ts           requests, responses, windows; what they do is in tasks/
 *            ├─ channel     channel.ts             what protects messages, fragments
 *   IkeSa ───┼─ children    ike_sa_children.ts     child SAs: made, renewed, deleted
 *            ├─ timers      ike_sa_timers.ts       lifetimes, and what happens when a timer has run out
 *            ├─ retries     ike_sa_retries.ts      what the peer has refused for the moment
 *            ├─ succession  ike_sa_succession.ts   rekeys: what it replaces, and what replaces it
 *            ├─ reauthentication  ike_sa_reauthentication.ts   the same with both ends authenticated anew
 *            └─ end         ike_sa_end.ts          deletion, failure, and that nothing is left
 * ```
 */

import { toHex } from "../bytes/mod.ts";
import type { Prf } from "../crypto/mod.ts";
import { type CertificateData, formatIdentity, type Identity } from "./auth/mod.ts";
import { Channel } from "./channel.ts";
import { EXCHANGE, NOTIFY } from "./codec/mod.ts";
import type { Connection } from "./connection.ts";
import type { AssignedConfiguration, IkeSaId, NatFindings } from "./events.ts";
import { Exchanges } from "./exchanges.ts";
import { IkeSaChildren } from "./ike_sa_children.ts";
import { IkeSaEnd } from "./ike_sa_end.ts";
import { IkeSaReauthentication } from "./ike_sa_reauthentication.ts";
import { IkeSaRetries } from "./ike_sa_retries.ts";
import { IkeSaSuccession } from "./ike_sa_succession.ts";
import { IkeSaTimers } from "./ike_sa_timers.ts";
import { wipe } from "./keymat.ts";
import { logLine, repeatedLine } from "./message_log.ts";
import { FATAL_NOTIFIES, type Incoming, type Outgoing } from "./messages.ts";
import type { NoncePair } from "./nonce_order.ts";
import type { IkePath } from "./path.ts";
import { noCapabilities, type PeerCapabilities } from "./peer_capabilities.ts";
import type { Lease } from "./pools.ts";
import { formatProposal } from "./proposals.ts";
import type { SelectedProposal } from "./proposal_selection.ts";
import type { IkeServices } from "./services.ts";
import { type IkeSaMove, type IkeSaState, isEstablished, nextIkeSaState } from "./state.ts";
import { initRefusal } from "./tasks/init_refusal.ts";
import type { IkeSaFailure } from "./tasks/task.ts";

/** Key material that outlives the first exchanges. */
export interface IkeKeyring {
  /** Child SAs and rekeys are made of it. */
  readonly skD: Uint8Array;
  /** What the initiator's AUTH proves the knowledge of; empty once both ends are authenticated, and so is the next. */
  readonly skPi: Uint8Array;
  /** What the responder's does. */
  readonly skPr: Uint8Array;
}

/** What most SAs have none of; one for all of them. */
const NO_OCTETS = new Uint8Array(0);
const NOTHING: readonly never[] = [];
const NO_CONFIGURATION: AssignedConfiguration = { addresses: NOTHING, dns: NOTHING, subnets: NOTHING };

/** What begins an SA. */
export interface IkeSaOptions {
  readonly id: IkeSaId;
  readonly services: IkeServices;
  readonly role: "initiator" | "responder";
  readonly spiI: Uint8Array;
  /** Zeros for an initiator that has no answer yet. */
  readonly spiR: Uint8Array;
  readonly path: IkePath;
  /** Connections that it may belong to, the likeliest first; IKE_AUTH leaves one. */
  readonly candidates: readonly Connection[];
}

/** An IKE SA. */
export class IkeSa {
  /** Its number. */
  readonly id: IkeSaId;
  /** The engine around it. */
  readonly services: IkeServices;
  /** Whether this end is the original initiator (RFC 7296, section 2.2). */
  readonly role: "initiator" | "responder";
  /** SPIs of 8 octets. */
  readonly spiI: Uint8Array;
  spiR: Uint8Array;
  /** Where requests go. */
  path: IkePath;
  /** Connections that it may belong to. */
  candidates: readonly Connection[];
  /** What was negotiated; null before that. */
  suite: SelectedProposal | null = null;
  prf: Prf | null = null;
  keys: IkeKeyring | null = null;
  nonceI: Uint8Array = NO_OCTETS;
  nonceR: Uint8Array = NO_OCTETS;
  /** Both messages of IKE_SA_INIT as sent, for AUTH; forgotten when both ends are authenticated. */
  initRequest: Uint8Array | null = null;
  initResponse: Uint8Array | null = null;
  /** What the peer can do. */
  readonly peer: PeerCapabilities = noCapabilities();
  /** NATs on the way. */
  nat: NatFindings = { local: false, remote: false };
  /** Who is who, once it is known. */
  localId: Identity | null = null;
  remoteId: Identity | null = null;
  /** Who the peer is by EAP, which has proven that; what it said in IDi nobody has. Null without EAP. */
  eapId: Identity | null = null;
  /** What this end has against the peer, which has been told so by EAP and may go without another word. */
  refusal: string | null = null;
  /** The body of the peer's ID payload as it came, which AUTH covers. */
  remoteBody: Uint8Array | null = null;
  /** CERT payloads that came with it. */
  peerCertificates: readonly CertificateData[] = NOTHING;
  /** Both ends have proven who they are; the SA is established once everything that goes with that is done. */
  authenticated = false;
  /** No address could be assigned, so no child can be made along with the SA. */
  configurationFailed = false;
  /**
   * Whether this end began the first of the IKE SAs of which this one is the last. A rekey by the other end turns the roles
   * around, and virtual addresses stay with who has them.
   */
  askedFirst: boolean;
  /** What was assigned to this end, or by it. */
  configuration: AssignedConfiguration = NO_CONFIGURATION;
  /** Addresses of our pools that the peer has. */
  leases: readonly Lease[] = NOTHING;
  /** The IKE SA that it replaces. */
  replaces: IkeSaId | undefined;
  /** The key of the request that made it, and of the address that it came from while it is half open: the registry's. */
  requestKey: string | null = null;
  halfOpenSource: string | null = null;
  /** Another established SA of its peer: the registry's. */
  nextOfPeer: IkeSa | null = null;
  /** When an authentic message of the peer came last, or the SA was made; and whether one came at all. */
  lastHeard: number;
  wasHeard = false;
  /** Seals and opens its messages. */
  readonly channel: Channel;
  /** Its exchanges. */
  readonly exchanges: Exchanges;
  /** Its child SAs. */
  readonly children: IkeSaChildren;
  /** Its timers. */
  readonly timers: IkeSaTimers;
  /** What the peer has refused for the moment. */
  readonly retries: IkeSaRetries;
  /** What it replaces by a rekey, and what replaces it. */
  readonly succession: IkeSaSuccession;
  /** The same with both ends authenticated anew. */
  readonly reauthentication: IkeSaReauthentication;
  /** How it ends. */
  readonly end: IkeSaEnd;
  #state: IkeSaState = "created";
  #restart = false;
  #afterResponse: readonly (() => void)[] = NOTHING;
  /** An error in IKE_SA_INIT that nothing better has followed yet. */
  #initError: IkeSaFailure | null = null;

  /** Makes an SA in state `created`. */
  constructor(options: IkeSaOptions) {
    this.id = options.id;
    this.services = options.services;
    this.role = options.role;
    this.askedFirst = options.role === "initiator";
    this.spiI = options.spiI;
    this.spiR = options.spiR;
    this.path = options.path;
    this.candidates = options.candidates;
    this.lastHeard = this.services.now;
    this.channel = new Channel(this);
    this.exchanges = new Exchanges(this);
    this.children = new IkeSaChildren(this);
    this.timers = new IkeSaTimers(this);
    this.retries = new IkeSaRetries(this);
    this.succession = new IkeSaSuccession(this);
    this.reauthentication = new IkeSaReauthentication(this);
    this.end = new IkeSaEnd(this);
  }

  /** Where it stands. */
  get state(): IkeSaState {
    return this.#state;
  }

  /** The connection it belongs to, or the likeliest one. */
  get connection(): Connection {
    return this.candidates[0]!;
  }

  /** Who the peer has proven to be; null before it has said who it is. Of one that `isAnonymous` only who it says it is. */
  get peerId(): Identity | null {
    return this.eapId ?? this.remoteId;
  }

  /** Nothing was proven (RFC 7619): what the peer calls itself may be anybody's name. */
  get isAnonymous(): boolean {
    return this.connection.remote.auth === "null";
  }

  /** The SPI that this end chose. */
  get localSpi(): Uint8Array {
    return this.role === "initiator" ? this.spiI : this.spiR;
  }

  /** The SPI that the peer chose. */
  get remoteSpi(): Uint8Array {
    return this.role === "initiator" ? this.spiR : this.spiI;
  }

  /** Whether requests of ours are in order. */
  get mayRequest(): boolean {
    return this.#state !== "closed" && this.#state !== "created" && !this.succession.isHeld;
  }

  /** Moves the state; a move that the table lacks is a mistake of this program. */
  move(move: IkeSaMove): void {
    this.#state = nextIkeSaState(this.#state, move);
  }

  // What exchanges ask and tell.

  /** Whether a request of that exchange may come now; the message is absent where it could not be read. */
  admitsRequest(exchangeType: number, message: Incoming | null): boolean {
    if (exchangeType === EXCHANGE.ikeAuth) return this.role === "responder" && this.#state === "connecting";
    if (exchangeType !== EXCHANGE.createChildSa && exchangeType !== EXCHANGE.informational) {
      // An authentic request of an exchange that was never agreed on; it is answered INVALID_SYNTAX.
      return exchangeType !== EXCHANGE.ikeSaInit && isEstablished(this.#state);
    }
    if (isEstablished(this.#state)) return true;
    // Of a peer that could not authenticate us in the middle of IKE_AUTH, its last word is heard (section 2.21.2).
    return this.#state === "connecting" && exchangeType === EXCHANGE.informational && message !== null &&
      message.all("N").some(({ type }) => FATAL_NOTIFIES.has(type));
  }

  /** IKE_SA_INIT must begin anew once its response has been processed. */
  requestRestart(): void {
    this.#restart = true;
  }

  /** Whether it must; asked once. */
  takeRestart(): boolean {
    const restart = this.#restart;
    this.#restart = false;
    return restart;
  }

  /** Something to be done when the response under way has been sent. */
  afterResponse(action: () => void): void {
    this.#afterResponse = [...this.#afterResponse, action];
  }

  /** The SA ends when the response under way has been sent. */
  failAfterResponse(failure: IkeSaFailure): void {
    this.afterResponse(() => this.end.fail(failure.reason, failure.message));
  }

  /** A response has been sent. */
  answered(): void {
    const actions = this.#afterResponse;
    this.#afterResponse = NOTHING;
    for (const action of actions) action();
  }

  /**
   * Whether a response to IKE_SA_INIT is acted on. An error that has no cure may be anybody's: on UDP better news are waited for
   * (section 2.21.1), on a stream it counts at once (RFC 9329, section 6.4).
   */
  admitInitResponse(message: Incoming): boolean {
    const error = message.error();
    if (error === undefined || this.path.reliable) return true;
    if (error.type === NOTIFY.invalidKePayload || error.type === NOTIFY.invalidMajorVersion) return true;
    if (this.#initError === null) {
      const { now, limits } = this.services;
      this.#initError = initRefusal(error.type, error.data);
      this.timers.set("init_error", now + limits.init_error_patience);
    }
    return false;
  }

  /** Nothing better than an error has come in the time that was left for it. */
  failOfInitError(): void {
    if (this.#initError !== null) this.end.fail(this.#initError.reason, this.#initError.message);
  }

  /** An authentic message came that is not a repetition: the peer lives, and may have moved (RFC 9329, section 6.1). */
  noteAuthentic(path: IkePath): void {
    this.lastHeard = this.services.now;
    this.wasHeard = true;
    this.succession.isHeld = false;
    if (!this.channel.hasFragments) this.timers.clear("reassembly");
    this.#follow(path);
  }

  /** An authentic ESP packet came: the same, if the SA is established. */
  noteTraffic(path: IkePath | undefined): void {
    this.lastHeard = this.services.now;
    if (path !== undefined && isEstablished(this.#state)) this.#follow(path);
  }

  /** The responder sends to where it last heard authentic things from; the initiator decides for itself (R-CHO-2, R-REC-4). */
  #follow(path: IkePath): void {
    if (path.id === this.path.id) return;
    // On UDP a peer behind a NAT may come from elsewhere at any time (RFC 7296, section 2.23); one with MOBIKE says so itself.
    const follows = path.reliable || !isEstablished(this.#state) || (this.nat.remote && !this.peer.mobike);
    // A rekey may have turned the roles around; who opens connections stays the same (RFC 9329, section 6.1).
    if (this.askedFirst || !follows) return;
    this.setPath(path);
    // What went out on a lost connection never arrives, and nothing else would send it again (section 6.2).
    if (path.reliable) this.exchanges.resend();
  }

  /** Sends on another path from now on. */
  setPath(path: IkePath): void {
    const before = this.path;
    this.path = path;
    this.services.pathMoved(this, before);
    if (isEstablished(this.#state)) this.services.emit({ type: "path_changed", ikeSa: this.id, path });
  }

  /** A fragment was kept: others must follow soon. */
  noteFragment(): void {
    this.timers.set("reassembly", this.services.now + this.services.limits.half_open_timeout);
  }

  /** Logs a message of ours. */
  noteSent(
    message: Outgoing,
    kind: "request" | "response",
    octets: readonly Uint8Array[],
    path: IkePath = this.path,
  ): void {
    if (message.exchangeType === EXCHANGE.ikeSaInit) this.#keepInitMessage(octets[0]!, kind);
    this.#log("sent", logLine(message, kind, "sent"), path, sum(octets), false);
  }

  /** Logs a message of the peer. */
  noteReceived(message: Incoming, kind: "request" | "response"): void {
    // A copy: the octets may be part of a whole read buffer.
    if (message.exchangeType === EXCHANGE.ikeSaInit) this.#keepInitMessage(message.octets.slice(), kind);
    this.#log("received", logLine(message, kind, "received"), message.path, message.length, false);
  }

  /** Logs a message that is sent again. */
  noteRepeated(
    exchangeType: number,
    kind: "request" | "response",
    octets: readonly Uint8Array[],
    path: IkePath = this.path,
  ): void {
    this.#log("sent", repeatedLine(exchangeType, kind), path, sum(octets), true);
  }

  #log(direction: "sent" | "received", line: string, path: IkePath, length: number, repeated: boolean): void {
    this.services.emit({ type: "message", ikeSa: this.id, direction, path, line, length, repeated });
  }

  /** AUTH covers both messages of IKE_SA_INIT: of several requests the one that was answered (section 2.15). */
  #keepInitMessage(octets: Uint8Array, kind: "request" | "response"): void {
    if (kind === "request") this.initRequest = octets;
    else this.initResponse = octets;
  }

  // Its life.

  /** Both ends are authenticated. */
  establish(): void {
    if (this.#state === "created") this.forgetNonces(); // made by a rekey: its child SAs have keys already
    this.move("authenticated");
    const { services, connection } = this;
    this.timers.beginLife();
    this.#forgetProofs();
    services.established(this);
    services.emit({
      type: "ike_sa_established",
      ikeSa: this.id,
      connection: connection.name,
      role: this.role,
      spiI: toHex(this.spiI),
      spiR: toHex(this.spiR),
      localId: formatIdentity(this.localId!),
      remoteId: formatIdentity(this.remoteId!),
      ...(this.eapId === null ? {} : { remoteEapId: formatIdentity(this.eapId) }),
      suite: formatProposal(this.suite!),
      path: this.path,
      nat: this.nat,
      configuration: this.configuration,
      ...(this.replaces === undefined ? {} : { replaces: this.replaces }),
    });
  }

  /** Lets go of what only AUTH was made of. */
  #forgetProofs(): void {
    this.initRequest = null;
    this.initResponse = null;
    this.remoteBody = null;
    this.peerCertificates = NOTHING;
    this.peer.authorities = null;
    const { skD, skPi, skPr } = this.keys!;
    wipe(skPi, skPr);
    this.keys = { skD, skPi: NO_OCTETS, skPr: NO_OCTETS };
  }

  /** No more keys are made of the nonces of the first exchange. */
  forgetNonces(): void {
    this.nonceI = NO_OCTETS;
    this.nonceR = NO_OCTETS;
  }

  /** Makes the SA that is to replace this one by a rekey: what was found out about the peer holds for it too (section 2.18). */
  makeSuccessor(
    role: "initiator" | "responder",
    { spiI, spiR, nonces }: { spiI: Uint8Array; spiR: Uint8Array; nonces: NoncePair },
  ): IkeSa {
    const { services, path, candidates } = this;
    const successor = new IkeSa({ id: services.newIkeSaId(), services, role, spiI, spiR, path, candidates });
    [successor.nonceI, successor.nonceR] = nonces;
    Object.assign(successor.peer, this.peer);
    successor.nat = this.nat;
    successor.localId = this.localId;
    successor.remoteId = this.remoteId;
    successor.eapId = this.eapId;
    successor.authenticated = true;
    successor.askedFirst = this.askedFirst;
    successor.configuration = this.configuration;
    successor.replaces = this.id;
    successor.timers.inheritFrom(this.timers);
    services.adopt(successor);
    return successor;
  }

  /** Lets go of everything that it holds: it is closed. */
  release(): void {
    for (const { pool, address } of this.leases) pool.release(address);
    this.leases = NOTHING;
    if (this.keys !== null) { for (const key of Object.values(this.keys) as Uint8Array[]) key.fill(0); }
    this.keys = null;
    this.#afterResponse = NOTHING;
    this.succession.noteClosed();
  }
}

function sum(octets: readonly Uint8Array[]): number {
  return octets.reduce((total, { length }) => total + length, 0);
}
