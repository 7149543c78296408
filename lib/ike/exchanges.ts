/**
 * The exchanges of one IKE SA (RFC 7296, sections 2.1 to 2.3): operations of ours wait for the window, run their tasks and
 * retransmit; requests of the peer are recognised, answered once, and answered again from memory. Nothing here knows what an
 * exchange is for: that is the tasks' business.
 */

import { IkeError } from "../errors.ts";
import type { ChildSa } from "./child_sa.ts";
import { checkExchange, EXCHANGE, IKE_FLAGS, type IkeHeader, type IkeMessage, NOTIFY } from "./codec/mod.ts";
import type { DropReason } from "./events.ts";
import type { IkeSa } from "./ike_sa.ts";
import { type Incoming, Outgoing } from "./messages.ts";
import { nextOperation, type Operation } from "./operation_queue.ts";
import type { IkePath } from "./path.ts";
import { retransmissionDelay } from "./retransmission.ts";
import { isEstablished } from "./state.ts";
import { Steps, type StepsOptions } from "./steps.ts";
import { respondingTasks } from "./tasks/table.ts";
import { IkeSaFailure, type Task, type TaskName, type TaskStep } from "./tasks/task.ts";
import { type OutstandingRequest, RequestWindow, ResponseWindow } from "./window.ts";

/** An operation with a request under way. */
interface Active {
  readonly messageId: number;
  readonly operation: Operation;
  readonly exchangeType: number;
}

/** One of each for all SAs, most of which are idle most of the time. */
const NO_OPERATIONS: readonly Operation[] = [];
const NONE_ACTIVE: readonly Active[] = [];
const NO_TASKS: readonly Task[] = [];

/** All exchanges of an IKE SA. */
export class Exchanges {
  readonly #sa: IkeSa;
  readonly #requests: RequestWindow;
  /** Of one request until the peer is told of more (section 2.3), and of one again in a rekeyed SA (section 2.18). */
  readonly #responses: ResponseWindow = new ResponseWindow();
  #queue: readonly Operation[] = NO_OPERATIONS;
  /** Operations that have begun and are not finished, whatever they wait for. */
  #begun: readonly Operation[] = NO_OPERATIONS;
  #active: readonly Active[] = NONE_ACTIVE;
  /** Tasks that span several exchanges which the peer begins: those of IKE_AUTH with EAP. */
  #spanning: readonly Task[] = NO_TASKS;
  /** A message of ours is being made, and something outside is waited for. */
  #building = false;

  /** Takes the SA. Message IDs of a rekeyed SA begin at 0 as well (section 2.18). */
  constructor(sa: IkeSa) {
    this.#sa = sa;
    this.#requests = new RequestWindow(0, 2 * sa.services.limits.max_requests);
  }

  /** How many requests are without a response. */
  get pending(): number {
    return this.#requests.pending;
  }

