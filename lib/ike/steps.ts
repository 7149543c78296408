/** Steps one after the other, each of which may wait for the outside: how an engine without promises does what may take its time. */

import { CryptoError, IkeError } from "../errors.ts";
import { NOTIFY } from "./codec/mod.ts";
import { IkeSaFailure, type TaskStep } from "./tasks/task.ts";

/** What happens around steps. */
export interface StepsOptions {
  /** Puts a need to the outside; `resume` takes its answer. */
  readonly ask: (need: unknown, resume: (answer: unknown) => void) => void;
  /** Whether nothing more is to be done. */
  readonly isOver: () => boolean;
  /** All steps are done. */
  readonly finish: () => void;
  /** A step failed; what it threw is a peer's fault or a refusal, never a mistake of the program. */
  readonly failed: (failure: IkeSaFailure) => void;
}

/** A list of steps under way. */
export class Steps {
  readonly #steps: readonly (() => TaskStep)[];
  readonly #options: StepsOptions;
  #next = 0;

  /** Takes the steps. */
  constructor(steps: readonly (() => TaskStep)[], options: StepsOptions) {
    this.#steps = steps;
    this.#options = options;
  }

  /** Runs until a step waits, or all are done. */
  run(): void {
    this.#guard(() => {
      while (this.#next < this.#steps.length) {
        if (this.#wait(this.#steps[this.#next++]!())) return false;
        if (this.#options.isOver()) return false;
      }
      return true;
    });
  }

  #resume(step: () => TaskStep): void {
    if (this.#options.isOver()) return;
    let waits = true;
    this.#guard(() => {
      waits = this.#wait(step());
      return false;
    }, () => waits = true);
    if (!waits) this.run();
  }

  /** Whether a step waits; if so, the rest is put off. */
  #wait(step: TaskStep): boolean {
    if (step === undefined) return false;
    this.#options.ask(step.need, (answer) => this.#resume(() => step.resume(answer)));
    return true;
  }

  #guard(work: () => boolean, onFailure: () => void = () => {}): void {
    let complete: boolean;
    try {
      complete = work();
    } catch (error) {
      onFailure();
      this.#options.failed(asFailure(error));
      return;
    }
    if (complete) this.#options.finish();
  }
}

/** What a step threw, as a failure of the SA; mistakes of the program are thrown on. */
function asFailure(error: unknown): IkeSaFailure {
  if (error instanceof IkeSaFailure) return error;
  if (error instanceof IkeError) return new IkeSaFailure("protocol", error.message, error.notify);
  // A public value that RFC 6989 tells to refuse is a malformed message.
  if (error instanceof CryptoError) {
    const notify = error.code === "ERR_CRYPTO_PUBLIC_VALUE" ? NOTIFY.invalidSyntax : undefined;
    return new IkeSaFailure("protocol", error.message, notify);
  }
  throw error;
}
