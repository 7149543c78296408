/** Comparing where messages come from. */

import type { IkeEndpoint } from "./path.ts";

/** Whether two ends are one. */
export function sameEndpoint(a: IkeEndpoint, b: IkeEndpoint): boolean {
  return a.port === b.port && sameAddress(a.address, b.address);
}

/** Whether two addresses are one. */
export function sameAddress(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, i) => octet === b[i]);
}
