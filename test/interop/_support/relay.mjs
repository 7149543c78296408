/** `iketcp relay` as a process in a namespace, on any of the three runtimes. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

import { Background, eventually, lastLines } from "./shell.mjs";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** How each runtime runs the `iketcp` program from a checkout. */
export const programs = {
  node: [process.execPath, "dist/lib/cli/main.js"],
  deno: ["node_modules/.bin/deno", "run", "-A", "lib/cli/main.ts"],
  bun: ["node_modules/.bin/bun", "lib/cli/main.ts"],
};

/** The command that runs `iketcp` with these arguments; to be started in the project's directory. */
export function iketcp(runtime, ...args) {
  return command(programs[runtime], args);
}

/** The command that runs a module of these tests, as {@linkcode iketcp}. */
export function script(runtime, file, ...args) {
  return command([...programs[runtime].slice(0, -1), file], args);
}

function command([program, ...rest], args) {
  return [
    program.startsWith("/") ? program : root + program,
    ...rest.map((part) => part.includes("/") ? root + part : part),
    ...args,
  ];
}

export class Relay extends Background {
  /** Set by {@linkcode stop}: the case has ended it itself. */
  stopped = false;

  constructor(name, namespace, runtime, args, directory) {
    const command = [...namespace, ...iketcp(runtime, "relay", ...args, "--json")];
    super(name, command, { directory, cwd: root, env: { DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" } });
  }

  /** The events that it has printed so far. */
  get events() {
    const lines = this.stdout.split("\n");
    lines.pop(); // what follows the last line feed is not a line yet
    return lines.map((line) => JSON.parse(line));
  }

  /** Waits for its first line. */
  async ready() {
    await eventually(`${this.name} to listen`, 15, () => {
      if (!this.running) throw new Error(`${this.name} ended at its start: ${lastLines(this.stderr, 5)}`);
      return this.events.some((event) => event.event === "listening");
    });
  }

  /** Its counters now (SIGUSR2). */
  async counters() {
    const seen = this.events.filter((event) => event.event === "counters").length;
    this.signal("SIGUSR2");
    return await eventually(`the counters of ${this.name}`, 5, () => {
      const all = this.events.filter((event) => event.event === "counters");
      return all.length > seen ? all.at(-1) : undefined;
    });
  }

  /** Ends it, checks that it ended well, and gives its last counters. */
  async stop(signal = "SIGTERM", seconds = 10) {
    this.stopped = true;
    assert.ok(this.running, `${this.name} still runs; it said: ${lastLines(this.stderr, 5)}`);
    const end = await super.stop(signal, seconds);
    assert.deepEqual(
      end,
      { status: 0, signal: null },
      `${this.name} ends well; it said: ${lastLines(this.stderr, 5)}`,
    );
    const last = this.events.at(-1);
    assert.equal(last?.event, "counters", `${this.name} ends with its counters`);
    return last;
  }

  /** Ends it without giving it a chance to say goodbye. */
  async kill() {
    this.stopped = true;
    this.signal("SIGKILL");
    await this.exit();
  }
}
