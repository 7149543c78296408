/** Payloads from hexadecimal text, and what is wrong with them: for tests of malformed messages. */

import assert from "node:assert/strict";
import { concat, fromHex } from "../../lib/bytes/mod.ts";
import { IkeError } from "../../lib/errors.ts";
import { parsePayloads, type Payload } from "../../lib/ike/codec/mod.ts";

/** A payload by itself: generic header and body. */
export function payload(body: string): Uint8Array {
  const octets = fromHex(body.replaceAll(" ", ""));
  const length = octets.length + 4;
  return concat([new Uint8Array([0, 0, length >>> 8, length]), octets]);
}

/** What comes of one payload of a type with this body, in hexadecimal with spaces. */
export function parse(type: number, body: string): Payload {
  return parsePayloads(type, payload(body))[0]!;
}

/** The fault of a payload: its sentence. Checks that it names the payload and is answered with INVALID_SYNTAX. */
export function fault(type: number, body: string, name: string): string {
  return faultOf(() => parse(type, body), { payload: name, notify: 7 });
}

/** The fault of a run: its sentence. Checks its code, the payload that it names and the notify to answer with. */
export function faultOf(
  run: () => unknown,
  expected: { code?: string; payload?: string | undefined; notify: number | undefined },
): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof IkeError, String(error));
    assert.equal(error.code, expected.code ?? "ERR_IKE_PAYLOAD");
    assert.equal(error.payload, expected.payload);
    assert.equal(error.notify, expected.notify);
    assert.equal(typeof error.offset, "number");
    return error.message;
  }
  return assert.fail("it was read");
}
