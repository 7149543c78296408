/** An end of tunnels of ours, `ike_peer.mjs`, as a process in a namespace. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { script } from "./relay.mjs";
import { Background, eventually, lastLines } from "./shell.mjs";

const root = fileURLToPath(new URL("../../../", import.meta.url));

export class IkePeer extends Background {
  /** Set by {@linkcode stop}: the case has ended it itself. */
  stopped = false;
  #commands = 0;

  constructor(name, namespace, runtime, setup, directory) {
    const file = `${directory}/${name}.json`;
    writeFileSync(file, JSON.stringify(setup));
    super(name, [...namespace, ...script(runtime, "test/interop/_support/ike_peer.mjs", file)], {
      directory,
      cwd: root,
      input: true,
      env: { DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" },
    });
  }

  /** Waits until it takes commands. */
  async ready() {
    await this.order("counters", {}, 15);
  }

  /** Everything that it has printed so far. */
  get lines() {
    const lines = this.stdout.split("\n");
    lines.pop(); // what follows the last line feed is not a line yet
    return lines.map((line) => JSON.parse(line));
  }

  /** What its engine has told so far. */
  get events() {
    return this.lines.flatMap(({ event }) => event ?? []);
  }

  /** The messages of IKE that it has sent and received, a line each. */
  get messages() {
    return this.events.filter(({ type }) => type === "message").map(({ line }) => line);
  }

  /** Gives it a command, and waits for the result. */
  async order(name, options = {}, seconds = 10) {
    const id = ++this.#commands;
    this.write(`${JSON.stringify({ id, do: name, ...options })}\n`);
    const done = await eventually(`${this.name}'s ${name}`, seconds, () => {
      return this.lines.find((line) => line.id === id) ?? this.#alive();
    });
    if (done.error !== undefined) throw new Error(`${this.name}'s ${name} failed: ${done.error}`);
    return done.result;
  }

  /** Gives its engine an input. */
  input(kind, options) {
    return this.order("input", { input: { kind, ...options } });
  }

  /** Waits for an event of this type that fits, from the event with this number on. */
  async event(type, fits = () => true, options = {}) {
    const { seconds = 10, from = 0 } = options;
    return await eventually(`${this.name} to tell ${type}`, seconds, () => {
      return this.events.slice(from).find((event) => event.type === type && fits(event)) ?? this.#alive();
    });
  }

  /**
   * Sets up an IKE SA with its first child, or with none for `children: []`; gives `{ ikeSa, established, child }`. Fails with
   * the reason when there is none.
   */
  async up(connection, way, options = {}) {
    const { children } = options;
    const ikeSa = await this.order("initiate", { connection, children, ...way });
    const end = children?.length === 0 ? "ike_sa_established" : "child_sa_installed";
    const bad = ["ike_sa_failed", "child_sa_failed", "ike_sa_deleted"];
    const last = await eventually(`${connection} to come up`, 15, () => {
      return this.events.find((event) => event.ikeSa === ikeSa && [end, ...bad].includes(event.type)) ??
        this.#alive();
    });
    assert.equal(
      last.type,
      end,
      `${connection} comes up; our engine said: ${last.text ?? JSON.stringify(last)}`,
    );
    const established = this.events.find((event) =>
      event.type === "ike_sa_established" && event.ikeSa === ikeSa
    );
    return { ikeSa, established, child: last.childSa };
  }

  /** Sets up what must be refused; gives the event that says so. */
  async refused(connection, way, options = {}) {
    const ikeSa = await this.order("initiate", { connection, ...way });
    return await this.event("ike_sa_failed", (event) => event.ikeSa === ikeSa, options);
  }

  /** Pings through ESP; every one must be answered. */
  async ping(ikeSa, to, options = {}) {
    const { count = 3 } = options;
    const answers = await this.order("ping", { ikeSa, to, count, ...options });
    assert.deepEqual(
      answers.sort((a, b) => a - b),
      Array.from({ length: count }, (_, i) => i + 1),
      "every ping is answered",
    );
  }

  /** Deletes an IKE SA, and waits for its end. */
  async down(ikeSa) {
    await this.input("delete_ike", { ikeSa });
    return await this.event("ike_sa_deleted", (event) => event.ikeSa === ikeSa);
  }

  /** Nothing is waited for in vain. */
  #alive() {
    if (!this.running) throw new Error(`${this.name} has ended: ${lastLines(this.stderr, 8)}`);
  }

  /** Ends it without giving it a chance to say goodbye. */
  async kill() {
    this.stopped = true;
    this.signal("SIGKILL");
    await this.exit();
  }

  /** Ends it in order, and checks that nothing is left in its engine. */
  async stop() {
    this.stopped = true;
    for (const [name, value] of Object.entries(leftOf(await this.order("close")))) {
      assert.equal(value, 0, `${this.name} leaves no ${name}`);
    }
    const end = await this.exit();
    assert.deepEqual(
      end,
      { status: 0, signal: null },
      `${this.name} ends well; it said: ${lastLines(this.stderr, 5)}`,
    );
  }
}

/** What an engine holds, but for the last responses of closed SAs: these are kept for a while, with one timer for all. */
export function leftOf({ closedResponses, timers, ...others }) {
  return { ...others, timers: timers - Math.min(closedResponses, 1) };
}