  /** Operations that are under way or wait. */
  operations(): Operation[] {
    return [...this.#begun, ...this.#queue];
  }

  /** Whether a task of that name is under way or waits. */
  isBusyWith(task: TaskName): boolean {
    return this.operations().some(({ tasks }) => tasks.some(({ name, done }) => name === task && !done));
  }

  /** Whether a child SA's deletion is under way or waits. */
  isDeleting(child: ChildSa): boolean {
    return this.operations().some(({ subject, tasks }) =>
      subject === child && tasks.some(({ name, done }) => name === "child_delete" && !done)
    );
  }

  /** Whether a child SA is being made, replaced or deleted by this end. */
  isBusyWithChildren(): boolean {
    return this.operations().some(({ tasks }) =>
      tasks.some(({ name, done }) => !done && name.startsWith("child_"))
    );
  }

  /** The peer keeps state for that many requests of ours (SET_WINDOW_SIZE). */
  growWindow(size: number): void {
    this.#requests.grow(Math.min(size, this.#sa.services.limits.max_parallel_requests));
    this.#beginNext();
  }

  /** The peer is told that state is kept here for that many requests of its. */
  widen(size: number): void {
    this.#responses.grow(size);
  }

  /** Begins an operation as soon as the window allows; false when too many wait. */
  begin(operation: Operation, most: number = this.#sa.services.limits.max_queued_tasks): boolean {
    if (this.#queue.length >= most) return false;
    this.enqueue(operation);
    return true;
  }

  /** The same however many wait, for what has a bound of its own and must not be lost. */
  enqueue(operation: Operation, where: "first" | "last" = "last"): void {
    this.#queue = where === "first" ? [operation, ...this.#queue] : [...this.#queue, operation];
    this.#beginNext();
  }

  /** Gives operations that have not begun, and forgets them. */
  takeQueued(): readonly Operation[] {
    const queued = this.#queue;
    this.#queue = NO_OPERATIONS;
    return queued;
  }

  /** Drops operations that have not begun. */
  cancelQueued(): void {
    for (const { tasks } of this.takeQueued()) abort(tasks);
  }

  /** Sends every request without a response again: there is another path (RFC 9329, section 6.2; RFC 4555, section 3.5). */
  resend(): void {
    const { path, services } = this.#sa;
    for (const request of this.#requests.outstanding()) {
      request.sends = 0;
      if (path.reliable) request.until = services.now + services.limits.response_timeout;
      else delete request.until;
      this.#transmit(request, true);
    }
  }

  /** What has waited for something else than the window may begin. */
  proceed(): void {
    this.#beginNext();
  }

  /** Sends every request without a response again, unless on a stream: somebody is in a hurry. */
  repeat(): void {
    if (this.#sa.path.reliable) return; // RFC 9329, section 6.2
    for (const request of this.#requests.outstanding()) this.#transmit(request, true);
  }

  /** A response was not there in time. */
  handleTimeout(messageId: number): void {
    const request = [...this.#requests.outstanding()].find((one) => one.messageId === messageId);
    if (request === undefined) return;
    const { path, services } = this.#sa;
    const expired = path.reliable
      ? services.now >= (request.until ?? 0)
      : retransmissionDelay(this.#settings(), request.sends + 1) === null;
    if (!expired) return this.#transmit(request, true);
    const waited = path.reliable
      ? `${services.limits.response_timeout} ms`
      : `${request.sends} transmissions`;
    this.#sa.end.fail("timeout", `No response to request ${messageId} after ${waited}`);
  }

  /** A message of this SA has come; the header is known to bear its SPIs, and the octets are all of it. */
  handleMessage(octets: Uint8Array, header: IkeHeader, path: IkePath): void {
    if ((header.flags & IKE_FLAGS.response) !== 0) this.#handleResponse(octets, header, path);
    else this.#handleRequest(octets, header, path);
  }

  /** Forgets everything: the SA is closed. */
  clear(): void {
    for (const { tasks } of this.operations()) abort(tasks);
    abort(this.#spanning);
    this.#spanning = NO_TASKS;
    this.#queue = NO_OPERATIONS;
    this.#begun = NO_OPERATIONS;
    this.#active = NONE_ACTIVE;
    this.#requests.clear();
    this.#responses.clear();
  }

  // Requests of ours.

  #beginNext(): void {
    while (!this.#building && this.#requests.open && this.#queue.length > 0 && this.#sa.mayRequest) {
      const next = nextOperation(this.#queue, this.#begun);
      if (next === undefined) return;
      const rest = this.#queue.filter((operation) => operation !== next);
      this.#queue = rest.length === 0 ? NO_OPERATIONS : rest;
      this.#build(next);
    }
    if (this.#requests.isExhausted && this.#requests.pending === 0 && this.#queue.length > 0) {
      this.#sa.end.fail("expired", "Message IDs have run out, and the IKE SA was not rekeyed in time");
    }
  }

  /** Message IDs must never begin anew: the SA is replaced long before (section 2.2). */
  #noteNumber(messageId: number): void {
    if (messageId >= this.#sa.services.limits.max_requests) this.#sa.succession.rekey();
  }

  /** Builds the next request of an operation, or ends it. */
  #build(operation: Operation): void {
    if (!this.#begun.includes(operation)) this.#begun = [...this.#begun, operation];
    const exchangeType = operation.exchange();
    const tasks = operation.tasks.filter((task) => !task.done);
    if (exchangeType === null || tasks.length === 0) {
      this.#finish(operation);
      return this.#beginNext();
    }
    const message = new Outgoing(exchangeType);
    this.#building = true;
    this.#run(tasks.length, (i) => tasks[i]!.build(message), {
      finish: () => {
        this.#building = false;
        // Where nothing is left of the tasks, what they were for is gone.
        if (tasks.every((task) => task.done)) this.#finish(operation);
        else this.#sendRequest(operation, message);
        this.#beginNext();
      },
      failed: (failure) => {
        this.#building = false;
        this.#giveUp(operation, failure);
      },
    });
  }

  #finish(operation: Operation): void {
    this.#end(operation);
    operation.finished?.();
    // Whatever else was wanted of child SAs meanwhile may have been what the old IKE SA waited for.
    this.#sa.reauthentication.noteSettled();
  }

  #end(operation: Operation): void {
    const rest = this.#begun.filter((one) => one !== operation);
    this.#begun = rest.length === 0 ? NO_OPERATIONS : rest;
  }

  /** An operation failed, and the SA with it: what its tasks hold is given back at once, however long the SA takes to end. */
  #giveUp(operation: Operation, { reason, message, notify }: IkeSaFailure): void {
    this.#end(operation);
    abort(operation.tasks);
    this.#sa.end.giveUp(reason, message, notify);
  }

  /** Sends IKE_SA_INIT anew, again under Message ID 0, with what a response has asked for (sections 2.2, 2.6). */
  #restart(operation: Operation): void {
    this.#requests.restart();
    this.#build(operation);
  }

  #sendRequest(operation: Operation, message: Outgoing): void {
    const sa = this.#sa;
    const messageId = this.#requests.next;
    const octets = sa.channel.seal(message, { messageId, response: false });
    const request = this.#requests.send(octets);
    const { exchangeType } = message;
    // IKE_SA_INIT is sent anew under the Message ID that it had (section 2.2).
    this.#active = [...this.#activeBut(messageId), { messageId, operation, exchangeType }];
    sa.noteSent(message, "request", octets);
    this.#transmit(request, false);
    this.#noteNumber(messageId);
  }

