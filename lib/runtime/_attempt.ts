/** One attempt to open something, with the caller's signal and timeout, and its failure as a `TransportError`. */

import { CodedRangeError } from "../errors.ts";
import type { ConnectOptions } from "../transport/types.ts";
import { timeoutError, toTransportError } from "./errors.ts";

/** Milliseconds until an attempt to connect is given up, unless told otherwise. */
const CONNECT_TIMEOUT = 30000;

/**
 * Runs `open`, whose signal aborts when the caller's does or the time is over, and which then has to reject. Rejects
 * with the caller's reason, with `ERR_TRANSPORT_TIMEOUT`, or with what `open` threw as a `TransportError`.
 */
export async function attempt<T>(
  options: ConnectOptions,
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
    throw toTransportError(error, action);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}
