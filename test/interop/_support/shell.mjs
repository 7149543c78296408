/** Programs, started and waited for. Every wait has an end; every program that outlives its start is known by pid. */

import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export { sleep };

/**
 * Runs a program to its end.
 *
 * @param {string[]} command the program and its arguments
 * @param {{ seconds?: number, env?: Record<string, string>, input?: string }} [options]
 * @returns {Promise<{ status: number | null, stdout: string, stderr: string }>}
 */
export function run(command, options = {}) {
  const { seconds = 30, env = {}, input } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(command[0], command.slice(1), { env: { ...process.env, ...env }, stdio: "pipe" });
    const timer = setTimeout(() => child.kill("SIGKILL"), seconds * 1000);
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text) => stdout += text);
    child.stderr.setEncoding("utf8").on("data", (text) => stderr += text);
    child.stdin.on("error", () => {});
    child.stdin.end(input);
    child.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on("close", (status, signal) => {
      clearTimeout(timer);
      if (signal === "SIGKILL") stderr += `\nstopped after ${seconds} s`;
      resolve({ status, stdout, stderr });
    });
  });
}

/** Runs a program that must succeed, and gives its standard output. */
export async function must(command, options) {
  const { status, stdout, stderr } = await run(command, options);
  if (status !== 0) {
    throw new Error(`"${command.join(" ")}" ended with status ${status}: ${lastLines(stderr || stdout, 8)}`);
  }
  return stdout;
}

/** Asks again every 50 ms until the answer is neither undefined, null nor false, and gives that answer. */
export async function eventually(what, seconds, ask) {
  const end = performance.now() + seconds * 1000;
  while (true) {
    const answer = await ask();
    if (answer !== undefined && answer !== null && answer !== false) return answer;
    if (performance.now() > end) throw new Error(`Waited ${seconds} s for ${what}, in vain`);
    await sleep(50);
  }
}

/** The last lines of a text, for a report. */
export function lastLines(text, count) {
  return text.trimEnd().split("\n").slice(-count).join("\n");
}

/**
 * A program in the background. It writes to files, so it never waits for us, and its pid is recorded where the lab's
 * `down.sh` finds it, should we be gone by then.
 */
export class Background {
  #child;
  #exited;

  /**
   * @param {string} name what it is recorded as
   * @param {string[]} command
   * @param {{ directory: string, env?: Record<string, string>, cwd?: string, input?: boolean }} options `directory` is the
   *   lab's; with `input` it hears {@linkcode write}
   */
  constructor(name, command, options) {
    this.name = name;
    this.command = command;
    this.outFile = `${options.directory}/${name}.out`;
    this.errFile = `${options.directory}/${name}.err`;
    this.pidFile = `${options.directory}/pids/${name}`;
    const out = openSync(this.outFile, "w");
    const err = openSync(this.errFile, "w");
    this.#child = spawn(command[0], command.slice(1), {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: [options.input ? "pipe" : "ignore", out, err],
    });
    closeSync(out);
    closeSync(err);
    this.#child.stdin?.on("error", () => {}); // it has ended, and that is told elsewhere
    this.#exited = new Promise((resolve) => {
      this.#child.on("error", (error) => resolve({ status: null, signal: null, error }));
      this.#child.on("exit", (status, signal) => resolve({ status, signal }));
    });
    if (this.#child.pid !== undefined) writeFileSync(this.pidFile, recordOf(this.#child.pid));
  }

  /** Writes to its standard input. */
  write(text) {
    this.#child.stdin.write(text);
  }

  /** What it has written to standard output so far. */
  get stdout() {
    return readFileSync(this.outFile, "utf8");
  }

  /** What it has written to standard error so far. */
  get stderr() {
    return readFileSync(this.errFile, "utf8");
  }

  /** Its process number. */
  get pid() {
    return this.#child.pid;
  }

  /** Whether it still runs. */
  get running() {
    return this.#child.exitCode === null && this.#child.signalCode === null && this.#child.pid !== undefined;
  }

  /** Sends a signal to it. */
  signal(signal) {
    this.#child.kill(signal);
  }

  /** Waits for its end: `{ status, signal }`. After `seconds` it is killed, and the wait fails. */
  async exit(seconds = 10) {
    const timer = new AbortController();
    const late = sleep(seconds * 1000, "late", { signal: timer.signal }).catch(() => {});
    const end = await Promise.race([this.#exited, late]);
    timer.abort();
    if (end === "late") {
      this.#child.kill("SIGKILL");
      await this.#exited;
    }
    rmSync(this.pidFile, { force: true });
    if (end === "late") throw new Error(`${this.name} did not end within ${seconds} s`);
    return end;
  }

  /** Asks it to end, and waits for that. */
  stop(signal = "SIGTERM", seconds = 10) {
    if (this.running) this.signal(signal);
    return this.exit(seconds);
  }
}

/** A process as the lab's scripts record it: pid and the kernel's start time. */
export function recordOf(pid) {
  let start = "";
  try {
    start = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "").split(" ")[19] ?? "";
  } catch { // it has ended already
  }
  return `${pid} ${start}\n`;
}
