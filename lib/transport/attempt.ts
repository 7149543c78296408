/** One attempt to open something: the caller's signal and a time limit as one signal. */

import { CodedRangeError, TransportError } from "../errors.ts";
import type { ConnectOptions } from "./types.ts";

/** Milliseconds until an attempt to connect is given up, unless told otherwise. */
export const CONNECT_TIMEOUT = 30000;

/**
 * Runs `open`, whose signal aborts when the caller's does or the time is over, and which then has to reject. Rejects with
 * the caller's reason, with `ERR_TRANSPORT_TIMEOUT`, or with what `open` threw. `action` is what could not be done: it ends
 * `Cannot …`.
 */
export async function attempt<T>(
  options: Pick<ConnectOptions, "signal" | "timeout">,
  action: string,
  open: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { signal, timeout = CONNECT_TIMEOUT } = options;
  // Timers of every runtime hold 31 bits.
  if (!(timeout >= 0 && timeout <= 0x7fffffff)) {
    throw new CodedRangeError(
      "ERR_OPTION_RANGE",
      `Cannot ${action}: expected a timeout from 0 to ${0x7fffffff} ms, got ${timeout}`,
    );
  }
  signal?.throwIfAborted();
  const controller = new AbortController();
  const abort = () => controller.abort(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  const timer = timeout === 0
    ? undefined
    : setTimeout(() => controller.abort(timeoutError(action, timeout)), timeout);
  try {
    return await open(controller.signal);
  } catch (error) {
    if (controller.signal.aborted) throw controller.signal.reason;
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

/** The error for an attempt that took longer than it was given. */
export function timeoutError(action: string, milliseconds: number): TransportError {
  return new TransportError(
    "ERR_TRANSPORT_TIMEOUT",
    `Cannot ${action}: no answer within ${milliseconds / 1000} s`,
  );
}
