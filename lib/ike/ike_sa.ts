/**
 * One IKE SA: what both ends agreed on, its children, and its life from the first message to the last. What exchanges do is in
 * `tasks/`, how they run in `exchanges.ts`, what protects them in `channel.ts`; the only code that moves the state is here.
 */

import { toHex } from "../bytes/mod.ts";
import type { Prf } from "../crypto/mod.ts";
import { type CertificateData, formatIdentity, type Identity } from "./auth/mod.ts";
import { Channel } from "./channel.ts";
import type { ChildSa } from "./child_sa.ts";
import type { Child, Connection } from "./connection.ts";
import type { AssignedConfiguration, ChildSaDeleted, FailureReason, IkeSaId, NatFindings } from "./events.ts";
import { Exchanges } from "./exchanges.ts";
import { EXCHANGE, NOTIFY, PROTOCOL } from "./codec/mod.ts";
import { wipe } from "./keymat.ts";
import { FATAL_NOTIFIES, type Incoming, type Outgoing } from "./messages.ts";
import { logLine, repeatedLine } from "./message_log.ts";
import type { NoncePair } from "./nonce_order.ts";
import { formatEndpoint, type IkePath } from "./path.ts";
import type { Lease } from "./pools.ts";
import { longestWait } from "./retransmission.ts";
import type { IkeServices } from "./services.ts";
import { type IkeSaMove, type IkeSaState, isEstablished, nextIkeSaState } from "./state.ts";
import { formatProposal } from "./proposals.ts";
import type { SelectedProposal } from "./proposal_selection.ts";
import {
  createChildOperation,
  deleteChildOperation,
  deleteIkeOperation,
  failureOperation,
  livenessOperation,
  rekeyChildOperation,
  rekeyIkeOperation,
  unwantedChildOperation,
} from "./tasks/operations.ts";
import { initRefusal } from "./tasks/init_refusal.ts";
import type { IkeSaFailure } from "./tasks/task.ts";
import type { TimerName } from "./timers.ts";

/** What the peer has told of itself. */
export interface PeerCapabilities {
  /** It said that it takes IKE fragments (RFC 7383). */
  fragmentationOffered: boolean;
  /** It takes them, and the connection lets us send them. */
  fragmentation: boolean;
  /** It moves SAs between addresses (RFC 4555). */
  mobike: boolean;
  /** It makes IKE SAs without a child (RFC 6023). */
  childless: boolean;
  /** Hashes that it verifies signatures with (RFC 7427). */
  hashAlgorithms: readonly number[];
  /** Hashes of the keys of authorities that it trusts: what its CERTREQs hold; null where it asked for no certificate. */
  authorities: readonly Uint8Array[] | null;
  /** It authenticates by EAP alone (RFC 5998). */
  eapOnly: boolean;
}

/** Key material that outlives the first exchanges. */
export interface IkeKeyring {
  /** Child SAs and rekeys are made of it. */
  readonly skD: Uint8Array;
  /** What the initiator's AUTH proves the knowledge of; empty once both ends are authenticated, and so is the next. */
  readonly skPi: Uint8Array;
  /** What the responder's does. */
  readonly skPr: Uint8Array;
}

