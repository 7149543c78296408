/** The functions of the runtime that this program runs in, loaded alone: the others' modules are never touched. */

import type {
  Connection,
  ConnectOptions,
  DatagramEndpoint,
  Listener,
  ListenOptions,
} from "../transport/types.ts";
import type { TransportAddress } from "../transport/address.ts";
import type { UdpOptions } from "../transport/types.ts";
import { detectRuntime } from "./detect.ts";

/** What every runtime's entry point exports. */
export interface RuntimeFunctions {
  /** Connects to a TCP port. */
  connectTcp(address: TransportAddress, options?: ConnectOptions): Promise<Connection>;
  /** Listens on a TCP port. */
  listenTcp(address: TransportAddress, options?: ListenOptions): Promise<Listener>;
  /** Opens a UDP endpoint. */
  openUdp(options?: UdpOptions): Promise<DatagramEndpoint>;
}

/** The functions of this runtime. */
export const runtime: RuntimeFunctions = await load();

function load(): Promise<RuntimeFunctions> {
  switch (detectRuntime().name) {
    case "deno":
      return import("./deno.ts");
    case "bun":
      return import("./bun.ts");
    // Whatever else there is may have Node's modules; if not, the import says so.
    default:
      return import("./node.ts");
  }
}
