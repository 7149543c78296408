import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  formatDistinguishedName,
  formatIdentity,
  hasWildcards,
  ID_TYPE,
  type Identity,
  identityBody,
  matchIdentity,
  parseIdentity,
  sameIdentity,
} from "../../../lib/ike/auth/mod.ts";
import { fromHex, toHex } from "../../../lib/bytes/mod.ts";

const text = (value: string) => toHex(new TextEncoder().encode(value));

/** What strongSwan's `identification_create_from_string` makes of these. */
const PARSED: readonly (readonly [input: string, type: number, data: string])[] = [
  ["moon.strongswan.org", ID_TYPE.fqdn, text("moon.strongswan.org")],
  ["@moon.strongswan.org", ID_TYPE.fqdn, text("moon.strongswan.org")],
  ["carol@strongswan.org", ID_TYPE.rfc822, text("carol@strongswan.org")],
  ["@@carol", ID_TYPE.rfc822, text("carol")],
  ["@#0badcafe", ID_TYPE.keyId, "0badcafe"],
  ["192.0.2.1", ID_TYPE.ipv4, "c0000201"],
  ["2001:db8::1", ID_TYPE.ipv6, "20010db8000000000000000000000001"],
  ["192.0.2.0/24", ID_TYPE.range, "c0000200c00002ff"],
  ["192.0.2.1-192.0.2.9", ID_TYPE.range, "c0000201c0000209"],
  ["192.0.2.x", ID_TYPE.fqdn, text("192.0.2.x")],
  ["gw-1", ID_TYPE.fqdn, text("gw-1")],
  ["no:address", ID_TYPE.keyId, text("no:address")],
  [
    "C=CH, O=strongSwan",
    ID_TYPE.dn,
    "3022310b300906035504061302434831133011060355040a130a7374726f6e675377616e",
  ],
  [
    "/C=CH/O=strongSwan",
    ID_TYPE.dn,
    "3022310b300906035504061302434831133011060355040a130a7374726f6e675377616e",
  ],
  ["a=b=c", ID_TYPE.keyId, text("a=b=c")],
  ["%any", ID_TYPE.any, ""],
  ["*", ID_TYPE.any, ""],
  ["0.0.0.0", ID_TYPE.any, ""],
  ["keyid:gateway", ID_TYPE.keyId, text("gateway")],
  ["keyid:#01ff", ID_TYPE.keyId, "01ff"],
  ["fqdn:192.0.2.1", ID_TYPE.fqdn, text("192.0.2.1")],
  ["email:carol", ID_TYPE.rfc822, text("carol")],
  ["ipv4:192.0.2.1", ID_TYPE.ipv4, "c0000201"],
  ["{7}:#abcd", 7, "abcd"],
  ["xmpp:something", ID_TYPE.keyId, text("xmpp:something")],
];

describe("Identities", () => {
  for (const [input, type, data] of PARSED) {
    it(`read ${input} as strongSwan does`, () => {
      const identity = parseIdentity(input);
      assert.deepEqual([identity.type, toHex(identity.data)], [type, data]);
    });
  }

  it("refuse what cannot be meant", () => {
    for (const wrong of ["@#0badcaf", "ipv4:gw", "{0}:#00", "{256}:#00", "asn1dn:gw"]) {
      assert.throws(() => parseIdentity(wrong), { code: "ERR_CONFIG_IDENTITY" }, wrong);
    }
  });

  it("read back what is written, whatever the octets", () => {
    const types = fc.constantFrom(1, 2, 3, 5, 9, 10, 11, 12, 77);
    fc.assert(
      fc.property(types, fc.uint8Array({ minLength: 1, maxLength: 20 }), (type, data) => {
        const identity: Identity = { type, data };
        assert.ok(sameIdentity(parseIdentity(formatIdentity(identity)), identity), formatIdentity(identity));
      }),
      { numRuns: 200 },
    );
    for (const [input] of PARSED) {
      const identity = parseIdentity(input);
      assert.ok(sameIdentity(parseIdentity(formatIdentity(identity)), identity), input);
    }
  });

  it("are written so that a terminal cannot be played with", () => {
    const evil = new TextEncoder().encode("gw\x1b[2Jx");
    assert.equal(formatIdentity({ type: ID_TYPE.fqdn, data: evil }), `fqdn:#${toHex(evil)}`);
    // Control characters of one octet and of two, and those that turn the direction of what follows.
    for (const text of ["\x1b[2J", "\n", "\x9b2J", "\u202e", "\u2067"]) {
      const value = new TextEncoder().encode(`a${text}`);
      const attribute = Uint8Array.of(6, 3, 0x55, 4, 3, 12, value.length, ...value);
      const size = attribute.length;
      const data = Uint8Array.of(0x30, size + 4, 0x31, size + 2, 0x30, size, ...attribute);
      assert.equal(formatIdentity({ type: ID_TYPE.dn, data }), `asn1dn:#${toHex(data)}`);
      assert.equal(formatDistinguishedName(data), `CN=a?${text.slice(1)}`);
    }
  });

  it("give the body that AUTH covers, reserved octets zero", () => {
    assert.equal(toHex(identityBody(parseIdentity("gw"))), "020000006777");
  });
});