const NO_OCTETS = new Uint8Array(0);

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
  readonly peer: PeerCapabilities = {
    fragmentationOffered: false,
    fragmentation: false,
    mobike: false,
    childless: false,
    hashAlgorithms: [],
    authorities: null,
    eapOnly: false,
  };
  /** NATs on the way. */
  nat: NatFindings = { local: false, remote: false };
  /** Who is who, once it is known. */
  localId: Identity | null = null;
  remoteId: Identity | null = null;
  /** The body of the peer's ID payload as it came, which AUTH covers. */
  remoteBody: Uint8Array | null = null;
  /** CERT payloads that came with it. */
  peerCertificates: readonly CertificateData[] = [];
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
  configuration: AssignedConfiguration = { addresses: [], dns: [], subnets: [] };
  /** Addresses of our pools that the peer has. */
  leases: readonly Lease[] = [];
  /** Child SAs by our SPI. */
  readonly children: Map<number, ChildSa> = new Map();
  /** The IKE SA that it replaces. */
  replaces: IkeSaId | undefined;
  /** A rekey of this SA by this end is under way. */
  rekeying = false;
  /** What the peer has made to replace it, and the nonces of that exchange. */
  peerSuccessor: { readonly successor: IkeSa; readonly nonces: NoncePair } | null = null;
  /** The IKE SA that has taken over the children. */
  successor: IkeSa | null = null;
  /** The IKE SA that the peer wants this one to replace, until it is known whether it does. */
  predecessor: IkeSa | null = null;
  /** SPIs of child SAs that the peer deleted before this end knew that it had made them. */
  deletedUnseen: Set<number> | null = null;
  /** When an authentic message of the peer came last. */
  lastHeard: number;
  readonly channel: Channel;
  readonly exchanges: Exchanges;
  #state: IkeSaState = "created";
  #restart = false;
  #afterResponse: (() => void)[] = [];
  /** An error in IKE_SA_INIT that nothing better has followed yet. */
  #initError: IkeSaFailure | null = null;
  /** A failure was told already, and the SA waits only for the peer to know. */
  #failureTold = false;
  /** What `ike_sa_deleted` will say. */
  #end: { by: "local" | "peer" | "replaced" | "failure"; reason?: FailureReason; text?: string } = {
    by: "local",
  };

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
  }

  /** Where it stands. */
  get state(): IkeSaState {
    return this.#state;
  }

  /** The connection it belongs to, or the likeliest one. */
  get connection(): Connection {
    return this.candidates[0]!;
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
    return this.#state !== "closed" && this.#state !== "created";
  }

  /** Timers of this SA. */
  get timers(): {
    set(name: TimerName, at: number, key?: number): void;
    clear(name: TimerName, key?: number): void;
  } {
    const { timers } = this.services;
    return {
      set: (name, at, key) => timers.set(this, name, at, key),
      clear: (name, key) => timers.clear(this, name, key),
    };
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
    this.#afterResponse.push(action);
  }

  /** The SA ends when the response under way has been sent. */
  failAfterResponse(failure: IkeSaFailure): void {
    this.afterResponse(() => this.fail(failure.reason, failure.message));
  }

  /** A response has been sent. */
  answered(): void {
    for (const action of this.#afterResponse.splice(0)) action();
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

  /** An authentic message came that is not a repetition: the peer lives, and may have moved (RFC 9329, section 6.1). */
  noteAuthentic(path: IkePath): void {
    this.lastHeard = this.services.now;
    this.timers.clear("reassembly");
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
    if (message.exchangeType === EXCHANGE.ikeSaInit) this.keepInitMessage(octets[0]!, kind);
    this.#log("sent", logLine(message, kind, "sent"), path, sum(octets), false);
  }

  /** Logs a message of the peer. */
  noteReceived(message: Incoming, kind: "request" | "response"): void {
    if (message.exchangeType === EXCHANGE.ikeSaInit) this.keepInitMessage(message.octets, kind);
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
  keepInitMessage(octets: Uint8Array, kind: "request" | "response"): void {
    if (kind === "request") this.initRequest = octets.slice();
    else this.initResponse = octets.slice();
  }

  // Its life.

  /** Both ends are authenticated. */
  establish(): void {
    this.move("authenticated");
    const { services, connection } = this;
    const { rekeyTime, overTime, randTime, reauthTime, dpdDelay } = connection;
    const early = services.randomBelow(randTime + 1);
    this.timers.clear("half_open");
    if (rekeyTime > 0) this.timers.set("rekey_ike", services.now + Math.max(1, rekeyTime - early));
    if (reauthTime > 0) this.timers.set("reauthenticate", services.now + Math.max(1, reauthTime - early));
    const longest = Math.max(rekeyTime, reauthTime);
    if (longest > 0) this.timers.set("expire_ike", services.now + longest + overTime);
    if (dpdDelay > 0) this.timers.set("liveness", services.now + dpdDelay);
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
    this.peerCertificates = [];
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

  /** Deletes the SA in order, or gives up one that is not established. */
  delete(by: "local" | "replaced" = "local", why?: { reason: FailureReason; text: string }): void {
    if (this.#state === "created" || this.#state === "connecting") {
      return this.fail(why?.reason ?? "cancelled", why?.text ?? "The attempt was given up");
    }
    if (this.#state === "closed" || this.#state === "deleting") return;
    this.move("delete");
    this.#end = why === undefined ? { by } : { by: "failure", ...why };
    this.exchanges.cancelQueued();
    this.exchanges.begin(deleteIkeOperation(this), "first");
  }

  /** The peer deletes it. Its request is answered before the SA is closed. */
  deletedByPeer(): void {
    if (this.#state === "closed") return;
    // A peer that deletes what it has replaced has made its choice, whatever becomes of our own rekey (section 2.8.2).
    this.yieldToPeer();
    this.#end = { by: this.#end.by === "replaced" || this.#state === "rekeyed" ? "replaced" : "peer" };
    this.move("deleted_by_peer");
    this.#close();
  }

  /** The peer has answered our deletion. */
  deletionAcknowledged(): void {
    if (this.#state !== "deleting") return;
    this.move("delete_acknowledged");
    this.#close();
  }

  /** Ends at once: nothing more is said to the peer. */
  fail(reason: FailureReason, text: string): void {
    if (this.#state === "closed") return;
    // Of a deletion that nobody answered, the deletion is what counts.
    if (this.#state !== "deleting") this.#end = { by: "failure", reason, text };
    const wasEstablished = isEstablished(this.#state);
    this.move("failed");
    if (!wasEstablished) this.#tellFailure(reason, text);
    this.#close(wasEstablished);
  }

  #tellFailure(reason: FailureReason, text: string): void {
    if (this.#failureTold) return;
    this.#failureTold = true;
    const { id, connection, role, path, services } = this;
    const remoteId = this.remoteId === null ? undefined : formatIdentity(this.remoteId);
    services.emit({
      type: "ike_sa_failed",
      ikeSa: id,
      connection: connection.name,
      role,
      path,
      ...(remoteId === undefined ? {} : { remoteId }),
      reason,
      text: `${text} (${remoteId ?? "the peer"} at ${formatEndpoint(path.remote)})`,
    });
  }

  /**
   * Ends because of what a response held: an initiator of IKE_AUTH may tell the peer what was wrong, and an established SA is
   * deleted (sections 2.21, 2.21.2).
   */
  giveUp(reason: FailureReason, text: string, notify?: number): void {
    if (isEstablished(this.#state)) return this.delete("local", { reason, text });
    if (this.#failureTold || notify === undefined || !this.channel.isProtected || this.role === "responder") {
      return this.fail(reason, text);
    }
    this.#tellFailure(reason, text);
    this.exchanges.cancelQueued();
    this.timers.set("linger", this.services.now + this.services.limits.linger_time);
    if (!this.exchanges.begin(failureOperation(this, notify), "first")) this.fail(reason, text);
  }

  /** The peer knows that we could not accept it. */
  failureAcknowledged(): void {
    this.fail("authentication_failed", "The peer was told");
  }

  #close(wasEstablished = true): void {
    const { services } = this;
    for (const child of [...this.children.values()]) this.removeChild(child, "ike_sa");
    for (const { pool, address } of this.leases) pool.release(address);
    this.leases = [];
    services.timers.clearAll(this);
    this.exchanges.clear();
    this.channel.dispose();
    if (this.keys !== null) { for (const key of Object.values(this.keys) as Uint8Array[]) key.fill(0); }
    this.keys = null;
    this.#afterResponse = [];
    this.predecessor = null;
    if (wasEstablished) {
      services.emit({
        type: "ike_sa_deleted",
        ikeSa: this.id,
        connection: this.connection.name,
        ...this.#end,
      });
    }
    services.forget(this);
  }

  // Its successor (section 2.18).

  /** Makes the SA that is to replace this one: what was found out about the peer holds for it too. */
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
    successor.authenticated = true;
    successor.askedFirst = this.askedFirst;
    successor.configuration = this.configuration;
    successor.replaces = this.id;
    services.adopt(successor);
    return successor;
  }

  /** The SA that the peer has made takes over, if there is one; whatever becomes of our own rekey. */
  yieldToPeer(): boolean {
    const successor = this.peerSuccessor?.successor;
    if (this.#state !== "established" || successor === undefined || successor.state === "closed") {
      return false;
    }
    this.handOver(successor);
    return true;
  }

  /** A request of the peer has come: if it begins anything on this SA, this is the one that it goes on with (section 2.8.2). */
  noteRequest(message: Incoming): void {
    const deletes = message.all("D").some(({ protocol }) => protocol === PROTOCOL.ike);
    if (!deletes) this.predecessor?.yieldToPeer();
  }

  /** Another SA takes the children over, and everything else that outlives this one. */
  handOver(successor: IkeSa): void {
    const { services } = this;
    this.move("rekeyed");
    this.successor = successor;
    successor.predecessor = null;
    this.rekeying = false;
    for (const name of ["rekey_ike", "expire_ike", "reauthenticate", "liveness"] as const) {
      this.timers.clear(name);
    }
    successor.leases = this.leases;
    this.leases = [];
    if (successor.state === "created") successor.establish();
    const moved = [...this.children.values()];
    for (const child of moved) {
      this.children.delete(child.spiIn);
      successor.addChild(child);
      for (const name of ["rekey_child", "expire_child"] as const) {
        const at = services.timers.at(this, name, child.id);
        this.timers.clear(name, child.id);
        if (at !== undefined) successor.timers.set(name, at, child.id);
      }
    }
    services.emit({
      type: "child_sas_moved",
      from: this.id,
      to: successor.id,
      children: moved.map(({ id }) => id),
    });
    this.linger();
    // What has not begun is done on the new one.
    for (const operation of this.exchanges.takeQueued()) {
      const again = operation.moveTo?.(successor);
      if (again !== undefined) successor.exchanges.begin(again);
    }
  }

  /** The peer has to delete this SA. Whether it still waits for an answer is known when retransmissions have had their time. */
  linger(): void {
    const { now, limits } = this.services;
    const wait = longestWait({ ...limits, retransmit_base: 1.8 }, this.path.reliable);
    this.timers.set("linger", now + Math.max(limits.linger_time, wait));
  }

  /** Replaces this SA, unless that is under way. */
  rekey(): void {
    if (this.#state !== "established" || this.exchanges.isBusyWith("ike_rekey")) return;
    this.exchanges.begin(rekeyIkeOperation(this));
  }

  /** The peer did not take a rekey: it is tried again until the lifetime ends. */
  rekeyRefused(notify: string): void {
    const { services } = this;
    services.emit({ type: "ike_rekey_failed", ikeSa: this.id, reason: notify });
    if (this.#state === "established") {
      const wait = services.limits.retry_time;
      this.timers.set("rekey_ike", services.now + wait + services.randomBelow(wait));
    }
  }

  // Its children.

  /** Makes another child SA. */
  createChild(config: Child): void {
    if (this.#state === "established") this.exchanges.begin(createChildOperation(this, config));
  }

  /** Replaces a child SA, unless that is under way. */
  rekeyChild(child: ChildSa): void {
    if (this.#state !== "established" || child.state !== "installed") return;
    this.exchanges.begin(rekeyChildOperation(this, child));
  }

  /** A child SA could not be replaced: it is tried again, at random a little later than the peer might. */
  retryRekey(child: ChildSa): void {
    const { now, limits } = this.services;
    const wait = limits.retry_time + this.services.randomBelow(limits.retry_time);
    this.timers.set("rekey_child", now + wait, child.id);
  }

  /** Packets are to be sent on a child SA from now on. */
  switchTo(child: ChildSa): void {
    this.services.emit({ type: "child_sa_switched", ikeSa: this.id, child: child.id });
  }

  /** The peer deletes a child SA that there is not: one that it has made just now, perhaps, whose answer is still under way. */
  noteDeletedUnseen(spiOut: number): void {
    if (!this.exchanges.isBusyWithChildren()) {
      this.deletedUnseen = null;
      return;
    }
    this.deletedUnseen ??= new Set();
    if (this.deletedUnseen.size < this.services.limits.max_children) this.deletedUnseen.add(spiOut);
  }

  /** Takes a child SA in. */
  addChild(child: ChildSa): void {
    this.children.set(child.spiIn, child);
  }

  /** The child SA of a number. */
  child(id: number): ChildSa | undefined {
    return [...this.children.values()].find((child) => child.id === id);
  }

  /** Deletes a child SA in order. */
  deleteChild(child: ChildSa, by: ChildSaDeleted["by"] = "local"): void {
    if (child.state === "deleting" || !isEstablished(this.#state)) return;
    child.state = "deleting"; // from now on, though the window may let D wait
    if (!this.exchanges.begin(deleteChildOperation(this, child, by))) this.removeChild(child, by);
  }

  /** Deletes a child SA that the peer has made and this end did not take. */
  deleteUnwantedChild(spi: number): void {
    if (!this.exchanges.begin(unwantedChildOperation(this, spi))) this.services.releaseChildSpi(spi);
  }

  /** Lets a child SA go, and says so. */
  removeChild(child: ChildSa, by: ChildSaDeleted["by"]): void {
    if (!this.children.delete(child.spiIn)) return;
    this.timers.clear("rekey_child", child.id);
    this.timers.clear("expire_child", child.id);
    this.timers.clear("linger", child.id);
    this.services.releaseChildSpi(child.spiIn);
    this.services.emit({ type: "child_sa_deleted", ikeSa: this.id, child: child.id, name: child.name, by });
  }

  // Timers.

  /** A timer of this SA has run out. */
  handleTimer(name: TimerName, key: number): void {
    switch (name) {
      case "retransmit":
        return this.exchanges.handleTimeout(key);
      case "half_open":
        return this.fail(
          "timeout",
          `The peer did not authenticate itself within ${this.services.limits.half_open_timeout} ms`,
        );
      case "reassembly":
        return this.channel.dropFragments();
      case "liveness":
        return this.#checkLiveness();
      case "init_error":
        return this.#initError === null
          ? undefined
          : this.fail(this.#initError.reason, this.#initError.message);
      case "linger":
        if (isEstablished(this.#state)) return this.delete("replaced");
        return this.fail("timeout", "The peer did not answer any more");
      case "rekey_child": {
        const child = this.child(key);
        return child === undefined ? undefined : this.rekeyChild(child);
      }
      case "rekey_ike":
        return this.rekey();
      case "expire_child":
        return this.#expireChild(key);
      case "expire_ike":
        return this.delete("local", { reason: "expired", text: "The IKE SA was not rekeyed in time" });
    }
  }

  #expireChild(id: number): void {
    const child = this.child(id);
    if (child !== undefined) this.deleteChild(child, "expired");
  }

  /** Asks a peer that was silent for `dpd_delay`; a request under way asks already. */
  #checkLiveness(): void {
    const { services, connection } = this;
    const due = this.lastHeard + connection.dpdDelay;
    if (services.now < due) return this.timers.set("liveness", due);
    this.timers.set("liveness", services.now + connection.dpdDelay);
    if (this.exchanges.pending === 0) this.exchanges.begin(livenessOperation(this));
  }
}

function sum(octets: readonly Uint8Array[]): number {
  return octets.reduce((total, { length }) => total + length, 0);
}
