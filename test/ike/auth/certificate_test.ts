import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  describeCertificate,
  formatDistinguishedName,
  formatIdentity,
  parseCertificate,
  parseCrl,
  parsePem,
  readCertificates,
} from "../../../lib/ike/auth/mod.ts";
import { CertificateCache } from "../../../lib/ike/auth/_certificate_cache.ts";
import { IkeError } from "../../../lib/errors.ts";
import { toHex } from "../../../lib/bytes/mod.ts";
import { certificate, pem } from "./_pki.ts";

describe("parseCertificate", () => {
  it("reads what path validation and IKE ask for", () => {
    const gw = certificate("gw-p256");
    assert.equal(formatDistinguishedName(gw.subject), "C=XX, O=iketcp test, CN=gw-p256");
    assert.equal(formatDistinguishedName(gw.issuer), "C=XX, O=iketcp test, CN=root p256");
    assert.equal(describeCertificate(gw), '"C=XX, O=iketcp test, CN=gw-p256"');
    assert.deepEqual([new Date(gw.notBefore).toISOString(), new Date(gw.notAfter).toISOString()], [
      "2020-01-01T00:00:00.000Z", // UTCTime
      "2120-01-01T00:00:00.000Z", // GeneralizedTime, since it is after 2049
    ]);
    assert.deepEqual(gw.alternativeNames.map(formatIdentity), [
      "gw.example.org",
      "192.0.2.1",
      "2001:db8::1",
      "gw@example.org",
    ]);
    assert.deepEqual([gw.publicKey.kind, gw.publicKey.bits, gw.isAuthority], ["p256", 256, false]);
    assert.deepEqual([gw.keyUsage, gw.extendedKeyUsage], [["digitalSignature"], ["1.3.6.1.5.5.7.3.1"]]);
    assert.equal(toHex(gw.authorityKeyId!), toHex(certificate("ca-p256").subjectKeyId!));
    assert.deepEqual(gw.unknownCriticalExtensions, []);
    assert.equal(gw.der.length, parsePem(pem("gw-p256"))[0]!.der.length);
  });

  it("reads authorities: CA, path length, key usage, constraints", () => {
    const sub = certificate("sub");
    assert.deepEqual([sub.isAuthority, sub.pathLength, sub.keyUsage], [true, 0, ["keyCertSign", "cRLSign"]]);
    assert.deepEqual([certificate("ca-p256").isAuthority, certificate("ca-p256").pathLength], [true, null]);
    const { permitted, excluded } = certificate("ca-names").nameConstraints!;
    assert.deepEqual([permitted.length, excluded.length], [4, 1]);
  });

  it("tells every kind of key", () => {
    const kinds = ["gw-rsa", "gw-p256", "gw-p384", "gw-p521", "gw-ed25519", "gw-ed448"].map((name) =>
      certificate(name).publicKey.name
    );
    assert.deepEqual(kinds, ["RSA 2048", "P-256", "P-384", "P-521", "Ed25519", "Ed448"]);
  });

  it("hashes the whole SubjectPublicKeyInfo for CERTREQ", async () => {
    const { keyHash, publicKey } = certificate("ca-rsa");
    const hash = new Uint8Array(await globalThis.crypto.subtle.digest("SHA-1", publicKey.spki.slice()));
    assert.equal(toHex(keyHash), toHex(hash));
  });

  it("finds critical extensions that it does not understand", () => {
    assert.deepEqual(certificate("unknown-critical").unknownCriticalExtensions, ["1.3.6.1.4.1.99999.1"]);
  });

  it("reads all certificates of a file, and says what a file holds instead", () => {
    assert.equal(readCertificates(pem("gw-p384") + pem("sub")).length, 2);
    assert.throws(() => readCertificates(pem("crl")), { code: "ERR_CONFIG_CREDENTIAL", message: /X509 CRL/ });
  });

  it("gives a certificate or an IkeError for any change of any octet", () => {
    const { der } = certificate("ca-names");
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = der.slice();
        changed[at]! ^= flip;
        try {
          describeCertificate(parseCertificate(changed));
        } catch (error) {
          assert.ok(error instanceof IkeError, String(error));
        }
      }),
      { numRuns: 150 },
    );
    for (let size = 0; size < der.length; size += 7) {
      assert.throws(() => parseCertificate(der.subarray(0, size)), IkeError);
    }
  });

  it("refuses nesting, length and indefinite tricks with an IkeError", () => {
    const nested = new Uint8Array(60_000);
    for (let i = 0; i < nested.length; i += 2) nested.set([0x30, 0x80], i);
    assert.throws(() => parseCertificate(nested), IkeError);
    const many = new Uint8Array(60_004);
    many.set([0x30, 0x82, 0xea, 0x60]);
    for (let i = 4; i < many.length; i += 2) many[i] = 5; // 30000 times NULL
    assert.throws(() => parseCertificate(many), { code: "ERR_IKE_CERTIFICATE", message: /count exceeded/ });
    assert.throws(() => parseCertificate(Uint8Array.of(0x30, 0x84, 0xff, 0xff, 0xff, 0xff)), IkeError);
    assert.throws(() => parseCertificate(new Uint8Array((1 << 20) + 1)), { code: "ERR_IKE_CERTIFICATE" });
    assert.throws(() => parseCertificate(new Uint8Array([...certificate("gw-p256").der, 0])), IkeError);
  });
});

describe("parseCrl", () => {
  it("reads who was revoked and how long it tells", () => {
    const crl = parseCrl(parsePem(pem("crl"))[0]!.der);
    assert.deepEqual([...crl.revoked], [[certificate("revoked").serial, Date.UTC(2024, 5, 1)]]);
    assert.equal(crl.thisUpdate, Date.UTC(2024, 6, 1));
    assert.equal(crl.nextUpdate, Date.UTC(2120, 0, 1));
    assert.equal(toHex(crl.issuer), toHex(certificate("ca-p256").subject));
    assert.equal(parseCrl(parsePem(pem("crl-empty"))[0]!.der).revoked.size, 0);
  });

  it("refuses what is no CRL with an IkeError", () => {
    assert.throws(() => parseCrl(Uint8Array.of(0x30, 0)), IkeError);
    assert.throws(() => parseCrl(certificate("gw-p256").der), IkeError);
  });
});

describe("Certificates of peers", () => {
  it("are read once, remembered by all their octets, and not without bound", () => {
    const cache = new CertificateCache();
    const { der } = certificate("gw-p256");
    assert.equal(cache.read(der), cache.read(der.slice()));
    // The last octets are the signature: other certificates, as far as anybody can tell without its key.
    const others = Array.from({ length: 300 }, (_, i) => {
      const other = der.slice();
      other.set([i >> 8, i & 0xff], der.length - 2);
      return other;
    });
    for (const other of others) assert.equal(toHex(cache.read(other).der), toHex(other));
    assert.equal(cache.size, 128);
    assert.equal(cache.read(others.at(-1)!), cache.read(others.at(-1)!));
    assert.throws(() => cache.read(der.subarray(1)), IkeError);
    assert.equal(cache.size, 128);
  });
});
