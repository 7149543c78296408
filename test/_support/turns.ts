/** Promises watched over turns of the event loop, so that "settles" and "waits" can be told apart without a clock. */

import assert from "node:assert/strict";
import { setImmediate } from "node:timers";

/** Turns that are enough for anything that does not wait for somebody outside. */
export const MANY_TURNS = 60;

/** Lets the event loop turn. */
export async function turns(count = 1): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** A promise whose state can be seen. A rejection counts as handled. */
export class Watched<T = unknown> {
  /** Says which promise it is. */
  readonly name: string;
  /** How it stands. */
  state: "pending" | "fulfilled" | "rejected" = "pending";
  /** What it was fulfilled with. */
  value: T | undefined;
  /** What it was rejected with. */
  reason: unknown;

  /** Watches a promise. */
  constructor(name: string, promise: Promise<T>) {
    this.name = name;
    promise.then((value) => {
      this.state = "fulfilled";
      this.value = value;
    }, (reason) => {
      this.state = "rejected";
      this.reason = reason;
    });
  }
}

/** The names of those that still wait after many turns. */
export async function stuck(watched: readonly Watched[]): Promise<string[]> {
  for (let i = 0; i < MANY_TURNS && watched.some(({ state }) => state === "pending"); i++) await turns();
  return watched.filter(({ state }) => state === "pending").map(({ name }) => name);
}

/** What a promise gives, which must not take more than many turns. */
export async function soon<T>(name: string, promise: Promise<T>): Promise<T> {
  const watched = new Watched(name, promise);
  assert.deepEqual(await stuck([watched]), [], `expected that it settles: ${name}`);
  return promise;
}

/** The reason of a rejection, which must not take more than many turns. */
export async function soonRejected(name: string, promise: Promise<unknown>): Promise<unknown> {
  const watched = new Watched(name, promise);
  assert.deepEqual(await stuck([watched]), [], `expected that it settles: ${name}`);
  assert.equal(watched.state, "rejected", `expected that it rejects: ${name}`);
  return watched.reason;
}

/** Holds that a promise still waits after many turns. */
export async function assertWaits(watched: Watched): Promise<void> {
  await turns(MANY_TURNS);
  assert.equal(watched.state, "pending", `expected that it waits: ${watched.name}`);
}
