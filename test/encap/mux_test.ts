import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { checkEsp, markIke } from "../../lib/encap/mux.ts";
import { espMessage, ikeMessage } from "../_support/messages.ts";

describe("markIke", () => {
  it("puts four zero octets in front of a copy (R-FRM-3)", () => {
    const message = Uint8Array.of(1, 2, 3);
    const marked = markIke(message);
    assert.deepEqual(marked, Uint8Array.of(0, 0, 0, 0, 1, 2, 3));
    assert.notEqual(marked.buffer, message.buffer);
    assert.deepEqual(markIke([message, Uint8Array.of(9)]), [marked, Uint8Array.of(0, 0, 0, 0, 9)]);
    assert.deepEqual(markIke([]), []);
  });

  it("sends 65529 octets and refuses 65530, and none", () => {
    assert.equal(markIke(new Uint8Array(65529)).byteLength, 65533);
    for (const length of [0, 65530]) {
      assert.throws(() => markIke([new Uint8Array(length)]), {
        name: "RangeError",
        code: "ERR_ENCAP_MESSAGE_LENGTH",
        message: `Cannot send IKE message: expected 1 to 65529 octets, got ${length}`,
      });
    }
  });

  it("refuses what is not octets with a TypeError", () => {
    for (const wrong of ["text", null, ["text"], [null]]) {
      assert.throws(() => markIke(wrong as unknown as Uint8Array), {
        name: "TypeError",
        code: "ERR_ENCAP_CHUNK",
      });
    }
  });
});

describe("checkEsp", () => {
  it("gives the same chunk back when all of it can be sent", () => {
    const batch = [espMessage(1), new Uint8Array(65533).fill(1), espMessage(2, 8)];
    assert.equal(checkEsp(batch), batch);
    assert.equal(checkEsp(batch[0]!), batch[0]);
  });

  it("refuses a packet with an SPI of zero (R-FRM-5)", () => {
    assert.throws(() => checkEsp([espMessage(1), ikeMessage(1)]), {
      name: "RangeError",
      code: "ERR_ENCAP_MESSAGE_LENGTH",
      message: "Cannot send ESP packet: expected an SPI other than 0, got 0",
    });
  });

  it("refuses a packet without SPI and sequence number, such as a keepalive, and one of more than 65533 octets (R-KAL-1)", () => {
    for (const length of [0, 1, 7, 65534]) {
      assert.throws(() => checkEsp(new Uint8Array(length).fill(0xff)), {
        name: "RangeError",
        code: "ERR_ENCAP_MESSAGE_LENGTH",
        message: `Cannot send ESP packet: expected 8 to 65533 octets, got ${length}`,
      });
    }
  });
});
