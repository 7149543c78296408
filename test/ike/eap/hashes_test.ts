import { createCipheriv, randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { desEncryptBlock } from "../../../lib/ike/eap/des.ts";
import { md4 } from "../../../lib/ike/eap/md4.ts";
import {
  authenticatorResponse,
  mschapv2Msk,
  ntPasswordHash,
  ntResponse,
} from "../../../lib/ike/eap/mschapv2_hashes.ts";
import { fromHex, toHex } from "../../../lib/bytes/mod.ts";

const ascii = (text: string) => new TextEncoder().encode(text);

describe("MD4", () => {
  const SUITE = {
    "": "31d6cfe0d16ae931b73c59d7e0c089c0",
    "a": "bde52cb31de33e46245e05fbdbd6fb24",
    "abc": "a448017aaf21d8525fc10ae87aa6729d",
    "message digest": "d9130a8164549fe818874806e1c7014b",
    "abcdefghijklmnopqrstuvwxyz": "d79e1c308aa5bbcdeea8ed63df412da9",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789": "043f8582f241db351ce627e153e7f0e4",
    "12345678901234567890123456789012345678901234567890123456789012345678901234567890":
      "e33b4ddc9c38f2199c3e7b164fcc0536",
  };
  for (const [text, digest] of Object.entries(SUITE)) {
    it(`gives the digest of RFC 1320, appendix A.5: "${text}"`, () => {
      assert.equal(toHex(md4(ascii(text))), digest);
    });
  }

  it("pads every length around a block", () => {
    // Where the length goes into another block; digests of as many zeros by OpenSSL.
    const digests: Readonly<Record<number, string>> = {
      55: "2df5a83f688f18c0866c64173be82a8f",
      56: "7b9b4593cd9322ea492cf0bcdd84f0ae",
      63: "594697fc0810937e0e899a65911293b5",
      64: "2f6f7b10c5cadca6d5770f428c899ba7",
      119: "8bf9d82d3cd1246ab64363d6da010259",
      120: "888e0376839fc84239dba15a308df398",
    };
    for (const [size, digest] of Object.entries(digests)) {
      assert.equal(toHex(md4(new Uint8Array(Number(size)))), digest, size);
    }
  });
});

describe("DES", () => {
  it("agrees with three equal keys of the runtime's triple DES", () => {
    for (let i = 0; i < 50; i++) {
      const key = new Uint8Array(randomBytes(7));
      const block = new Uint8Array(randomBytes(8));
      const cipher = createCipheriv("des-ede3-cbc", triple(key), new Uint8Array(8));
      cipher.setAutoPadding(false);
      const expected = new Uint8Array([...cipher.update(block), ...cipher.final()]);
      assert.equal(toHex(desEncryptBlock(key, block)), toHex(expected), `key ${toHex(key)}`);
    }
  });

  it("gives the classic answer for a key and a block of zeros", () => {
    assert.equal(toHex(desEncryptBlock(new Uint8Array(7), new Uint8Array(8))), "8ca64de9c1b123a7");
  });
});

describe("MS-CHAP-V2", () => {
  const exchange = {
    authenticatorChallenge: fromHex("5b5d7c7d7b3f2f3e3c2c602132262628"),
    peerChallenge: fromHex("21402324255e262a28295f2b3a337c7e"),
    name: ascii("User"),
  };
  const response = "82309ecd8d708b5ea08faa3981cd83544233114a3d85d6df";

  it("gives the values of RFC 2759, section 9.2", () => {
    const hash = ntPasswordHash("clientPass");
    assert.equal(toHex(hash), "44ebba8d5312b8d611474411f56989ae");
    assert.equal(toHex(md4(hash)), "41c00c584bd2d91c4017a2a12fa59f3f");
    assert.equal(toHex(ntResponse(exchange, hash)), response);
    assert.equal(
      authenticatorResponse(exchange, hash, fromHex(response)),
      "S=407A5589115FD0D6209F510FE9C04566932CDA56",
    );
  });

  it("gives the send key of RFC 3079, section 3.5.3, and fills up with zeros", () => {
    const msk = mschapv2Msk(ntPasswordHash("clientPass"), fromHex(response));
    assert.equal(msk.length, 64);
    assert.equal(toHex(msk.subarray(16, 32)), "8b7cdc149b993a1ba118cb153f56dccb");
    assert.equal(toHex(msk.subarray(32)), "00".repeat(32));
  });

  it("leaves a Windows domain out of the hash", () => {
    const hash = ntPasswordHash("clientPass");
    const withDomain = { ...exchange, name: ascii("EXAMPLE\\User") };
    assert.equal(toHex(ntResponse(withDomain, hash)), response);
  });

  it("hashes passwords beyond ASCII in UTF-16", () => {
    const utf16 = new Uint8Array(
      [..."pässwörd€"].flatMap((char) => [char.charCodeAt(0) & 255, char.charCodeAt(0) >> 8]),
    );
    assert.equal(toHex(ntPasswordHash("pässwörd€")), toHex(md4(utf16)));
  });
});

/** 56 bits spread over eight octets, three times: parity bits are not looked at. */
function triple(key: Uint8Array): Uint8Array {
  const bits = [...key].map((octet) => octet.toString(2).padStart(8, "0")).join("");
  const octets = Array.from({ length: 8 }, (_, i) => parseInt(`${bits.slice(7 * i, 7 * i + 7)}0`, 2));
  return Uint8Array.from([...octets, ...octets, ...octets]);
}
