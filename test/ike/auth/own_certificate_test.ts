import { describe, it } from "node:test";
import assert from "node:assert/strict";
import {
  buildAuth,
  buildCertificateRequest,
  type BuiltAuth,
  Credentials,
  emitHashAlgorithms,
  parseCertificateRequests,
  parseHashAlgorithms,
} from "../../../lib/ike/auth/mod.ts";
import { toHex } from "../../../lib/bytes/mod.ts";
import { crypto, scene } from "./_context.ts";
import { certificate, pem } from "./_pki.ts";
import { built, check, client, exchange, gateway, gatewayKey, reasonOf } from "./_exchange.ts";

describe("Our certificate", () => {
  it("is the one below an authority that the peer asks for", () => {
    const credentials = gateway("gw-p256");
    credentials.addCertificates(pem("gw-rsa"));
    credentials.addPrivateKey(pem("gw-rsa.key"));
    for (const [root, method] of [["ca-rsa", "rsa_pss_sha256"], ["ca-p256", "ecdsa_p256_sha256"]] as const) {
      const request = buildCertificateRequest([certificate(root)])!;
      credentials.addCertificates(pem(root));
      const peerAuthorities = parseCertificateRequests([request]);
      const { verified } = exchange(credentials, client(), { more: { peerAuthorities } });
      assert.equal(verified.kind === "verified" && verified.method, method);
    }
  });

  it("is sent when it is asked for, always, or never", () => {
    const send = (sendCertificate: "ifasked" | "always" | "never", peerAuthorities: Uint8Array[] | null) => {
      const { responder } = scene({ more: { peerAuthorities } });
      return built(buildAuth(responder, { auth: "pubkey", sendCertificate }, gateway("gw-p256"))).certificates
        .length;
    };
    assert.deepEqual([send("ifasked", []), send("ifasked", null), send("always", null), send("never", [])], [
      1,
      0,
      1,
      0,
    ]);
  });

  it("is missed in words: no certificate, no key, a key of another kind", () => {
    const { responder } = scene();
    assert.match(
      reasonOf(buildAuth(responder, { auth: "pubkey" }, new Credentials())),
      /there is no certificate of ours/,
    );
    const keyless = new Credentials();
    keyless.addCertificates(pem("gw-p256"));
    keyless.addPrivateKey(pem("names-right.key".replace("names-right", "gw-p384")));
    assert.match(
      reasonOf(buildAuth(responder, { auth: "pubkey" }, keyless)),
      /private key of certificate .* is missing/,
    );
    assert.match(
      reasonOf(buildAuth(responder, { auth: "rsa" }, gateway("gw-p256"))),
      /key that must not be used: P-256/,
    );
  });

  it("may have its key outside, which waits for the signature", () => {
    const { initiator, responder } = scene();
    const credentials = new Credentials();
    const [own] = credentials.addCertificates(pem("gw-p256")) as [ReturnType<typeof certificate>];
    credentials.addSigningKey({ kind: "p256", external: "slot 1", spki: own.publicKey.spki });
    const waiting = buildAuth(responder, { auth: "pubkey", sendCertificate: "always" }, credentials);
    assert.ok(waiting.kind === "need" && waiting.need.kind === "sign");
    assert.deepEqual([waiting.need.key, waiting.need.scheme], ["slot 1", "ecdsa_p256_sha256"]);
    const signature = crypto.sign(waiting.need.scheme, gatewayKey("gw-p256"), waiting.need.data);
    assert.equal(check(initiator, client(), waiting.resume(signature) as BuiltAuth).kind, "verified");
    for (const answer of [new Error("card removed"), new Uint8Array(0)]) {
      assert.equal(waiting.resume(answer).kind, "failed");
    }
  });
});

describe("Notifies and requests of authentication", () => {
  it("carry hash numbers in two octets each", () => {
    assert.equal(toHex(emitHashAlgorithms([2, 3, 4, 5])), "0002000300040005");
    assert.deepEqual(parseHashAlgorithms(Uint8Array.of(0, 2, 0, 5, 9)), [2, 5]);
  });

  it("read CERTREQ of many shapes", () => {
    assert.equal(parseCertificateRequests([]), null);
    assert.equal(parseCertificateRequests([{ encoding: 12, data: new Uint8Array(20) }]), null);
    assert.deepEqual(parseCertificateRequests([{ encoding: 4, data: new Uint8Array(0) }]), []);
    assert.equal(parseCertificateRequests([{ encoding: 4, data: new Uint8Array(59) }])!.length, 2);
    assert.equal(parseCertificateRequests([{ encoding: 4, data: new Uint8Array(65_000) }])!.length, 256);
    assert.equal(buildCertificateRequest([]), null);
  });
});
