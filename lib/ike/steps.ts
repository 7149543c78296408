/** Steps one after the other, each of which may wait for the outside: how an engine without promises does what may take its time. */

import { CryptoError, IkeError } from "../errors.ts";
import { NOTIFY } from "./codec/mod.ts";
import { IkeSaFailure, type PendingStep, type TaskStep } from "./tasks/task.ts";

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
  readonly #count: number;
  readonly #step: (index: number) => TaskStep;
  readonly #options: StepsOptions;
  #next = 0;

  /** Takes how many steps there are, and how to do each. */
  constructor(count: number, step: (index: number) => TaskStep, options: StepsOptions) {
    this.#count = count;
    this.#step = step;
    this.#options = options;
  }

  /** Runs until a step waits, or all are done. */
  run(): void {
    try {
      while (this.#next < this.#count) {
        if (this.#wait(this.#step(this.#next++)) || this.#options.isOver()) return;
      }
    } catch (error) {
      return this.#options.failed(asFailure(error));
    }
    this.#options.finish();
  }

  #resume(step: PendingStep, answer: unknown): void {
    if (this.#options.isOver()) return;
    try {
      if (this.#wait(step.resume(answer))) return;
    } catch (error) {
      return this.#options.failed(asFailure(error));
    }
    this.run();
  }

  /** Whether a step waits; if so, the rest is put off. */
  #wait(step: TaskStep): boolean {
    if (step === undefined) return false;
    this.#options.ask(step.need, (answer) => this.#resume(step, answer));
    return true;
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