  #transmit(request: OutstandingRequest, repeated: boolean): void {
    const { services, path, timers } = this.#sa;
    const { messageId, octets } = request;
    request.sends++;
    for (const message of octets) services.transmit(path, message);
    const exchangeType = this.#activeOf(messageId)?.exchangeType;
    if (repeated && exchangeType !== undefined) this.#sa.noteRepeated(exchangeType, "request", octets);
    timers.set("retransmit", services.now + this.#patience(request), messageId);
  }

  /**
   * Milliseconds until a request is sent again, or is over. On a stream nothing is sent twice (RFC 9329, section 6.2), unless the
   * stream before it broke: the peer may not have known the SA yet, because its own request, whose answer was lost, waits for ours.
   */
  #patience({ sends, until }: OutstandingRequest): number {
    const { path, services: { limits, now } } = this.#sa;
    if (path.reliable && until === undefined) return limits.response_timeout;
    const delay = retransmissionDelay(this.#settings(), sends) ?? 0;
    return path.reliable ? Math.min(delay || limits.retransmit_limit, until! - now) : delay;
  }

  #settings() {
    const { retransmit_timeout, retransmit_tries, retransmit_limit, response_timeout } =
      this.#sa.services.limits;
    return { retransmit_timeout, retransmit_base: 1.8, retransmit_tries, retransmit_limit, response_timeout };
  }

  #activeOf(messageId: number): Active | undefined {
    return this.#active.find((active) => active.messageId === messageId);
  }

  #activeBut(messageId: number): readonly Active[] {
    const rest = this.#active.filter((active) => active.messageId !== messageId);
    return rest.length === 0 ? NONE_ACTIVE : rest;
  }

  #clearTimer(messageId: number): void {
    this.#sa.timers.clear("retransmit", messageId);
  }

  #handleResponse(octets: Uint8Array, header: IkeHeader, path: IkePath): void {
    const { messageId } = header;
    const active = this.#activeOf(messageId);
    if (active === undefined || !this.#requests.awaits(messageId)) {
      return this.#drop("message_id", `no request ${messageId} awaits a response`, path);
    }
    if (header.exchangeType !== active.exchangeType) {
      return this.#drop("wrong_state", `request ${messageId} was of another exchange`, path);
    }
    const opened = this.#sa.channel.open(octets, header, path);
    if (opened.kind === "dropped") return this.#drop(opened.reason, opened.text, path);
    if (opened.kind === "incomplete") return;
    // IKE_SA_INIT responses are not authentic: the task decides whether this one ends the wait (section 2.21.1).
    if (active.exchangeType === EXCHANGE.ikeSaInit) {
      if (opened.kind === "malformed") return this.#drop("malformed", opened.error.message, path);
      const fault = faultOf(opened.view);
      if (fault !== null) return this.#drop("malformed", fault.message, path);
      if (!this.#sa.admitInitResponse(opened.message)) return;
    }
    this.#requests.acknowledge(messageId);
    this.#active = this.#activeBut(messageId);
    this.#clearTimer(messageId);
    if (active.exchangeType !== EXCHANGE.ikeSaInit) this.#sa.noteAuthentic(path);
    const { operation } = active;
    if (opened.kind === "malformed") return this.#giveUp(operation, unreadable(opened.error));
    this.#sa.noteReceived(opened.message, "response");
    const fault = faultOf(opened.view);
    if (fault !== null) return this.#giveUp(operation, unreadable(fault));
    // Section 2.21.3: "fatal in both peers, meaning that the IKE SA is deleted without needing an explicit Delete payload".
    if (isEstablished(this.#sa.state) && opened.message.notify(NOTIFY.invalidSyntax) !== undefined) {
      return this.#sa.end.fail("invalid_syntax", "The peer answered INVALID_SYNTAX");
    }
    const tasks = operation.tasks.filter((task) => !task.done);
    this.#run(tasks.length, (i) => tasks[i]!.process(opened.message), {
      finish: () => this.#sa.takeRestart() ? this.#restart(operation) : this.#build(operation),
      failed: (failure) => this.#giveUp(operation, failure),
    });
  }

  // Requests of the peer.

  #handleRequest(octets: Uint8Array, header: IkeHeader, path: IkePath): void {
    const { messageId } = header;
    const verdict = this.#responses.verdict(messageId);
    if (verdict === "in_progress") return;
    if (verdict === "answered") return this.#repeatResponse(octets, header, path);
    if (verdict === "outside") {
      return this.#drop("message_id", `expected request ${this.#responses.next}, got ${messageId}`, path);
    }
    const opened = this.#sa.channel.open(octets, header, path);
    if (opened.kind === "dropped") return this.#drop(opened.reason, opened.text, path);
    if (opened.kind === "incomplete") return;
    // The message is authentic: whoever sent it took part in IKE_SA_INIT.
    const allowed = this.#sa.admitsRequest(
      header.exchangeType,
      opened.kind === "message" ? opened.message : null,
    );
    if (!allowed) {
      const text = `exchange ${header.exchangeType} is out of order while the SA is ${this.#sa.state}`;
      return this.#drop("wrong_state", text, path);
    }
    this.#responses.begin(messageId);
    this.#sa.noteAuthentic(path);
    const reply = { octets, mark: opened.mark, messageId, path, exchangeType: header.exchangeType };
    if (opened.kind === "malformed") return this.#refuse(reply, opened.error);
    this.#sa.noteReceived(opened.message, "request");
    const fault = faultOf(opened.view);
    if (fault !== null) return this.#refuse(reply, fault);
    this.#sa.succession.noteRequest(opened.message);
    this.answer(opened.message, reply);
  }

  /** Runs the tasks of a request and sends their response. IKE_SA_INIT comes here from the engine. */
  answer(message: Incoming, reply: Reply): void {
    const response = new Outgoing(message.exchangeType);
    const spanning = message.exchangeType === EXCHANGE.ikeSaInit || message.exchangeType === EXCHANGE.ikeAuth;
    if (spanning && this.#spanning.length === 0) this.#spanning = respondingTasks(message, this.#sa);
    const tasks = (spanning ? this.#spanning : respondingTasks(message, this.#sa)).filter((task) =>
      !task.done
    );
    const count = tasks.length;
    this.#run(2 * count, (i) => i < count ? tasks[i]!.process(message) : tasks[i - count]!.build(response), {
      finish: () => this.#sendResponse(response, reply),
      failed: (failure) => {
        abort(tasks);
        const refusal = new Outgoing(message.exchangeType);
        if (failure.notify !== undefined) refusal.notify(failure.notify);
        this.#sendResponse(refusal, reply, failure);
      },
    });
  }

  #sendResponse(response: Outgoing, reply: Reply, failure?: IkeSaFailure): void {
    const { messageId, path } = reply;
    const octets = this.#sa.channel.seal(response, { messageId, response: true, path });
    // Cached before anything else happens: what follows may begin exchanges of its own.
    const request = reply.mark ?? this.#sa.initRequest ?? reply.octets;
    this.#responses.answer(messageId, { request, response: octets });
    this.#sa.noteSent(response, "response", octets, path);
    for (const message of octets) this.#sa.services.transmit(path, message);
    if (failure !== undefined) this.#sa.end.fail(failure.reason, failure.message);
    else this.#sa.answered();
    if (this.#sa.state === "closed" && reply.mark !== undefined) {
      return this.#sa.services.keepResponse(this.#sa, { request: reply.octets, response: octets });
    }
    // IKE_AUTH is over, and what its tasks hold of it of no more use.
    if (isEstablished(this.#sa.state) && this.#spanning.length > 0) {
      this.#spanning = NO_TASKS;
      this.#sa.forgetNonces();
    }
    this.#noteNumber(messageId);
    this.#beginNext();
  }

  /** Answers a request that cannot be read, or is none that may come (section 2.21.3). */
  #refuse(reply: Reply, error: IkeError): void {
    const refusal = new Outgoing(reply.exchangeType);
    const notify = error.notify ?? NOTIFY.invalidSyntax!;
    refusal.notify(notify, error.notifyData);
    // INVALID_SYNTAX "is considered fatal in both peers"; so is any failure of IKE_AUTH (section 2.21.2).
    const fatal = notify === NOTIFY.invalidSyntax || reply.exchangeType === EXCHANGE.ikeAuth;
    const reason = notify === NOTIFY.unsupportedCriticalPayload
      ? "unsupported_critical_payload"
      : "invalid_syntax";
    this.#sendResponse(refusal, reply, fatal ? new IkeSaFailure(reason, error.message) : undefined);
  }

  /** A request came again: its response goes out again, to where the request came from, and nothing else happens (section 2.1). */
  #repeatResponse(octets: Uint8Array, header: IkeHeader, path: IkePath): void {
    const { messageId, exchangeType } = header;
    const cached = this.#responses.response(messageId)!;
    // Octets under an old Message ID must be those of the request.
    const isRepetition = typeof cached.request === "number"
      ? this.#sa.channel.isRepetition(octets, cached.request)
      : sameOctets(octets, cached.request);
    if (!isRepetition) {
      return this.#drop("message_id", `request ${messageId} was answered, and was another one`, path);
    }
    for (const message of cached.response) this.#sa.services.transmit(path, message);
    this.#sa.noteRepeated(exchangeType, "response", cached.response, path);
  }

  // Both.

  /** Runs steps one after the other, each of which may wait for the outside. */
  #run(
    count: number,
    step: (index: number) => TaskStep,
    { finish, failed }: Pick<StepsOptions, "finish" | "failed">,
  ): void {
    const sa = this.#sa;
    new Steps(count, step, {
      ask: (need, resume) => sa.services.ask(sa, need, resume),
      isOver: () => sa.state === "closed",
      finish,
      failed,
    }).run();
  }

  #drop(reason: DropReason, text: string, path: IkePath): void {
    this.#sa.services.drop(reason, text, path, this.#sa);
  }
}

/** What a response needs of its request. */
export interface Reply {
  /** The request as it came. */
  readonly octets: Uint8Array;
  /** What a repetition of a protected one is recognised by; absent for IKE_SA_INIT. */
  readonly mark?: number;
  readonly messageId: number;
  readonly path: IkePath;
  readonly exchangeType: number;
}

function abort(tasks: readonly Task[]): void {
  for (const task of tasks) task.abort();
}

/** Of a response that cannot be read, the peer is told nothing but that the SA ends (section 2.21.3). */
function unreadable({ message }: IkeError): IkeSaFailure {
  return new IkeSaFailure("invalid_syntax", message);
}

/** What is wrong with the payloads of a message; null where nothing is. */
function faultOf(message: IkeMessage): IkeError | null {
  try {
    checkExchange(message);
    return null;
  } catch (error) {
    if (error instanceof IkeError) return error;
    throw error;
  }
}

function sameOctets(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, i) => octet === b[i]);
}
