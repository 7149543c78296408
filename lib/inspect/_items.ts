/** What the readers of both formats share. */

import { InspectError } from "../errors.ts";
import type { CaptureItem } from "./capture.ts";

/** Takes one item. */
export type EmitItem = (item: CaptureItem) => void;

/** Says that a record cannot be read. */
export function recordError(expected: string, got: string): InspectError {
  return new InspectError("ERR_INSPECT_RECORD", `Cannot read capture: expected ${expected}, got ${got}`);
}
