import { spawnSync } from "node:child_process";
import process from "node:process";
import { describe, it } from "node:test";
import assert from "node:assert/strict";
import {
  type Certificate,
  certifies,
  type ChainOptions,
  ID_TYPE,
  parseCrl,
  parseIdentity,
  parsePem,
  reasonAgainstIdentity,
  validateChain,
} from "../../../lib/ike/auth/mod.ts";
import { runtimeCrypto } from "../../../lib/runtime/mod.ts";
import { certificate, NOW, pem, pemPath } from "./_pki.ts";

const crypto = runtimeCrypto();

interface Case {
  readonly name: string;
  /** The certificate, then the intermediates that come with it. */
  readonly certificates: readonly string[];
  readonly authorities: readonly string[];
  /** What the reason says; null where the path holds. */
  readonly reason: RegExp | null;
  /** Rules of IKE or of ours that OpenSSL does not know without being told. */
  readonly ownRule?: boolean;
}

const CASES: readonly Case[] = [
  { name: "a root above", certificates: ["gw-rsa"], authorities: ["ca-rsa"], reason: null },
  {
    name: "the right one of two roots",
    certificates: ["gw-p256"],
    authorities: ["ca-rsa", "ca-p256"],
    reason: null,
  },
  {
    name: "an intermediate in between",
    certificates: ["gw-p384", "sub"],
    authorities: ["ca-p256"],
    reason: null,
  },
  { name: "an Ed25519 root", certificates: ["gw-ed25519"], authorities: ["ca-ed25519"], reason: null },
  { name: "an Ed448 key below it", certificates: ["gw-ed448"], authorities: ["ca-ed25519"], reason: null },
  { name: "a P-521 key", certificates: ["gw-p521"], authorities: ["ca-p256"], reason: null },
  { name: "a signature by RSASSA-PSS", certificates: ["gw-rsa-pss"], authorities: ["ca-rsa"], reason: null },
  {
    name: "names inside constraints",
    certificates: ["names-right"],
    authorities: ["ca-names"],
    reason: null,
  },
  {
    name: "expired",
    certificates: ["expired"],
    authorities: ["ca-p256"],
    reason: /"C=XX, O=iketcp test, CN=expired" expired on 2021-01-01T00:00:00Z/,
  },
  {
    name: "not yet valid",
    certificates: ["not-yet"],
    authorities: ["ca-p256"],
    reason: /not valid before 2100-01-01/,
  },
  {
    name: "an issuer without CA:TRUE",
    certificates: ["below-end", "gw-p256"],
    authorities: ["ca-p256"],
    reason: /CN=gw-p256" must not issue others: it is no authority/,
  },
  {
    name: "a path too long for its constraint",
    certificates: ["too-long", "subsub", "sub"],
    authorities: ["ca-p256"],
    reason: /CN=sub" allows 0 authorities below it, but there are 1/,
  },
  {
    name: "an authority that must not sign certificates",
    certificates: ["below-no-sign"],
    authorities: ["ca-no-sign"],
    reason: /key usage lacks keyCertSign/,
  },
  {
    name: "self-signed and unknown",
    certificates: ["self-signed"],
    authorities: ["ca-p256"],
    reason: /self-signed and not among the trusted authorities/,
  },
  {
    name: "an intermediate that did not come along",
    certificates: ["gw-p384"],
    authorities: ["ca-p256"],
    reason: /was issued by "C=XX, O=iketcp test, CN=sub", which is neither/,
  },
  {
    name: "another root",
    certificates: ["gw-rsa"],
    authorities: ["ca-p256"],
    reason: /CN=root rsa", which is neither/,
  },
  {
    name: "no authority at all",
    certificates: ["gw-rsa"],
    authorities: [],
    reason: /CN=root rsa", which is neither/,
  },
  {
    name: "a critical extension that nobody understands",
    certificates: ["unknown-critical"],
    authorities: ["ca-p256"],
    reason: /critical extension that is not understood: 1\.3\.6\.1\.4\.1\.99999\.1/,
  },
  {
    name: "a name outside constraints",
    certificates: ["names-wrong"],
    authorities: ["ca-names"],
    reason: /its name gw\.example\.com is not among the permitted ones/,
  },
  {
    name: "a name that is excluded",
    certificates: ["names-excluded"],
    authorities: ["ca-names"],
    reason: /its name a\.bad\.example\.org is excluded/,
  },
  {
    name: "constraints on names that are not understood",
    certificates: ["below-uris"],
    authorities: ["ca-uris"],
    reason: /uniformResourceIdentifier are not understood/,
    ownRule: true,
  },
  {
    name: "a key that is not for signatures",
    certificates: ["no-signatures"],
    authorities: ["ca-p256"],
    reason: /not for signatures: its key usage lacks digitalSignature/,
    ownRule: true,
  },
  {
    name: "a purpose other than IKE",
    certificates: ["wrong-purpose"],
    authorities: ["ca-p256"],
    reason: /not for IKE: its extended key usage is 1\.3\.6\.1\.5\.5\.7\.3\.3/,
    ownRule: true,
  },
  {
    name: "a signature with SHA-1",
    certificates: ["sha1"],
    authorities: ["ca-rsa"],
    reason: /signed with RSA with SHA-1, which is broken/,
    ownRule: true,
  },
  {
    name: "a short RSA key",
    certificates: ["short"],
    authorities: ["ca-rsa"],
    reason: /RSA key of 1024 bits; at least 2048 are expected/,
    ownRule: true,
  },
];

