import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { AUTH_METHOD, buildAuth, parseIdentity } from "../../../lib/ike/auth/mod.ts";
import { signatureScheme } from "../../../lib/crypto/mod.ts";
import { concat, toHex } from "../../../lib/bytes/mod.ts";
import { crypto, scene } from "./_context.ts";
import { certificate } from "./_pki.ts";
import { built, check, client, exchange, gateway, gatewayKey, reasonOf, withSecret } from "./_exchange.ts";

describe("Signatures", () => {
  const KEYS = {
    "gw-rsa": "rsa_pss_sha256",
    "gw-p256": "ecdsa_p256_sha256",
    "gw-p521": "ecdsa_p521_sha512",
    "gw-ed25519": "ed25519",
    "gw-ed448": "ed448",
  };
  for (const [name, scheme] of Object.entries(KEYS)) {
    it(`prove a key by the Digital Signature method: ${name}`, () => {
      const { sent, verified } = exchange(gateway(name), client());
      assert.equal(sent.auth.method, AUTH_METHOD.digitalSignature);
      assert.deepEqual(verified, {
        kind: "verified",
        identity: parseIdentity("gw.example.org"),
        method: scheme,
        anonymous: false,
      });
    });
  }

  it("prove a key below an intermediate, which goes along, while the root stays at home", () => {
    const { sent, verified } = exchange(gateway("gw-p384", ["sub", "ca-p256"]), client());
    assert.deepEqual(
      sent.certificates.map(({ encoding, data }) => [encoding, toHex(data)]),
      ["gw-p384", "sub"].map((name) => [4, toHex(certificate(name).der)]),
    );
    assert.equal(verified.kind, "verified");
  });

  const BEFORE = {
    "gw-rsa": AUTH_METHOD.rsa,
    "gw-p256": AUTH_METHOD.ecdsa256,
    "gw-p521": AUTH_METHOD.ecdsa521,
  };
  for (const [name, method] of Object.entries(BEFORE)) {
    it(`fall back to method ${method} with a peer that offers no hashes: ${name}`, () => {
      const { sent, verified } = exchange(gateway(name), client(), { hashAlgorithms: [] });
      assert.equal(sent.auth.method, method);
      assert.equal(verified.kind, "verified");
    });
  }

  it("fall back to method 10 on P-384, r and s without ASN.1", () => {
    const { sent, verified } = exchange(gateway("gw-p384", ["sub"]), client(), { hashAlgorithms: [] });
    assert.deepEqual([sent.auth.method, sent.auth.data.length, verified.kind], [10, 96, "verified"]);
  });

  it("take the hashes that the peer offers, and say so where none fits", () => {
    const sha512 = exchange(gateway("gw-p256"), client(), { hashAlgorithms: [4] });
    assert.equal(sha512.verified.kind === "verified" && sha512.verified.method, "ecdsa_p256_sha512");
    const { responder } = scene({ hashAlgorithms: [2, 3] });
    const reason = reasonOf(buildAuth(responder, { auth: "pubkey" }, gateway("gw-ed25519")));
    assert.match(reason, /none of the hashes that the peer offers \(SHA-256, SHA-384\)/);
    const { responder: old } = scene({ hashAlgorithms: [] });
    assert.match(reasonOf(buildAuth(old, { auth: "pubkey" }, gateway("gw-ed25519"))), /RFC 7427/);
  });

  it("follow what swanctl's words allow", () => {
    const pkcs1 = exchange(gateway("gw-rsa"), client(), { auth: "rsa/pkcs1-sha512" });
    assert.equal(pkcs1.verified.kind === "verified" && pkcs1.verified.method, "rsa_pkcs1_sha512");
    const pss = exchange(gateway("gw-rsa"), client(), { auth: "rsa/pkcs1", remote: { auth: "rsa/pss" } });
    assert.match(reasonOf(pss.verified), /signs with rsa_pkcs1_sha256, but "rsa\/pss" is expected/);
    const ecdsa = exchange(gateway("gw-p256"), client(), { remote: { auth: "ecdsa-sha384" } });
    assert.match(reasonOf(ecdsa.verified), /but "ecdsa-sha384" is expected/);
    const old = exchange(gateway("gw-rsa"), client(), { hashAlgorithms: [], remote: { auth: "rsa-sha256" } });
    assert.match(reasonOf(old.verified), /signs with rsa_pkcs1_sha1, but "rsa-sha256" is expected/);
    const { responder } = scene();
    for (const word of ["rsa-md5", "dsa", "pubkeys", "eap-tls"]) {
      assert.throws(() => buildAuth(responder, { auth: word }, gateway("gw-rsa")), {
        code: "ERR_CONFIG_CREDENTIAL",
      });
    }
  });

  it("refuse an empty signature by every method", () => {
    const initiator = { ...scene().initiator, peerHashAlgorithms: [] };
    const certificates = [{ encoding: 4, data: certificate("gw-p256").der }];
    const { algorithmIdentifier } = signatureScheme("ecdsa_p256_sha256");
    const empty = concat([Uint8Array.of(algorithmIdentifier.length), algorithmIdentifier]);
    for (const [method, data] of [[14, empty], [1, new Uint8Array(0)], [9, new Uint8Array(0)]] as const) {
      assert.match(
        reasonOf(check(initiator, client(), { auth: { method, data }, certificates })),
        /signature is empty/,
      );
    }
    for (const data of [new Uint8Array(0), Uint8Array.of(0), Uint8Array.of(200, 0x30)]) {
      const received = { auth: { method: 14, data }, certificates };
      assert.match(reasonOf(check(initiator, client(), received)), /names no algorithm/);
    }
  });

  it("refuse a signature of another length, of zeros, or with any octet changed", () => {
    const { initiator, responder } = scene();
    const sent = built(
      buildAuth(responder, { auth: "pubkey", sendCertificate: "always" }, gateway("gw-p256")),
    );
    const start = sent.auth.data[0]! + 1;
    const size = sent.auth.data.length;
    const changes: Uint8Array[] = [
      sent.auth.data.subarray(0, size - 1),
      concat([sent.auth.data, Uint8Array.of(0)]),
      sent.auth.data.map((octet, i) => i < start ? octet : 0),
      concat([sent.auth.data.subarray(0, start), new Uint8Array(4000)]),
      ...[0, 5, 20, 40, 60].map((at) =>
        sent.auth.data.map((octet, i) => i === start + at ? octet ^ 1 : octet)
      ),
    ];
    for (const data of changes) {
      assert.equal(check(initiator, client(), { ...sent, auth: { ...sent.auth, data } }).kind, "failed");
    }
  });

  it("refuse our own signature reflected", () => {
    const { initiator, responder } = scene();
    // The initiator has the gateway's key too: only the octets tell the sides apart.
    const reflected = built(
      buildAuth(
        { ...initiator, localId: responder.localId },
        { auth: "pubkey", sendCertificate: "always" },
        gateway("gw-p256"),
      ),
    );
    assert.match(reasonOf(check(initiator, client(), reflected)), /signature is wrong/);
  });

  it("refuse a hash that was not offered", () => {
    const sent = exchange(gateway("gw-p256"), client()).sent;
    const { initiator } = scene({ more: { localHashAlgorithms: [3, 4] } });
    assert.match(reasonOf(check(initiator, client(), sent)), /hash SHA-256, which was not offered/);
    const sha1 = concat([
      Uint8Array.of(15),
      signatureScheme("rsa_pkcs1_sha1").algorithmIdentifier,
      new Uint8Array(256),
    ]);
    const received = { ...sent, auth: { method: 14, data: sha1 } };
    assert.match(reasonOf(check(initiator, client(), received)), /algorithm that is not supported/);
  });

  it("refuse SHA-1 of a peer that offers better hashes, unless it is asked for by name", () => {
    const { sent } = exchange(gateway("gw-rsa"), client(), { hashAlgorithms: [] });
    const { initiator } = scene();
    assert.match(
      reasonOf(check(initiator, client(), sent)),
      /signs with SHA-1 .*, though it offers better hashes/,
    );
    const asked = exchange(gateway("gw-rsa"), client(), { auth: "rsa-sha1" });
    assert.deepEqual([asked.sent.auth.method, asked.verified.kind], [AUTH_METHOD.rsa, "verified"]);
  });

  it("refuse AUTH by the key of another algorithm than the certificate's", () => {
    const { responder, initiator } = scene();
    const signature = crypto.sign("ed25519", gatewayKey("gw-ed25519"), responder.localOctets);
    const { algorithmIdentifier } = signatureScheme("ed25519");
    const auth = {
      method: 14,
      data: concat([Uint8Array.of(algorithmIdentifier.length), algorithmIdentifier, signature]),
    };
    const certificates = [{ encoding: 4, data: certificate("gw-p256").der }];
    assert.match(
      reasonOf(check(initiator, client(), { auth, certificates })),
      /signs with ed25519, but .* is P-256/,
    );
    const rsa = { auth: { method: 1, data: new Uint8Array(256).fill(1) }, certificates };
    const old = { ...initiator, peerHashAlgorithms: [] };
    assert.match(reasonOf(check(old, client(), rsa)), /signs with rsa_pkcs1_sha1, but .* is P-256/);
    const p521 = { auth: { method: 11, data: new Uint8Array(132).fill(1) }, certificates };
    assert.match(reasonOf(check(initiator, client(), p521)), /is P-256/);
  });

  it("refuse AUTH by the key of another certificate", () => {
    const { sent } = exchange(gateway("gw-p256"), client());
    const { initiator } = scene();
    const certificates = [{ encoding: 4, data: certificate("names-right").der }];
    const names = client(["ca-names"]);
    assert.match(
      reasonOf(check(initiator, names, { auth: sent.auth, certificates })),
      /not by the key of its certificate/,
    );
  });

  it("refuse a method that was not expected", () => {
    const { initiator, responder } = scene();
    const psk = built(buildAuth(responder, { auth: "psk" }, withSecret()));
    assert.match(
      reasonOf(check(initiator, client(), psk)),
      /authenticates by Shared Key Message Integrity Code; expected a signature \("pubkey"\)/,
    );
    const { sent } = exchange(gateway("gw-p256"), client());
    assert.match(
      reasonOf(check(initiator, withSecret(), sent, { auth: "psk" })),
      /by Digital Signature; expected Shared Key/,
    );
    for (const method of [0, 3, 12, 200]) {
      const auth = { method, data: new Uint8Array(32) };
      assert.equal(check(initiator, client(), { ...sent, auth }).kind, "failed");
      assert.equal(check(initiator, client(), { ...sent, auth }, { auth: "any" }).kind, "failed");
    }
  });
});
