import { describe, it } from "node:test";
import assert from "node:assert/strict";
import {
  buildAuth,
  type CertificateData,
  Credentials,
  parseIdentity,
  type VerifyOutcome,
} from "../../../lib/ike/auth/mod.ts";
import { toHex } from "../../../lib/bytes/mod.ts";
import { scene } from "./_context.ts";
import { certificate, pem } from "./_pki.ts";
import { built, check, client, exchange, gateway, reasonOf } from "./_exchange.ts";

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
