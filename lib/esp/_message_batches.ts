/**
 * Batches that SAs borrow while they have packets in work. Thousands of SAs are idle at any time, and a batch of its own would
 * be the largest part of each, and what a garbage collector walks through again and again.
 */

import { MessageBatch } from "../crypto/mod.ts";

/** Batches kept for the next one who asks: as many as SAs that a chunk usually has packets for. */
const MOST_KEPT = 64;

const kept: MessageBatch[] = [];

/** What an SA without packets in work has: it is never written to. */
export const NO_MESSAGES: MessageBatch = new MessageBatch(0);

/** An empty batch. */
export function borrowBatch(): MessageBatch {
  return kept.pop() ?? new MessageBatch(64);
}

/** Takes a batch back, whatever is in it. */
export function returnBatch(batch: MessageBatch): void {
  if (batch === NO_MESSAGES) return;
  batch.clear();
  if (kept.length < MOST_KEPT) kept.push(batch);
}
