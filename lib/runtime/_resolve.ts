/** Names to addresses by the system's own resolver, which knows `localhost` and the hosts file, in every runtime. */

import { lookup } from "node:dns/promises";

import { CodedRangeError, CodedTypeError } from "../errors.ts";
import { isIpAddress, type TransportAddress } from "../transport/address.ts";
import { toTransportError } from "./errors.ts";

/**
 * The address with its name resolved: the first address that the system gives, of the wanted family if one is wanted.
 * An IP address is not looked up.
 */
export async function resolveAddress(
  address: TransportAddress,
  action: string,
  family: 0 | 4 | 6 = 0,
): Promise<TransportAddress> {
  if (isIpAddress(address.hostname)) return { hostname: address.hostname, port: address.port };
  try {
    return { hostname: (await lookup(address.hostname, { family })).address, port: address.port };
  } catch (error) {
    throw toTransportError(error, action);
  }
}

/** Throws for an address that no caller should pass; what the network says of a good one comes later. */
export function checkAddress(address: TransportAddress, action: string): void {
  if (typeof address.hostname !== "string" || address.hostname === "") {
    throw new CodedTypeError(
      "ERR_OPTION_RANGE",
      `Cannot ${action}: expected a host name or an IP address, got none`,
    );
  }
  if (!Number.isInteger(address.port) || address.port < 0 || address.port > 65535) {
    throw new CodedRangeError(
      "ERR_OPTION_RANGE",
      `Cannot ${action}: expected a port from 0 to 65535, got ${address.port}`,
    );
  }
}