function validate(
  names: readonly string[],
  authorities: readonly string[],
  more: Partial<ChainOptions> = {},
) {
  const [end, ...intermediates] = names.map(certificate) as [Certificate, ...Certificate[]];
  return validateChain(end, {
    authorities: authorities.map(certificate),
    intermediates,
    crypto,
    now: NOW,
    ...more,
  });
}

/** An authority by the name of another, as one that was made anew. */
const NAMESAKE: Certificate = { ...certificate("ca-rsa"), subject: certificate("ca-p256").subject };

describe("An authority with the name of the issuer and another key", () => {
  it("is told from one that is not there", () => {
    const options = { authorities: [NAMESAKE], intermediates: [], crypto, now: NOW };
    const result = validateChain(certificate("gw-p256"), options);
    assert.ok(!result.valid);
    assert.match(result.reason, /issued by an authority ".*CN=root p256" with another key than the one/);
  });
});

describe("validateChain", () => {
  for (const { name, certificates, authorities, reason } of CASES) {
    it(`${reason === null ? "accepts" : "refuses"} ${name}`, () => {
      const result = validate(certificates, authorities);
      if (reason === null) assert.deepEqual(result.valid || result.reason, true);
      else assert.match(result.valid ? "it holds" : result.reason, reason);
    });
  }

  it(
    "agrees with OpenSSL's `verify` on all of these",
    { skip: hasOpenssl() ? false : "there is no openssl" },
    () => {
      for (const { name, certificates, authorities, reason, ownRule } of CASES) {
        if (ownRule === true) continue;
        const [end, ...intermediates] = certificates.map(pemPath) as [string, ...string[]];
        const { status } = spawnSync("openssl", [
          "verify",
          ...["-x509_strict", "-no-CAfile", "-no-CApath", "-no-CAstore", "-attime", String(NOW / 1000)],
          ...authorities.flatMap((authority) => ["-trusted", pemPath(authority)]),
          ...intermediates.flatMap((intermediate) => ["-untrusted", intermediate]),
          end,
        ]);
        assert.equal(status === 0, reason === null, name);
      }
    },
  );

  it("refuses a certificate whose octets were changed after signing", () => {
    const end = certificate("gw-p256");
    const changed = {
      ...end,
      signedOctets: end.signedOctets.map((octet, i) => i === 20 ? octet ^ 1 : octet),
    };
    const result = validateChain(changed, {
      authorities: [certificate("ca-p256")],
      intermediates: [],
      crypto,
      now: NOW,
    });
    assert.match(result.valid ? "it holds" : result.reason, /its signature is wrong/);
  });

  it("refuses an authority of the right name with another key", () => {
    const impostor = { ...certificate("ca-p256"), publicKey: certificate("gw-p521").publicKey };
    const result = validateChain(certificate("gw-p256"), {
      authorities: [impostor],
      intermediates: [],
      crypto,
      now: NOW,
    });
    assert.match(result.valid ? "it holds" : result.reason, /its signature is wrong|issuer's key is/);
  });

  it("holds at the first and at the last moment of a life, and not a moment outside", () => {
    const { notBefore, notAfter } = certificate("expired");
    for (
      const [now, valid] of [[notBefore, true], [notAfter, true], [notBefore - 1, false], [
        notAfter + 1,
        false,
      ]]
    ) {
      const result = validate(["expired"], ["ca-p256"], { now: now as number });
      assert.equal(result.valid, valid);
    }
    assert.equal(validate(["gw-p256"], ["ca-p256"], { now: NaN }).valid, false, "a clock that tells no time");
  });

  it("gives the path from the certificate to the authority", () => {
    const result = validate(["gw-p384", "sub"], ["ca-p256"]);
    assert.ok(result.valid);
    assert.deepEqual(
      result.path.map(({ serial }) => serial),
      ["gw-p384", "sub", "ca-p256"].map((name) => certificate(name).serial),
    );
  });

  it("stops at its bounds", () => {
    const long = validate(["gw-p384", "sub"], ["ca-p256"], { limits: { pathLength: 2 } });
    assert.match(long.valid ? "it holds" : long.reason, /longer than 2 certificates/);
    const many = validate(["gw-p384", "sub"], ["ca-p256"], { limits: { signatures: 1 } });
    assert.match(many.valid ? "it holds" : many.reason, /more than 1 signatures/);
  });

  it("does not turn in circles where intermediates name each other, and checks no more than it may", () => {
    // Sixteen authorities of one name, each of which may have issued every other.
    const sub = certificate("sub");
    const ring = Array.from({ length: 16 }, (_, i) => ({
      ...sub,
      der: Uint8Array.of(i),
      issuer: sub.subject,
      authorityKeyId: null,
      pathLength: null,
    }));
    let checked = 0;
    const counting = { verify: () => (checked++, true) } as unknown as typeof crypto;
    const end = { ...certificate("gw-p384"), authorityKeyId: null };
    const result = validateChain(end, { authorities: [], intermediates: ring, crypto: counting, now: NOW });
    assert.equal(result.valid, false);
    assert.ok(checked <= 32, `${checked} signatures`);
  });
});

describe("Revocation", () => {
  const crl = (name: string) => parseCrl(parsePem(pem(name))[0]!.der);
  const status = (name: string, crls: string[], revocation: "relaxed" | "ifuri" | "strict") => {
    const result = validate([name], ["ca-p256"], { crls: crls.map(crl), revocation });
    return result.valid ? "it holds" : result.reason;
  };

  it("refuses a revoked certificate, with its serial number and the date", () => {
    const { serial } = certificate("revoked");
    assert.match(
      status("revoked", ["crl"], "relaxed"),
      new RegExp(`serial ${serial}\\) was revoked on 2024-06-01`),
    );
  });

  it("refuses it too when another list, older or newer, does not name it", () => {
    assert.match(status("revoked", ["crl-empty", "crl"], "relaxed"), /was revoked/);
    assert.match(status("revoked", ["crl-old"], "relaxed"), /was revoked/);
  });

  it("accepts others by a valid list, even where one is needed", () => {
    assert.equal(status("gw-p256", ["crl"], "strict"), "it holds");
  });

  it("accepts an unknown status or not, as the policy says", () => {
    assert.equal(status("gw-p256", [], "relaxed"), "it holds");
    assert.match(status("gw-p256", [], "strict"), /unknown status: no CRL/);
    assert.match(
      status("gw-p256", ["crl-old"], "strict"),
      /unknown status: the CRL of its issuer is out of date/,
    );
    assert.equal(status("gw-p256", [], "ifuri"), "it holds");
    assert.match(
      status("revoked", [], "ifuri"),
      /unknown status/,
      "it names a place where its list is to be had",
    );
  });

  it("does not believe a list that somebody else signed, or that only covers a part", () => {
    const forged = { ...crl("crl-empty"), signature: new Uint8Array(70) };
    const partial = { ...crl("crl-empty"), unknownCriticalExtensions: ["2.5.29.28"] };
    for (const list of [forged, partial]) {
      const result = validate(["gw-p256"], ["ca-p256"], { crls: [list], revocation: "strict" });
      assert.equal(result.valid, false);
    }
  });
});

describe("certifies", () => {
  const gw = certificate("gw-p256");

  it("accepts every name of a certificate", () => {
    for (const name of ["gw.example.org", "GW.example.org", "192.0.2.1", "2001:db8::1", "gw@example.org"]) {
      assert.ok(certifies(gw, parseIdentity(name)), name);
    }
    assert.ok(certifies(gw, parseIdentity("C=XX, O=iketcp test, CN=gw-p256")));
    assert.ok(certifies(gw, { type: 11, data: gw.subjectKeyId! }));
  });

  it("does not take a certificate without a subject for everybody without a name", () => {
    const nameless = { ...gw, subject: Uint8Array.of(0x30, 0) };
    assert.ok(!certifies(nameless, { type: ID_TYPE.dn, data: Uint8Array.of(0x30, 0) }));
    assert.ok(certifies(nameless, parseIdentity("gw.example.org")));
  });

  it("accepts no other name, not even by wildcards of the peer's own identity", () => {
    for (
      const name of [
        "gw-p256",
        "example.org",
        "*.example.org",
        "192.0.2.2",
        "%any",
        "CN=gw-p256",
        "fqdn:192.0.2.1",
      ]
    ) {
      assert.ok(!certifies(gw, parseIdentity(name)), name);
    }
    assert.match(
      reasonAgainstIdentity(gw, parseIdentity("other.example.org"))!,
      /is not for other\.example\.org; it is for gw\.example\.org, 192\.0\.2\.1/,
    );
  });
});

/** Where everything is to be proven there has to be one. */
function hasOpenssl(): boolean {
  return process.env["CI"] !== undefined || spawnSync("openssl", ["version"]).status === 0;
}
