/**
 * The other end of a bench: a second process of the same runtime, so that both ends have a core of their own, and the calls
 * it answers. Calls and answers are lines of JSON on its standard input and output.
 */

import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { detectRuntime } from "../lib/runtime/detect.ts";

/** What a peer can be asked. Arguments and results must survive JSON. */
// deno-lint-ignore no-explicit-any
export type PeerCalls = Readonly<Record<string, (argument: any) => unknown>>;

/** Milliseconds until a call that was not answered fails. */
const CALL_TIMEOUT = 30000;

/** Answers calls until the process that started this one closes standard input, or ends. */
export async function serveCalls(calls: PeerCalls): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const { id, call, argument } = JSON.parse(line);
    Promise.resolve()
      .then(() => calls[call]!(argument))
      .then((result) => ({ id, result }), (error) => ({ id, error: String(error?.stack ?? error) }))
      .then((answer) => process.stdout.write(`${JSON.stringify(answer)}\n`));
  }
  process.exit();
}

/** A process that answers calls. */
export class Peer<Calls extends PeerCalls> {
  readonly #child: ChildProcess;
  readonly #pending: Map<number, { resolve(result: unknown): void; reject(error: Error): void }> = new Map();
  #calls = 0;
  #ended: Error | undefined;

  /** Starts a file of this folder with the runtime at hand, with `globalThis.gc` if asked to. */
  constructor(file: string, options: { readonly gc?: boolean } = {}) {
    const path = fileURLToPath(new URL(file, import.meta.url));
    this.#child = spawn(process.execPath, [...runtimeArguments(options.gc ?? false), path], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    createInterface({ input: this.#child.stdout! }).on(
      "line",
      (line) => this.#handleAnswer(JSON.parse(line)),
    );
    this.#child.once("error", (error) => this.#handleEnd(error));
    this.#child.once("exit", (code, signal) => {
      this.#handleEnd(new Error(`Cannot call ${file}: it ended with ${code ?? signal}`));
    });
  }

  /** Calls it. */
  call<Name extends keyof Calls & string>(
    call: Name,
    ...[argument]: Parameters<Calls[Name]>
  ): Promise<Awaited<ReturnType<Calls[Name]>>> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended);
      const id = ++this.#calls;
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new Error(`Cannot wait for ${call}: expected an answer within ${CALL_TIMEOUT} ms`));
      }, CALL_TIMEOUT);
      this.#pending.set(id, {
        resolve: (result) => {
          clearTimeout(timer);
          resolve(result as Awaited<ReturnType<Calls[Name]>>);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
      this.#child.stdin!.write(`${JSON.stringify({ id, call, argument })}\n`);
    });
  }

  /** Ends it. */
  close(): void {
    this.#child.stdin!.end();
  }

  #handleAnswer({ id, result, error }: { id: number; result?: unknown; error?: string }): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (error === undefined) pending?.resolve(result);
    else pending?.reject(new Error(error));
  }

  #handleEnd(error: Error): void {
    this.#ended = error;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}

function runtimeArguments(gc: boolean): string[] {
  switch (detectRuntime().name) {
    case "deno":
      return ["run", "--allow-all", "--unstable-net", ...(gc ? ["--v8-flags=--expose-gc"] : [])];
    case "bun":
      return gc ? ["--expose-gc"] : [];
    default:
      return [...process.execArgv, ...(gc ? ["--expose-gc"] : [])];
  }
}
