/** Ends a stream in order, but not for ever. */

import { RelayError } from "../errors.ts";
import type { StreamLeg } from "./stream_leg.ts";

/** Closes a leg; breaks it when that takes longer than `timeout` milliseconds. */
export async function settleWithin(timeout: number, leg: StreamLeg): Promise<void> {
  const timer = setTimeout(
    () => leg.fail(new RelayError("ERR_RELAY_LIMIT", `Cannot end stream within ${timeout} ms`)),
    timeout,
  );
  leg.close().catch(() => {});
  await leg.ended;
  clearTimeout(timer);
}
