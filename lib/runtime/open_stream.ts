/**
 * The byte stream below a carrier's layers: TCP, or a tunnel through a proxy. Carriers that run on a stream open it here and
 * nowhere else, so that each of them goes through a proxy without knowing of one.
 */

import { TransportError } from "../errors.ts";
import { formatAddress } from "../transport/address.ts";
import { showProxyUrl } from "../transport/proxy_url.ts";
import type { CarrierConnectOptions, Connection, TransportAddress } from "../transport/types.ts";
import { runtime } from "./_select.ts";

/**
 * Opens a byte stream to an address, through the proxy of the options if they name one.
 *
 * @example
 * ```ts
 * import { listenTcp, openStream } from "iketcp/runtime";
 *
 * const listener = await listenTcp({ hostname: "127.0.0.1", port: 0 });
 * const connection = await openStream(listener.address);
 * await Promise.all([connection.close(), listener.close()]);
 * ```
 */
export async function openStream(
  address: TransportAddress,
  options: CarrierConnectOptions = {},
): Promise<Connection> {
  const { proxy } = options;
  if (proxy === undefined) return await runtime.connectTcp(address, options);
  throw new TransportError(
    "ERR_TRANSPORT_UNSUPPORTED",
    `Cannot connect to ${formatAddress(address)} through ${showProxyUrl(proxy)}: there are no proxies yet`,
  );
}
