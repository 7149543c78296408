import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { CryptoProviders, nobleProvider, prfTransform } from "../../lib/crypto/mod.ts";
import { Cookies } from "../../lib/ike/cookies.ts";
import { seededRandom } from "./_pair.ts";

const prf = new CryptoProviders([nobleProvider()]).createPrf(prfTransform("prfsha256")!);
const subject = {
  nonceI: new Uint8Array(32).fill(1),
  address: Uint8Array.of(192, 0, 2, 1),
  spiI: new Uint8Array(8).fill(2),
};

describe("Cookies (RFC 7296, section 2.6)", () => {
  it("are known again, and fit no other nonce, address or SPI", () => {
    const cookies = new Cookies(prf, seededRandom(1), 1000);
    const cookie = cookies.give(subject, 0);
    assert.ok(cookie.length >= 1 && cookie.length <= 64);
    assert.equal(cookies.accepts(cookie, subject, 0), true);
    for (const [field, value] of Object.entries(subject)) {
      const other = value.slice();
      other[0]! ^= 1;
      assert.equal(cookies.accepts(cookie, { ...subject, [field]: other }, 0), false, field);
    }
  });

  it("of another engine, cut short or changed are not taken", () => {
    const cookies = new Cookies(prf, seededRandom(1), 1000);
    const cookie = cookies.give(subject, 0);
    assert.equal(new Cookies(prf, seededRandom(2), 1000).accepts(cookie, subject, 0), false);
    assert.equal(cookies.accepts(cookie.subarray(0, -1), subject, 0), false);
    assert.equal(cookies.accepts(new Uint8Array(0), subject, 0), false);
    for (let i = 0; i < cookie.length; i++) {
      const changed = cookie.slice();
      changed[i]! ^= 1;
      assert.equal(cookies.accepts(changed, subject, 0), false);
    }
  });

  it("are taken while their secret is the current one or the one before, and no longer", () => {
    const cookies = new Cookies(prf, seededRandom(1), 1000);
    const cookie = cookies.give(subject, 0);
    assert.equal(cookies.accepts(cookie, subject, 999), true);
    assert.equal(cookies.accepts(cookie, subject, 1000), true); // another secret begins
    assert.equal(cookies.accepts(cookie, subject, 1999), true);
    assert.equal(cookies.accepts(cookie, subject, 2000), false);
    const late = new Cookies(prf, seededRandom(1), 1000);
    const old = late.give(subject, 0);
    assert.equal(late.accepts(old, subject, 5000), false);
  });
});
