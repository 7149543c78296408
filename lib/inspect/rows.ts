/** What decoding a capture gives: one row a message, as `iketcp decode --json` prints it. */

import type { IkeDescription } from "../ike/codec/describe.ts";

/** The kinds of rows. */
export type RowKind =
  /** The six octets `IKETCP`. */
  | "prefix"
  /** An IKE message. */
  | "ike"
  /** An ESP packet. */
  | "esp"
  /** The single octet 0xFF. */
  | "keepalive"
  /** A message of 1 to 3 other octets, which receivers drop. */
  | "runt"
  /** A message of no octets, which receivers ignore. */
  | "empty"
  /** Something is wrong there, in the capture or in what it holds. */
  | "error";

/** The fields of an IKE message; the last two where there are keys for it. */
export interface DecodedIke extends IkeDescription {
  /** Whether it is authentic with the keys that are there. */
  decrypted?: boolean;
  /** Payloads inside SK; for SKF in the row of the fragment that was the last to come. */
  inner?: string[];
}

/** The fields of an ESP packet; the last three where there are keys for it. */
export interface DecodedEsp {
  /** SPI in hexadecimal. */
  spi: string;
  /** The low 32 bits of the sequence number; absent when the packet ends before it. */
  seq?: number;
  /** Whether it is authentic with the keys that are there. */
  decrypted?: boolean;
  /** The number of the protocol inside: 4 and 41 in tunnel mode. */
  nextHeader?: number;
  /** What is inside, in words: `IPv4 10.99.1.10 > 192.0.2.1 ICMP`. */
  inner?: string;
}

/** What carries messages: a TCP connection, a flow of UDP, or IP alone (protocol 50). */
export type Transport = "tcp" | "udp" | "ip";

/** A fault, by code and sentence. */
export interface DecodedError {
  /** One of the codes of `IketcpError`. */
  code: string;
  /** A sentence for people. */
  message: string;
}

/** One row. What belongs to a packet is absent from a row about the file itself. */
export interface DecodedRow {
  /** Counts the rows, from 1. */
  n: number;
  /** Seconds since the epoch, to the microsecond: when the last octet that was needed arrived. */
  time: number;
  /** What carried it. */
  transport?: Transport;
  /** Number of the conversation, in order of their first rows, from 0. */
  stream?: number;
  /** Address and port of the sender; the address alone where `transport` is `ip`. */
  from?: string;
  /** Address and port of the receiver; the address alone where `transport` is `ip`. */
  to?: string;
  /** What it is. */
  kind: RowKind;
  /** Octets of the message without Length field and marker; 0 for an error. */
  length: number;
  /** Present for kind `ike`. */
  ike?: DecodedIke;
  /** Present for kind `esp`. */
  esp?: DecodedEsp;
  /** Present for kind `error`. */
  error?: DecodedError;
}
