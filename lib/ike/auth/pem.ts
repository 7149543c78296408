/** PEM (RFC 7468): octets in base64 between two lines that name what they are. */

import { ConfigError } from "../../errors.ts";

/** One block of a PEM file. */
export interface PemBlock {
  /** What the lines say: `CERTIFICATE`, `PRIVATE KEY`, `EC PRIVATE KEY`, `X509 CRL`. */
  readonly label: string;
  /** The octets, in DER for all labels of use here. */
  readonly der: Uint8Array<ArrayBuffer>;
  /** Headers before the base64 (RFC 1421), such as `Proc-Type: 4,ENCRYPTED`; empty where there are none. */
  readonly headers: string;
}

/** A file has some certificates, not thousands. */
const MAX_BLOCKS = 1000;

/**
 * Every block of a PEM file, in its order; text between blocks is passed over. Octets that hold no block at all give an
 * empty list.
 *
 * @example Labels of a file
 * ```ts
 * import { parsePem } from "iketcp/ike/auth";
 * import { deepStrictEqual } from "node:assert";
 *
 * const text = "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n";
 * deepStrictEqual(parsePem(text).map(({ label, der }) => [label, [...der]]), [["X509 CRL", [0x30, 0]]]);
 * ```
 */
export function parsePem(file: string | Uint8Array): PemBlock[] {
  const text = typeof file === "string" ? file : new TextDecoder("latin1").decode(file);
  const blocks: PemBlock[] = [];
  const begin = /^-----BEGIN ([^\r\n]{1,64}?)-----[ \t]*\r?$/gm;
  for (let match = begin.exec(text); match !== null; match = begin.exec(text)) {
    const label = match[1]!;
    const start = match.index + match[0].length;
    const end = text.indexOf(`-----END ${label}-----`, start);
    if (end === -1) throw wrong(`the block ${label} has no end`);
    if (blocks.length === MAX_BLOCKS) throw wrong(`it has more than ${MAX_BLOCKS} blocks`);
    const body = text.slice(start, end).trim();
    const gap = /^[!-9;-~]+:[^]*?\r?\n\r?\n/.exec(body)?.[0] ?? "";
    blocks.push({ label, der: base64(body.slice(gap.length), label), headers: gap.trim() });
    begin.lastIndex = end;
  }
  return blocks;
}

function base64(body: string, label: string): Uint8Array<ArrayBuffer> {
  const compact = body.replace(/\s+/g, "");
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(compact)) {
    throw wrong(`the block ${label} holds something other than base64`);
  }
  try {
    return Uint8Array.from(atob(compact), (char) => char.charCodeAt(0));
  } catch {
    throw wrong(`the base64 of the block ${label} is cut short`);
  }
}

function wrong(reason: string): ConfigError {
  return new ConfigError("ERR_CONFIG_CREDENTIAL", `Cannot read PEM: ${reason}`);
}
