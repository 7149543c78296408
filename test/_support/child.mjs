// @ts-check
/**
 * Runs one command to its end with a time limit and keeps what it wrote. The command leads a process group of its own,
 * so that the limit (or Ctrl-C) also ends whatever it started.
 *
 * @module
 */

import { spawn } from "node:child_process";
import process from "node:process";

/** Output kept of one command, in characters; more is cut in the middle. 8 Mi characters hold any report of ours. */
const MAX_OUTPUT = 8 * 1024 * 1024;

/** How long a command may take to report after it was interrupted at its time limit, in milliseconds. */
const GRACE = 5000;

/** @type {Set<number>} Process groups that run now. */
const groups = new Set();

for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) {
  process.once(signal, () => {
    for (const pid of groups) endGroup(pid, "SIGKILL");
    process.exit(signal === "SIGINT" ? 130 : 143);
  });
}

/**
 * @typedef {object} ChildResult
 * @property {string} output What the command wrote to standard output and standard error, in the order it came.
 * @property {string} stdout What it wrote to standard output alone.
 * @property {string | null} problem Why it did not end well, as half a sentence ("exit status 1"); null when it did.
 * @property {number | null} status Its exit status; null when a signal ended it or it could not be started.
 * @property {boolean} timedOut Whether it was ended at its time limit.
 * @property {number} seconds How long it took.
 */

/**
 * Runs a command and resolves when it, and everything that holds its output open, has ended. Never rejects.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd: string, seconds: number, env?: Record<string, string | undefined> }} options
 * @returns {Promise<ChildResult>}
 */
export function runChild(command, args, options) {
  return new Promise((resolve) => {
    const began = performance.now();
    const all = new Output();
    const stdout = new Output();
    let timedOut = false;
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...cleanEnvironment(), ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    const { pid } = child;
    if (pid !== undefined) groups.add(pid);

    /** @type {NodeJS.Timeout | undefined} */
    let graceTimer;
    const limitTimer = setTimeout(() => {
      timedOut = true;
      if (pid === undefined) return;
      // An interrupted test runner still says which test it was in.
      endGroup(pid, "SIGINT");
      graceTimer = setTimeout(() => endGroup(pid, "SIGKILL"), GRACE);
    }, options.seconds * 1000);

    child.stdout.setEncoding("utf8").on("data", (/** @type {string} */ text) => {
      stdout.add(text);
      all.add(text);
    });
    child.stderr.setEncoding("utf8").on("data", (/** @type {string} */ text) => all.add(text));

    /** @param {number | null} status @param {string | null} problem */
    const finish = (status, problem) => {
      clearTimeout(limitTimer);
      clearTimeout(graceTimer);
      if (pid !== undefined) {
        // What it left behind in its group must not outlive it.
        endGroup(pid, "SIGKILL");
        groups.delete(pid);
      }
      resolve({
        output: all.text(),
        stdout: stdout.text(),
        problem: timedOut ? `not done after ${options.seconds} s` : problem,
        status,
        timedOut,
        seconds: (performance.now() - began) / 1000,
      });
    };
    child.once("error", (error) => finish(null, `cannot be started (${error.message})`));
    child.once("close", (status, signal) => {
      finish(status, status === 0 ? null : status === null ? `ended by ${signal}` : `exit status ${status}`);
    });
  });
}

/**
 * The environment without what npm, a test runner or a debugger around us put into it, so that a test behaves the same
 * under `npm test`, in the gate and when its file is run by hand.
 *
 * @returns {NodeJS.ProcessEnv}
 */
export function cleanEnvironment() {
  /** @type {NodeJS.ProcessEnv} */
  const env = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (
      /^(NODE_OPTIONS|NODE_TEST_CONTEXT|NODE_V8_COVERAGE|NODE_CHANNEL_FD|FORCE_COLOR|INIT_CWD|npm_.*)$/.test(
        name,
      )
    ) {
      continue;
    }
    env[name] = value;
  }
  return { ...env, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };
}

/** @param {number} pid @param {NodeJS.Signals} signal */
function endGroup(pid, signal) {
  try {
    process.kill(-pid, signal);
  } catch {
    // The whole group has ended already.
  }
}

/** Text that keeps its beginning and its end when it grows past {@linkcode MAX_OUTPUT}. */
class Output {
  #head = "";
  #tail = "";
  #cut = false;

  /** @param {string} text */
  add(text) {
    if (this.#head.length < MAX_OUTPUT / 2) {
      this.#head += text;
      return;
    }
    this.#tail += text;
    if (this.#tail.length > MAX_OUTPUT) {
      this.#tail = this.#tail.slice(-MAX_OUTPUT / 2);
      this.#cut = true;
    }
  }

  text() {
    return this.#head + (this.#cut ? "\n[… cut …]\n" : "") + this.#tail;
  }
}
