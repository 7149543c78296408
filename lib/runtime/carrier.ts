/** What a carrier is: a row of the registry in `carriers.ts`. */

import type {
  CarrierConnectOptions,
  CarrierListenOptions,
  Connection,
  DatagramEndpoint,
  Listener,
  UdpOptions,
} from "../transport/types.ts";
import type { CarrierUrl, SchemeRules } from "../transport/url.ts";

/** A carrier of byte streams. Its functions get options into which the parameters of the URL have gone. */
export interface StreamCarrier extends SchemeRules {
  /** Tells the rows of the registry apart. */
  readonly kind: "stream";
  /** Throws when it cannot connect with these options, in this runtime or at all. */
  checkConnect?(url: CarrierUrl, options: CarrierConnectOptions): void;
  /** Throws when it cannot listen with these options, in this runtime or at all. */
  checkListen?(url: CarrierUrl, options: CarrierListenOptions): void;
  /** Opens a connection to the URL. */
  connect(url: CarrierUrl, options: CarrierConnectOptions): Promise<Connection>;
  /** Accepts connections at the URL. */
  listen(url: CarrierUrl, options: CarrierListenOptions): Promise<Listener>;
}

/** A carrier of datagrams. */
export interface DatagramCarrier extends SchemeRules {
  /** Tells the rows of the registry apart. */
  readonly kind: "datagram";
  /** Opens an endpoint; the URL is its `local` or `remote` address, as the options say. */
  open(url: CarrierUrl, options: UdpOptions): Promise<DatagramEndpoint>;
}

/** A row of the registry. */
export type Carrier = StreamCarrier | DatagramCarrier;
