/** Small helpers for tests of streams and connections. */

import assert from "node:assert/strict";
import { concat } from "../../lib/bytes/mod.ts";

/** Everything that a stream still gives, as one array; rejects as the stream does. */
export async function readAll(readable: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readable) chunks.push(chunk);
  return concat(chunks);
}

/** How many octets a stream still gives, without keeping them. */
export async function countAll(readable: ReadableStream<Uint8Array>): Promise<number> {
  let octets = 0;
  for await (const chunk of readable) octets += chunk.byteLength;
  return octets;
}

/** Exactly `length` octets from a reader, perhaps with some more of the last chunk. */
export async function readAtLeast(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  length: number,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (let octets = 0; octets < length;) {
    const { done, value } = await reader.read();
    assert.ok(!done, `expected ${length} octets, the stream ended after ${octets}`);
    chunks.push(value);
    octets += value.byteLength;
  }
  return concat(chunks);
}

/** Octets that tell a shift, a loss and a swap: their place in the stream, hashed. */
export function patternAt(offset: number, length: number): Uint8Array<ArrayBuffer> {
  const octets = new Uint8Array(length);
  for (let i = 0; i < length; i++) octets[i] = Math.imul(offset + i, 0x9e3779b1) >>> 24;
  return octets;
}

/** Waits. */
export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Whether a promise settles within a time. */
export async function settlesWithin(promise: Promise<unknown>, milliseconds: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), milliseconds);
  });
  try {
    return await Promise.race([promise.then(() => true, () => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until a condition holds, and fails with `what` when it does not within ten seconds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  for (const end = Date.now() + 10_000; !condition();) {
    assert.ok(Date.now() < end, `expected within 10 s that ${what}`);
    await sleep(5);
  }
}

/** The error that a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  try {
    await promise;
  } catch (error) {
    return error as Error & { code?: string };
  }
  return assert.fail("expected a rejection");
}
