/** Refuses a request for the moment (RFC 7296, section 2.25): the peer may try again. */

import { NOTIFY } from "../codec/mod.ts";
import type { Outgoing } from "../messages.ts";
import type { Task } from "./task.ts";

/** N(TEMPORARY_FAILURE). */
export class TemporaryFailureTask implements Task {
  readonly name = "temporary_failure";
  done = false;

  process(): void {}

  build(message: Outgoing): void {
    this.done = true;
    message.notify(NOTIFY.temporaryFailure);
  }

  abort(): void {}
}