describe("matchIdentity", () => {
  const MATCHES: readonly (readonly [pattern: string, identity: string, fits: boolean])[] = [
    ["%any", "gw.example", true],
    ["gw.example", "GW.Example", true],
    ["gw.example", "gw.example.org", false],
    ["*.example", "gw.example", true],
    ["*.example", "a.gw.example", true],
    ["*.example", "example", false],
    ["*@example", "carol@example", true],
    ["*@example", "carol@example.org", false],
    ["gw.*", "gw.example", false],
    ["*.example", "fqdn:*.example", true],
    ["192.0.2.0/24", "192.0.2.200", true],
    ["192.0.2.0/24", "192.0.3.1", false],
    ["192.0.2.0/24", "192.0.2.x", false],
    ["2001:db8::/32", "2001:db8:1::1", true],
    ["C=CH, O=*, CN=gw", "c=ch, o=Example, cn=GW", true],
    ["C=CH, CN=gw", "C=CH, O=Example, CN=gw", false],
    ["C=CH, O=*", "O=Example, C=CH", false],
    ["C=CH, CN=*", "C=CH, OU=gw", false],
    ["gw.example", "keyid:gw.example", false],
    ["gw@example", "fqdn:gw@example", false],
  ];
  for (const [pattern, identity, fits] of MATCHES) {
    it(`${fits ? "fits" : "does not fit"} ${identity} to ${pattern}`, () => {
      assert.equal(matchIdentity(parseIdentity(pattern), parseIdentity(identity)) !== null, fits);
    });
  }

  it("ranks the same identity over wildcards, fewer wildcards over more, anything over %any", () => {
    const identity = parseIdentity("C=CH, O=Example, CN=gw");
    const ranks = ["C=CH, O=Example, CN=gw", "C=CH, O=Example, CN=*", "C=*, O=*, CN=*", "%any"]
      .map((pattern) => matchIdentity(parseIdentity(pattern), identity)!);
    assert.deepEqual(ranks, [...ranks].sort((a, b) => b - a));
    assert.equal(new Set(ranks).size, 4);
  });

  it("compares names whatever their string types, and never by octets that are no name", () => {
    const printable = fromHex("30123110300e060355040313074578616d706c65");
    const utf8 = fromHex("30123110300e06035504030c074578616d706c65");
    assert.ok(sameIdentity({ type: ID_TYPE.dn, data: printable }, { type: ID_TYPE.dn, data: utf8 }));
    const broken = { type: ID_TYPE.dn, data: Uint8Array.of(0x30, 0x80, 1, 2) };
    assert.equal(matchIdentity(parseIdentity("CN=*"), broken), null);
  });

  it("does not take two names for one because both are too long to be read", () => {
    const long = (last: string) => {
      const level = "310b300906035504031302"; // CN
      const levels = level + "6161" + (level + "6161").repeat(64) + level + last;
      const size = levels.length / 2;
      return { type: ID_TYPE.dn, data: fromHex(`3082${size.toString(16).padStart(4, "0")}${levels}`) };
    };
    assert.ok(!sameIdentity(long("6161"), long("6262")));
    assert.equal(matchIdentity(parseIdentity("CN=*"), long("6161")), null);
  });

  it("does not take a zero octet for the end of a name", () => {
    const evil = { type: ID_TYPE.fqdn, data: new TextEncoder().encode("gw.example\0.evil") };
    assert.equal(matchIdentity(parseIdentity("gw.example"), evil), null);
  });

  it("knows a pattern from an identity", () => {
    for (const pattern of ["%any", "*.example", "192.0.2.0/24", "C=CH, CN=*"]) {
      assert.ok(hasWildcards(parseIdentity(pattern)), pattern);
    }
    for (const identity of ["gw.example", "192.0.2.1", "C=CH, CN=gw*"]) {
      assert.ok(!hasWildcards(parseIdentity(identity)), identity);
    }
  });
});
