/** The contract of a payload's file: how its body is read, how large it is, and how it is written. */

import type { ByteWriter } from "../../bytes/mod.ts";
import type { PayloadReader } from "./payload_reader.ts";

/** What every payload may have. */
export interface PayloadBase {
  /**
   * Whether a receiver that does not know the payload's type must refuse the message. Kept of what some peers set on
   * payloads that everybody knows, where it means nothing (RFC 7296, section 3.2).
   */
  readonly critical?: boolean;
}

/** How a payload is read and written, without its generic header. */
export interface PayloadCodec<P extends PayloadBase> {
  /** Its payload type. */
  readonly type: number;
  /**
   * Reads the body, all of it, into a value whose octets are views. `nextPayload` is that of its generic header, which
   * SK and SKF keep.
   */
  readonly parse: (reader: PayloadReader, nextPayload: number) => P;
  /** Octets of the body. */
  readonly size: (payload: P) => number;
  /** Writes the body. */
  readonly emit: (payload: P, writer: ByteWriter) => void;
}
