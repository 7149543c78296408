/**
 * One test for each class of fault that parsers of IKE payloads have had in the field, by what the octets look like. The
 * whole is a typed error with a place and the notify to answer with (R-ERR-7), never a crash, a hang or a heap of objects.
 */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { concat, fromHex } from "../../../lib/bytes/mod.ts";
import { IkeError } from "../../../lib/errors.ts";
import { emitIkeMessage, parseIkeMessage, parsePayloads } from "../../../lib/ike/codec/mod.ts";
import { faultOf, payload } from "../../_support/ike_faults.ts";

describe("A payload chain", () => {
  const header = "0101010101010101 0000000000000000 TT202208 00000000 LLLLLLLL".replaceAll(" ", "");
  const message = (first: string, rest: string) => {
    const length = (28 + rest.length / 2).toString(16).padStart(8, "0");
    return fromHex(header.replace("TT", first).replace("LLLLLLLL", length) + rest);
  };

  it("with a payload of length 0 does not stand still", () => {
    const octets = message("2b", "2b000000" + "2b000000");
    const why = faultOf(() => parseIkeMessage(octets), { payload: "V", notify: 7 });
    assert.match(why, /expected V at offset 28 to have 4 to 8 octets, got 0/);
  });

  it("with lengths of 1 to 3 does not step back into its own header", () => {
    for (const length of ["01", "02", "03"]) {
      faultOf(() => parseIkeMessage(message("2b", `2b0000${length}`)), { payload: "V", notify: 7 });
    }
  });

  it("with a length beyond the message is refused", () => {
    const why = faultOf(() => parseIkeMessage(message("28", "0000ffff" + "00".repeat(20))), {
      payload: "Nonce",
      notify: 7,
    });
    assert.match(why, /to have 4 to 24 octets, got 65535/);
  });

  it("that names one more payload than there is, is refused", () => {
    const why = faultOf(() => parseIkeMessage(message("2b", "2c000004")), { payload: "TSi", notify: 7 });
    assert.match(why, /expected TSi at offset 32, got 0 octets/);
  });

  it("that ends before the message does, is refused", () => {
    faultOf(() => parseIkeMessage(message("2b", "00000004" + "00")), { payload: undefined, notify: 7 });
  });

  it("is refused in a message whose length field says less or more than there is", () => {
    const octets = message("2b", "00000004");
    for (const length of [31, 33, 0, 0xffffffff]) {
      const changed = octets.slice();
      new DataView(changed.buffer).setUint32(24, length);
      // Less octets than the chain, or a length that is a lie, is seen before any payload is made.
      const expected = length < 32 ? {} : { code: "ERR_IKE_HEADER" };
      assert.throws(() => parseIkeMessage(changed), IkeError);
      if (length > 32) {
        faultOf(() => parseIkeMessage(changed), { ...expected, payload: undefined, notify: 7 });
      }
    }
  });

  it("is bounded in length: 128 payloads, and no more", () => {
    const chain = (count: number) => "2b000004".repeat(count - 1) + "00000004";
    assert.equal(parseIkeMessage(message("2b", chain(128))).payloads.length, 128);
    faultOf(() => parseIkeMessage(message("2b", chain(129))), {
      code: "ERR_IKE_LIMIT",
      payload: "V",
      notify: 7,
    });
  });

  it("does not go on behind SK", () => {
    const octets = message("2e", "2e000008" + "01020304" + "00000004");
    faultOf(() => parseIkeMessage(octets), { payload: undefined, notify: 7 });
  });

  it("inside SK holds no further SK or SKF, so nothing recurses however deep", () => {
    let inside: Uint8Array = new Uint8Array(0);
    for (let depth = 0; depth < 1000; depth++) {
      const length = inside.length + 4;
      inside = concat([new Uint8Array([46, 0, length >>> 8, length]), inside]);
    }
    const why = faultOf(() => parsePayloads(46, inside), { payload: "SK", notify: 7 });
    assert.match(why, /expected no encrypted payload inside another, got SK at offset 0/);
    faultOf(() => parsePayloads(43, concat([fromHex("35000004"), payload("00010001")])), {
      payload: "SKF",
      notify: 7,
    });
  });

  it("with an unknown payload is read, and with a critical one refused by its type (RFC 7296, section 2.5)", () => {
    const kept = parseIkeMessage(message("c8", "2b000006aabb" + "00000004"));
    assert.deepEqual(kept.payloads.map(({ kind }) => kind), ["unknown", "V"]);
    const octets = message("c8", "2b800006aabb" + "00000004");
    assert.throws(() => parseIkeMessage(octets), (error) => {
      assert.ok(error instanceof IkeError && error.code === "ERR_IKE_CRITICAL_PAYLOAD");
      assert.deepEqual([error.payload, error.offset, error.notify], ["payload 200", 28, 1]);
      assert.deepEqual([...error.notifyData], [200]);
      return true;
    });
    const looking = parseIkeMessage(octets, { keepCritical: true });
    assert.deepEqual(looking.payloads[0], {
      kind: "unknown",
      type: 200,
      critical: true,
      data: new Uint8Array([0xaa, 0xbb]),
    });
  });

  it("takes the critical bit of payloads that are known for nothing (RFC 7296, section 3.2)", () => {
    const octets = message("2b", "00800004");
    const parsed = parseIkeMessage(octets);
    assert.deepEqual(parsed.payloads, [{ kind: "V", data: new Uint8Array(0), critical: true }]);
    assert.deepEqual(emitIkeMessage(parsed), octets);
  });

  it("of another major version is refused, IKEv1 without an answer (R-CFG-19), a higher one with ours (RFC 7296, section 2.5)", () => {
    for (
      const [version, notify, data] of [[0x10, undefined, []], [0x30, 5, [0x20]], [
        0x00,
        undefined,
        [],
      ]] as const
    ) {
      const octets = message("2b", "00000004");
      octets[17] = version;
      assert.throws(() => parseIkeMessage(octets), (error) => {
        assert.ok(error instanceof IkeError && error.code === "ERR_IKE_VERSION");
        assert.deepEqual([error.notify, [...error.notifyData]], [notify, data]);
        return true;
      });
    }
    const minor = message("2b", "00000004");
    minor[17] = 0x2f;
    assert.equal(parseIkeMessage(minor).payloads.length, 1, "a minor version is nothing to refuse");
  });

  it("shorter than a header is refused, and nobody is answered", () => {
    for (let size = 0; size < 28; size++) {
      faultOf(() => parseIkeMessage(new Uint8Array(size)), {
        code: "ERR_IKE_HEADER",
        payload: undefined,
        notify: undefined,
      });
    }
  });
});
