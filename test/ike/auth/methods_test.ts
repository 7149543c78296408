import { describe, it } from "node:test";
import assert from "node:assert/strict";
import {
  AUTH_METHOD,
  type AuthContext,
  type AuthData,
  buildAuth,
  buildCertificateRequest,
  type BuildOutcome,
  type BuiltAuth,
  type CertificateData,
  Credentials,
  emitHashAlgorithms,
  type FailedAuth,
  parseCertificateRequests,
  parseHashAlgorithms,
  parseIdentity,
  type RemoteAuthentication,
  verifyAuth,
  type VerifyOutcome,
} from "../../../lib/ike/auth/mod.ts";
import { signatureScheme } from "../../../lib/crypto/mod.ts";
import { concat, toHex } from "../../../lib/bytes/mod.ts";
import { crypto, scene } from "./_context.ts";
import { certificate, pem } from "./_pki.ts";

const SECRET = new TextEncoder().encode("swlab shared secret");
const ROOTS = ["ca-rsa", "ca-p256", "ca-ed25519"];

/** Credentials of a gateway with one key. */
function gateway(name: string, intermediates: readonly string[] = []): Credentials {
  const credentials = new Credentials();
  for (const file of [name, ...intermediates]) credentials.addCertificates(pem(file));
  credentials.addPrivateKey(pem(`${name}.key`));
  return credentials;
}

/** Credentials of a client that trusts the roots. */
function client(roots: readonly string[] = ROOTS): Credentials {
  const credentials = new Credentials();
  for (const root of roots) credentials.addAuthorities(pem(root));
  return credentials;
}

function withSecret(secret: Uint8Array = SECRET, owners: readonly string[] = []): Credentials {
  const credentials = new Credentials();
  credentials.addPreSharedKey({ secret, owners: owners.map(parseIdentity) });
  return credentials;
}

function built(outcome: BuildOutcome): BuiltAuth {
  assert.equal(outcome.kind, "built", outcome.kind === "failed" ? outcome.reason : outcome.kind);
  return outcome as BuiltAuth;
}

function reasonOf(outcome: VerifyOutcome | BuildOutcome): string {
  assert.equal(outcome.kind, "failed", "it went well");
  return (outcome as FailedAuth).reason;
}

/** The responder proves itself, the initiator verifies. */
function exchange(
  ours: Credentials,
  theirs: Credentials,
  options: Parameters<typeof scene>[0] & { auth?: string; remote?: Partial<RemoteAuthentication> } = {},
): { sent: BuiltAuth; verified: VerifyOutcome } {
  const { initiator, responder } = scene(options);
  const auth = options.auth ?? "pubkey";
  const sent = built(buildAuth(responder, { auth, sendCertificate: "always" }, ours));
  return { sent, verified: check(initiator, theirs, sent, { auth, ...options.remote }) };
}

function check(
  context: AuthContext,
  credentials: Credentials,
  received: { auth: AuthData; certificates: readonly CertificateData[] },
  remote: Partial<RemoteAuthentication> = {},
): VerifyOutcome {
  return verifyAuth(
    context,
    { auth: "pubkey", id: parseIdentity("gw.example.org"), ...remote },
    credentials,
    received,
  );
}

