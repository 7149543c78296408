/** Rows for people: one line each, aligned, a conversation with its opener always on the left. */

import { formatIkeDescription } from "../ike/codec/describe.ts";
import type { DecodedEsp, DecodedIke, DecodedRow } from "./rows.ts";

/** Conversations whose left side is remembered; older ones may change sides. */
export const MAX_REMEMBERED_STREAMS = 10_000;

/**
 * Makes lines of rows. Times are seconds since the first row; columns widen as they must.
 *
 * @example
 * ```ts
 * import { RowFormatter } from "iketcp/inspect";
 * import { deepStrictEqual } from "node:assert";
 *
 * const formatter = new RowFormatter();
 * const [from, to] = ["192.0.2.10:40000", "198.51.100.10:4500"];
 * const tcp = { transport: "tcp", stream: 0 } as const;
 * const lines = [
 *   formatter.format({ n: 1, time: 100, ...tcp, from, to, kind: "prefix", length: 6 }),
 *   formatter.format({ n: 2, time: 100.5, ...tcp, from: to, to: from, kind: "keepalive", length: 1 }),
 * ];
 * deepStrictEqual(lines, [
 *   "   0.000000  tcp 0    192.0.2.10:40000 --> 198.51.100.10:4500     prefix IKETCP",
 *   "   0.500000  tcp 0    192.0.2.10:40000 <-- 198.51.100.10:4500     keepalive",
 * ]);
 * ```
 */
export class RowFormatter {
  #start: number | undefined;
  #leftWidth = 16;
  #rightWidth = 22;
  /** The left side of each stream. */
  readonly #left: Map<number, string> = new Map();

  /** The line of a row, without a line end. */
  format(row: DecodedRow): string {
    this.#start ??= row.time;
    const time = (row.time - this.#start).toFixed(6).padStart(11);
    const { transport, stream, from, to } = row;
    if (transport === undefined || stream === undefined || from === undefined || to === undefined) {
      return `${time}  ${details(row)}`;
    }
    const left = this.#leftSide(stream, from);
    const right = left === from ? to : from;
    this.#leftWidth = Math.max(this.#leftWidth, left.length);
    this.#rightWidth = Math.max(this.#rightWidth, right.length);
    const conversation = `${transport} ${String(stream).padEnd(4)}`;
    const ends = `${left.padStart(this.#leftWidth)} ${left === from ? "-->" : "<--"} ${
      right.padEnd(this.#rightWidth)
    }`;
    return `${time}  ${conversation} ${ends} ${details(row)}`;
  }

  #leftSide(stream: number, from: string): string {
    const left = this.#left.get(stream);
    if (left !== undefined) return left;
    if (this.#left.size >= MAX_REMEMBERED_STREAMS) this.#left.delete(this.#left.keys().next().value!);
    this.#left.set(stream, from);
    return from;
  }
}

function details({ kind, length, ike, esp, error }: DecodedRow): string {
  switch (kind) {
    case "prefix":
      return "prefix IKETCP";
    case "ike":
      return `${formatIkeDescription(withInner(ike!))} spi ${ike!.spiI} ${ike!.spiR}, ${octets(length)}${
        verdict(ike!)
      }`;
    case "esp":
      return `ESP spi ${esp!.spi} seq ${esp!.seq ?? "missing"}, ${octets(length)}${
        esp!.inner === undefined ? verdict(esp!) : `, ${esp!.inner}`
      }`;
    case "keepalive":
      return "keepalive";
    case "runt":
      return `runt, ${octets(length)}`;
    case "empty":
      return "empty message";
    case "error":
      return `error ${error!.code}: ${error!.message}`;
  }
}

/** With what is inside behind the payload that holds it: `SK { IDi, AUTH }`. */
function withInner(ike: DecodedIke): DecodedIke {
  const { payloads, inner } = ike;
  if (inner === undefined) return ike;
  const body = inner.length === 0 ? "{ }" : `{ ${inner.join(", ")} }`;
  return { ...ike, payloads: [...payloads.slice(0, -1), `${payloads.at(-1)} ${body}`] };
}

function verdict({ decrypted }: DecodedIke | DecodedEsp): string {
  return decrypted === false ? ", not authentic with these keys" : "";
}

function octets(count: number): string {
  return `${count} octet${count === 1 ? "" : "s"}`;
}
