/** One attempt to open something of the system, whose failure is a `TransportError`. */

import { attempt as attemptAny } from "../transport/attempt.ts";
import type { ConnectOptions } from "../transport/types.ts";
import { toTransportError } from "./errors.ts";

/** As the portable one; what `open` threw becomes a `TransportError`. */
export async function attempt<T>(
  options: ConnectOptions,
  action: string,
  open: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return await attemptAny(options, action, async (signal) => {
    try {
      return await open(signal);
    } catch (error) {
      throw toTransportError(error, action);
    }
  });
}