describe("Pre-shared key", () => {
  it("proves both sides", () => {
    const { initiator, responder } = scene();
    const ours = built(buildAuth(initiator, { auth: "psk" }, withSecret()));
    assert.equal(ours.auth.method, AUTH_METHOD.sharedKey);
    const theirs = built(buildAuth(responder, { auth: "psk" }, withSecret()));
    const id = parseIdentity("%any");
    assert.equal(verifyAuth(responder, { auth: "psk", id }, withSecret(), ours).kind, "verified");
    assert.equal(verifyAuth(initiator, { auth: "psk", id }, withSecret(), theirs).kind, "verified");
  });

  it("refuses another secret, a missing one, an empty AUTH, and a cut one", () => {
    const { initiator, responder } = scene();
    const sent = built(buildAuth(responder, { auth: "psk" }, withSecret()));
    const psk = { auth: "psk" };
    const other = withSecret(new TextEncoder().encode("another"));
    assert.match(reasonOf(check(initiator, other, sent, psk)), /the shared keys differ/);
    assert.match(
      reasonOf(check(initiator, withSecret(SECRET, ["other.example.org"]), sent, psk)),
      /no pre-shared key for carol@example\.org and gw\.example\.org/,
    );
    for (
      const data of [
        new Uint8Array(0),
        sent.auth.data.subarray(0, 31),
        concat([sent.auth.data, Uint8Array.of(0)]),
      ]
    ) {
      assert.equal(
        check(initiator, withSecret(), { ...sent, auth: { ...sent.auth, data } }, psk).kind,
        "failed",
      );
    }
    assert.match(reasonOf(buildAuth(initiator, psk, new Credentials())), /no pre-shared key/);
    assert.throws(() => withSecret(new Uint8Array(0)), { code: "ERR_CONFIG_CREDENTIAL" });
  });

  it("refuses our own AUTH reflected, even though the secret is one", () => {
    const { initiator } = scene();
    const ours = built(buildAuth(initiator, { auth: "psk" }, withSecret()));
    assert.match(reasonOf(check(initiator, withSecret(), ours, { auth: "psk" })), /AUTH is wrong/);
  });

  it("is chosen by whose it is: the peer's identity before ours, names before wildcards", () => {
    const credentials = new Credentials();
    const add = (text: string, ...owners: string[]) => {
      const secret = new TextEncoder().encode(text);
      credentials.addPreSharedKey({ secret, owners: owners.map(parseIdentity) });
    };
    add("everybody's");
    add("all of example", "*.example");
    add("gw's", "gw.example");
    add("carol's", "carol@example");
    add("of both", "dave@example", "gw.example");
    const find = (local: string, remote: string) =>
      new TextDecoder().decode(credentials.findPreSharedKey(parseIdentity(local), parseIdentity(remote))!);
    assert.equal(find("carol@example", "gw.example"), "gw's");
    assert.equal(find("dave@example", "gw.example"), "of both");
    assert.equal(find("dave@example", "other.example"), "all of example");
    assert.equal(find("gw.example", "carol@example"), "carol's");
    assert.equal(find("a", "b"), "everybody's");
  });
});

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

