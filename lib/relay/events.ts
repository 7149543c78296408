/** What a relay tells about itself. Each event is plain data; `event` names it, as in the JSON lines of `iketcp relay`. */

import type { IketcpError } from "../errors.ts";
import type { TransportAddress } from "../transport/address.ts";

/** An event of either kind of relay. `client` is the UDP peer (originator) or the far end of the stream (responder). */
export type RelayEvent =
  /** A stream carries data. */
  | {
    readonly event: "stream_opened";
    readonly client: TransportAddress;
    readonly local: TransportAddress;
    readonly remote: TransportAddress;
  }
  /** A stream could not be opened; the next attempt comes after `retryIn` milliseconds. */
  | {
    readonly event: "stream_failed";
    readonly client: TransportAddress;
    readonly error: IketcpError;
    readonly retryIn: number;
  }
  /** A stream ended, with an error unless its peer closed it in order. */
  | { readonly event: "stream_ended"; readonly client: TransportAddress; readonly error?: IketcpError }
  /** A connection was closed at once because of a limit. */
  | { readonly event: "stream_refused"; readonly client: TransportAddress; readonly limit: string }
  /** A stream goes on with the UDP socket that an ended one of the same client left. */
  | { readonly event: "socket_adopted"; readonly client: TransportAddress; readonly local: TransportAddress }
  /** A UDP peer was silent for long and is forgotten. */
  | { readonly event: "peer_forgotten"; readonly client: TransportAddress }
  /** A UDP peer sends IKE without the non-ESP marker, so its daemon believes to talk to port 500. Told once a peer. */
  | { readonly event: "marker_missing"; readonly client: TransportAddress };

/** Takes events. */
export type OnRelayEvent = (event: RelayEvent) => void;
