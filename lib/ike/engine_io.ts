/** What goes into an engine and what comes out: plain data. */

import type { ChildSaId, IkeEvent, IkeSaId } from "./events.ts";
import type { IkePath } from "./path.ts";

/** Something that has happened, or that somebody wants. */
export type IkeInput =
  /** An IKE message has come, without marker or length. The octets are the engine's from now on. */
  | { readonly kind: "message"; readonly path: IkePath; readonly octets: Uint8Array }
  /** A connection is gone. SAs stay (RFC 9329, section 6.1): requests wait for another path. */
  | { readonly kind: "path_lost"; readonly path: IkePath }
  /** Time has passed: the deadline, or any other time. */
  | { readonly kind: "timeout" }
  /** Begin an IKE SA, with the first child or those named. */
  | {
    readonly kind: "initiate";
    /** Name of the connection. */
    readonly connection: string;
    readonly path: IkePath;
    /** Names of the children to make (default: the first of the configuration). Those after the first follow in CREATE_CHILD_SA. */
    readonly children?: readonly string[];
    /** Number for the new IKE SA, from `reserve()`; default: the next. */
    readonly ikeSa?: IkeSaId;
  }
  /** Make another child SA. */
  | {
    readonly kind: "initiate_child";
    readonly ikeSa: IkeSaId;
    /** Its name in the configuration. */
    readonly child: string;
    /** The only traffic to ask for, as in a configuration and inside of what that has (default: all of it). */
    readonly local_ts?: string | readonly string[];
    readonly remote_ts?: string | readonly string[];
  }
  /** Replace the keys of an IKE SA. */
  | { readonly kind: "rekey_ike"; readonly ikeSa: IkeSaId }
  /**
   * Authenticate both ends anew: another IKE SA with all child SAs takes the place of this one (RFC 7296, section 2.8.3). Only the end
   * that began the first IKE SA can.
   */
  | { readonly kind: "reauthenticate"; readonly ikeSa: IkeSaId }
  /** Replace a child SA. */
  | { readonly kind: "rekey_child"; readonly ikeSa: IkeSaId; readonly child: ChildSaId }
  /** Delete an IKE SA and its children; before it is established, give up. */
  | { readonly kind: "delete_ike"; readonly ikeSa: IkeSaId }
  /** Delete every IKE SA. Once more while answers are missing, and requests on UDP go out again: nobody will wait for long. */
  | { readonly kind: "delete_all" }
  /** Delete a child SA. */
  | { readonly kind: "delete_child"; readonly ikeSa: IkeSaId; readonly child: ChildSaId }
  /** Ask whether the peer is alive. */
  | { readonly kind: "check_liveness"; readonly ikeSa: IkeSaId }
  /** An authentic ESP packet of a child SA has come: the peer is alive, and by this path (RFC 9329, section 6.1). */
  | {
    readonly kind: "child_usage";
    readonly ikeSa: IkeSaId;
    readonly child: ChildSaId;
    /** Where it came from; absent where nothing is to be learnt of it. */
    readonly path?: IkePath;
    /** A limit was reached: `soft` asks for a rekey, `hard` ends the SA. */
    readonly limit?: "soft" | "hard";
  }
  /** An ESP packet has come with an SPI that no child SA of this end has: whose IKE SA uses the path is told (RFC 7296, section 1.5). */
  | { readonly kind: "unknown_spi"; readonly path: IkePath; readonly spi: number }
  /** Send on another path: a connection was opened anew. Requests without a response go out again there (section 6.2). */
  | { readonly kind: "move"; readonly ikeSa: IkeSaId; readonly path: IkePath }
  /** What a `need` asked for is done. */
  | { readonly kind: "answer"; readonly id: number; readonly result: unknown };

/** What an engine wants done, or tells. */
export type IkeOutput =
  /** Send a message on a path: the caller adds marker or frame. */
  | { readonly kind: "transmit"; readonly path: IkePath; readonly octets: Uint8Array<ArrayBuffer> }
  /** Something to be told. */
  | { readonly kind: "event"; readonly event: IkeEvent }
  /** Something that only the outside can do; the SA waits for the `answer`. */
  | { readonly kind: "need"; readonly id: number; readonly need: unknown }
  /** No IKE SA uses the path any more: its connection may be closed (RFC 9329, section 6.1). */
  | { readonly kind: "path_unused"; readonly path: IkePath }
  /** Nothing more for now. Give a `timeout` when this time has come; null: nothing is waited for. */
  | { readonly kind: "deadline"; readonly at: number | null };