describe("The peer's certificate", () => {
  it("must be for the identity that the peer claims", () => {
    const { verified } = exchange(gateway("gw-p256"), client(), {
      remote: { id: parseIdentity("other.example.org") },
    });
    assert.match(reasonOf(verified), /the peer is gw\.example\.org; expected other\.example\.org/);
    const { sent } = exchange(gateway("gw-p256"), client());
    const { initiator } = scene({ responderId: "other.example.org" });
    const id = parseIdentity("other.example.org");
    assert.match(
      reasonOf(check(initiator, client(), sent, { id })),
      /is not for other\.example\.org; it is for/,
    );
  });

  it("holds for the subject, an address or a mail address too", () => {
    for (const id of ["C=XX, O=iketcp test, CN=gw-p256", "192.0.2.1", "2001:db8::1", "gw@example.org"]) {
      const { verified } = exchange(gateway("gw-p256"), client(), {
        responderId: id,
        remote: { id: parseIdentity(id) },
      });
      assert.equal(verified.kind, "verified", id);
    }
  });

  it("must have a path to an authority, with the reason if not", () => {
    const untrusted = exchange(gateway("gw-p256"), client(["ca-rsa"])).verified;
    assert.match(
      reasonOf(untrusted),
      /certificate does not hold: .* was issued by "C=XX, O=iketcp test, CN=root p256"/,
    );
    const cacerts =
      exchange(gateway("gw-p256"), client(), { remote: { authorities: [certificate("ca-rsa")] } }).verified;
    assert.match(reasonOf(cacerts), /which is neither among the trusted authorities/);
    const late = exchange(gateway("gw-p256"), client(), { more: { now: Date.UTC(2200, 0, 1) } }).verified;
    assert.match(reasonOf(late), /expired on 2120-01-01/);
  });

  it("may be pinned: then no other is accepted, and it needs no authority", () => {
    const pinned = { certificates: [certificate("gw-p256")] };
    assert.equal(exchange(gateway("gw-p256"), client([]), { remote: pinned }).verified.kind, "verified");
    const other = exchange(gateway("gw-p521"), client(), { remote: pinned }).verified;
    assert.match(reasonOf(other), /not one of those that are expected/);
    const late = exchange(gateway("gw-p256"), client([]), {
      remote: pinned,
      more: { now: Date.UTC(2200, 0, 1) },
    });
    assert.match(reasonOf(late.verified), /expired/);
  });

  it("is found at hand when the peer sends none, and missed in words when there is none", () => {
    const { initiator, responder } = scene();
    const sent = built(
      buildAuth(responder, { auth: "pubkey", sendCertificate: "never" }, gateway("gw-p256")),
    );
    assert.deepEqual(sent.certificates, []);
    const known = client();
    known.addCertificates(pem("gw-p256"));
    assert.equal(check(initiator, known, sent).kind, "verified");
    assert.match(
      reasonOf(check(initiator, client(), sent)),
      /sent no certificate, and there is none at hand for gw\.example\.org/,
    );
  });

  it("is refused when it cannot be read, comes in another encoding, or with a crowd", () => {
    const { sent } = exchange(gateway("gw-p256"), client());
    const { initiator } = scene();
    const [first] = sent.certificates as [CertificateData];
    const garbage = { ...first, data: first.data.subarray(0, 100) };
    assert.match(
      reasonOf(check(initiator, client(), { ...sent, certificates: [garbage] })),
      /CERT payload cannot be read/,
    );
    const url = { encoding: 12, data: new Uint8Array(30) };
    assert.match(
      reasonOf(check(initiator, client(), { ...sent, certificates: [url] })),
      /encoding that is not supported: 12/,
    );
    const crowd = Array.from({ length: 17 }, () => first);
    assert.match(reasonOf(check(initiator, client(), { ...sent, certificates: crowd })), /17 CERT payloads/);
  });

  it("is refused by a CRL that the peer itself sends along", () => {
    const { initiator, responder } = scene();
    const credentials = new Credentials();
    credentials.addCertificates(pem("gw-p256"));
    credentials.addPrivateKey(pem("gw-p256.key"));
    const sent = built(buildAuth(responder, { auth: "pubkey", sendCertificate: "always" }, credentials));
    const strict = check(initiator, client(), sent, { revocation: "strict" });
    assert.match(reasonOf(strict), /unknown status/);
    const crls = client();
    crls.addCrls(pem("crl"));
    assert.equal(check(initiator, crls, sent, { revocation: "strict" }).kind, "verified");
  });

  it("may be judged outside, which waits for the answer", () => {
    const { verified } = exchange(gateway("gw-p256"), client([]), { remote: { validateOutside: true } });
    assert.ok(verified.kind === "need" && verified.need.kind === "validate_certificates");
    assert.equal(toHex(verified.need.certificates[0]!), toHex(certificate("gw-p256").der));
    assert.equal(verified.resume({ valid: true }).kind, "verified");
    const refused = verified.resume({ valid: false, reason: "not on our list" }) as VerifyOutcome;
    assert.match(reasonOf(refused), /not on our list/);
    assert.match(reasonOf(verified.resume(new Error("no answer")) as VerifyOutcome), /no answer/);
    assert.equal(verified.resume(new Uint8Array(1)).kind, "failed");
  });
});

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

describe("NULL authentication", () => {
  const id = parseIdentity("%any");

  it("binds the messages and proves nobody, when it is asked for by name", () => {
    const { initiator, responder } = scene();
    const sent = built(buildAuth(responder, { auth: "null" }, new Credentials()));
    const verified = verifyAuth(initiator, { auth: "null", id }, new Credentials(), sent);
    assert.equal(verified.kind === "verified" && verified.anonymous, true);
    const changed = sent.auth.data.map((octet, i) => i === 0 ? octet ^ 1 : octet);
    const forged = { ...sent, auth: { ...sent.auth, data: changed } };
    assert.match(
      reasonOf(verifyAuth(initiator, { auth: "null", id }, new Credentials(), forged)),
      /changed under way/,
    );
  });

  it("is never accepted otherwise, not even where anything is", () => {
    const { initiator, responder } = scene();
    const sent = built(buildAuth(responder, { auth: "null" }, new Credentials()));
    for (const auth of ["psk", "pubkey", "any", "rsa"]) {
      const outcome = verifyAuth(initiator, { auth, id }, withSecret(), sent);
      assert.match(reasonOf(outcome), /NULL Authentication/, auth);
    }
  });

  it("does not take a signature or a shared key for itself", () => {
    const { initiator, responder } = scene();
    const psk = built(buildAuth(responder, { auth: "psk" }, withSecret()));
    assert.match(reasonOf(verifyAuth(initiator, { auth: "null", id }, withSecret(), psk)), /expected NULL/);
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

function gatewayKey(name: string): Uint8Array {
  const credentials = new Credentials();
  return credentials.addPrivateKey(pem(`${name}.key`)).pkcs8;
}
