/**
 * A task is one thing that an exchange does, with two verbs for both roles: as the one who began the exchange it builds a part
 * of the request and then processes the response; as the other it processes the request and then builds a part of the response.
 * An exchange runs several tasks in the order of the table; a task that is not done takes part in the next exchange as well.
 */

import type { FailureReason } from "../events.ts";
import type { Incoming, Outgoing } from "../messages.ts";

/** What tasks are called in faults and tests. */
export type TaskName =
  | "ike_cookie"
  | "ike_init"
  | "ike_nat"
  | "ike_auth"
  | "ike_config"
  | "ike_establish"
  | "ike_window"
  | "ike_auth_lifetime"
  | "ike_delete"
  | "ike_dpd"
  | "ike_rekey"
  | "ike_failure"
  | "invalid_spi"
  | "child_create"
  | "child_rekey"
  | "child_delete"
  | "temporary_failure";

/** A step that waits for the outside: a signature of a smart card, a verdict on certificates, an EAP back end. */
export interface PendingStep {
  /** What is asked for. */
  readonly need: unknown;
  /** Goes on with the answer. */
  resume(answer: unknown): TaskStep;
}

/** How a step ended: finished, or it waits. */
export type TaskStep = PendingStep | void;

/** One thing that an exchange does. */
export interface Task {
  /** For faults and tests. */
  readonly name: TaskName;
  /** Whether it takes no part in further exchanges. */
  readonly done: boolean;
  /** Adds its part to a message of ours. */
  build(message: Outgoing): TaskStep;
  /** Takes its part of a message of the peer. */
  process(message: Incoming): TaskStep;
  /** The SA ends before the task is done: gives back what it holds. */
  abort(): void;
}

/** Ends the IKE SA. As responder, the notify is the answer; as initiator, it is told in an exchange of its own where that is due. */
export class IkeSaFailure extends Error {
  /** What callers are told. */
  readonly reason: FailureReason;
  /** Notify type for the peer; undefined where it is not told. */
  readonly notify: number | undefined;

  /** Makes a failure, with a sentence that a person can act on. */
  constructor(reason: FailureReason, message: string, notify?: number) {
    super(message);
    this.name = "IkeSaFailure";
    this.reason = reason;
    this.notify = notify;
  }
}

/** A failure that the peer is told as AUTHENTICATION_FAILED and nothing more (RFC 7296, section 2.21.2). */
export function failAuthentication(text: string): IkeSaFailure {
  return new IkeSaFailure("authentication_failed", text, AUTHENTICATION_FAILED);
}

const AUTHENTICATION_FAILED = 24;
