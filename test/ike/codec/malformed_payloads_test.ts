/** Faults of every payload but SA; see `malformed_chain_test.ts`. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { concat, fromHex } from "../../../lib/bytes/mod.ts";
import { emitIkeMessage, emitPayloads, parseIkeMessage } from "../../../lib/ike/codec/mod.ts";
import { fault, faultOf, parse, payload } from "../../_support/ike_faults.ts";

describe("A KE payload", () => {
  it("needs a group and a public value", () => {
    for (const body of ["", "00", "0013", "001300", "00130000"]) fault(34, body, "KE");
    assert.deepEqual(parse(34, "00130000ab"), { kind: "KE", group: 19, data: new Uint8Array([0xab]) });
  });
});

describe("An ID payload", () => {
  it("needs its type and the reserved octets, and keeps all of them for AUTH", () => {
    for (const body of ["", "05", "05000000".slice(0, 6)]) {
      fault(35, body, "IDi");
      fault(36, body, "IDr");
    }
    // The reserved octets are covered by AUTH, whatever they are.
    const id = parse(35, "02aabbcc67");
    assert.deepEqual(id, {
      kind: "IDi",
      type: 2,
      data: new Uint8Array([0x67]),
      body: fromHex("02aabbcc67"),
    });
    assert.deepEqual(emitPayloads([id]), payload("02aabbcc67"));
  });
});

describe("CERT, CERTREQ and AUTH payloads", () => {
  it("of length 0 are refused, and without data left to those who use them", () => {
    fault(37, "", "CERT");
    fault(38, "", "CERTREQ");
    for (const body of ["", "02", "0200", "020000"]) fault(39, body, "AUTH");
    assert.deepEqual(parse(39, "0e000000"), { kind: "AUTH", method: 14, data: new Uint8Array(0) });
  });
});

describe("A Nonce payload", () => {
  it("has 16 to 256 octets (RFC 7296, section 3.9)", () => {
    for (const size of [16, 17, 256]) assert.equal(parse(40, "5a".repeat(size)).kind, "Nonce");
    for (const size of [0, 1, 15, 257, 1000]) {
      assert.match(
        fault(40, "5a".repeat(size), "Nonce"),
        new RegExp(`16 to 256 octets of Nonce Data, got ${size}$`),
      );
    }
  });
});

describe("An N payload", () => {
  it("needs its header, and an SPI as long as it says", () => {
    for (const body of ["", "00", "0000", "000040"]) fault(41, body, "N");
    fault(41, "03044000", "N");
    fault(41, "03044000aabbcc", "N");
    fault(41, "03ff4000aabbcc", "N");
    assert.deepEqual(parse(41, "03044009aabbccdd"), {
      kind: "N",
      protocol: 3,
      type: 16393,
      spi: fromHex("aabbccdd"),
      data: new Uint8Array(0),
    });
  });

  it("has data of the size that its type asks for, so that nobody reads what is not there", () => {
    for (
      const [type, right, wrong] of [
        [1, [1], [0, 2]], // UNSUPPORTED_CRITICAL_PAYLOAD
        [9, [4], [0, 3, 5]], // INVALID_MESSAGE_ID
        [17, [2], [0, 1, 3]], // INVALID_KE_PAYLOAD
        [16385, [4], [0, 3, 5]], // SET_WINDOW_SIZE
        [16387, [3], [0, 2, 4]], // IPCOMP_SUPPORTED
        [16388, [20], [0, 19, 21]], // NAT_DETECTION_SOURCE_IP
        [16389, [20], [0, 19, 21]],
        [16390, [1, 64], [0, 65]], // COOKIE
        [16397, [4], [0, 3, 16]], // ADDITIONAL_IP4_ADDRESS
        [16398, [16], [0, 4, 17]], // ADDITIONAL_IP6_ADDRESS
        [16401, [8, 64], [0, 7, 65]], // COOKIE2
        [16403, [4], [0, 3, 5]], // AUTH_LIFETIME
        [16431, [2, 8], [0, 1, 3]], // SIGNATURE_HASH_ALGORITHMS
        [7, [0, 1, 100], []], // INVALID_SYNTAX has none, and what comes is nobody's business
        [40_000, [0, 1, 100], []],
      ] as const
    ) {
      const body = (size: number) => `0000${type.toString(16).padStart(4, "0")}${"07".repeat(size)}`;
      for (const size of right) assert.equal(parse(41, body(size)).kind, "N", `${type}, ${size} octets`);
      for (const size of wrong) fault(41, body(size), "N");
    }
  });

  it("does not take names of Object.prototype for types", () => {
    assert.equal(parse(41, "0000ffff").kind, "N");
  });
});

describe("A D payload", () => {
  it("holds exactly the SPIs that it counts", () => {
    for (const body of ["", "03", "0304", "030400"]) fault(42, body, "D");
    fault(42, "03040001", "D");
    fault(42, "03040002aabbccdd", "D");
    fault(42, "03040001aabbccddee", "D");
    fault(42, "0304ffffaabbccdd", "D");
    fault(42, "03040000aa", "D");
    assert.deepEqual(parse(42, "03040002aabbccdd11223344"), {
      kind: "D",
      protocol: 3,
      spis: [fromHex("aabbccdd"), fromHex("11223344")],
    });
  });

  it("with 65535 SPIs of no octets is refused before anything is made of them", () => {
    assert.match(fault(42, "0300ffff", "D"), /expected SPIs of at least one octet, got 0/);
  });

  it("is bounded: 256 SPIs, and no more", () => {
    const body = (count: number) => `0304${count.toString(16).padStart(4, "0")}${"00000001".repeat(count)}`;
    assert.equal(parse(42, body(256)).kind, "D");
    faultOf(() => parse(42, body(257)), { code: "ERR_IKE_LIMIT", payload: "D", notify: 7 });
  });
});

describe("A TS payload", () => {
  const ipv4 = "07000010" + "0000ffff" + "0a000000" + "0affffff";
  const ipv6 = "08000028" + "0000ffff" + "00".repeat(32);

  it("holds exactly the selectors that it counts", () => {
    for (
      const body of ["", "01", "01000000", `02000000${ipv4}`, `00000000${ipv4}`, `01000000${ipv4}${ipv4}`]
    ) {
      fault(44, body, "TSi");
      fault(45, body, "TSr");
    }
    const ts = parse(44, `02000000${ipv6}${ipv4}`);
    assert.ok(ts.kind === "TSi");
    assert.deepEqual(ts.selectors.map(({ startAddress }) => startAddress.length), [16, 4]);
    assert.deepEqual(parse(45, "00000000"), { kind: "TSr", selectors: [] });
  });

  it("with a selector whose length is not that of its type is refused", () => {
    for (const length of ["0000", "0004", "000f", "0011", "0028", "ffff"]) {
      fault(44, `01000000${ipv4.replace("0010", length)}`, "TSi");
    }
    // An IPv6 selector of IPv4's length would read addresses out of its neighbour.
    fault(44, `02000000${ipv6.replace("0028", "0010")}${ipv4}`, "TSi");
  });

  it("keeps selectors of other types in their places, and refuses them where their length is none", () => {
    const label = "0a000008" + "6c61626c";
    const body = `03000000${label}${ipv4}${label}`;
    const ts = parse(44, body);
    assert.ok(ts.kind === "TSi");
    assert.equal(ts.selectors.length, 1);
    assert.deepEqual(ts.others?.map(({ position, type }) => [position, type]), [[0, 10], [2, 10]]);
    assert.deepEqual(emitPayloads([ts]), payload(body));
    for (const length of ["0000", "0003", "0009", "ffff"]) {
      fault(44, `01000000${label.replace("0008", length)}`, "TSi");
    }
  });

  it("is bounded: 64 selectors, and no more", () => {
    const body = (count: number) => `${count.toString(16).padStart(2, "0")}000000${ipv4.repeat(count)}`;
    assert.equal(parse(44, body(64)).kind, "TSi");
    faultOf(() => parse(44, body(65)), { code: "ERR_IKE_LIMIT", payload: "TSi", notify: 7 });
  });
});

describe("A CP payload", () => {
  it("holds whole attributes", () => {
    for (
      const body of [
        "",
        "01",
        "010000",
        "0100000000",
        "01000000 0001",
        "01000000 000100",
        "01000000 00010004 0a00",
      ]
    ) {
      fault(47, body, "CP");
    }
    assert.deepEqual(parse(47, "01000000 00010000 80030004 0a000001"), {
      kind: "CP",
      type: 1,
      attributes: [
        { type: 1, value: new Uint8Array(0) },
        { type: 3, value: fromHex("0a000001") }, // the reserved bit is ignored
      ],
    });
  });

  it("has values of the size that their attribute asks for, so that nobody reads what is not there", () => {
    for (
      const [type, right, wrong] of [
        [1, [0, 4], [1, 3, 5]],
        [8, [0, 16, 17], [4, 18]],
        [13, [0, 8], [4, 9]],
        [25, [0, 9], []],
      ] as const
    ) {
      const body = (size: number) =>
        `01000000${type.toString(16).padStart(4, "0")}${size.toString(16).padStart(4, "0")}${
          "01".repeat(size)
        }`;
      for (const size of right) assert.equal(parse(47, body(size)).kind, "CP");
      for (const size of wrong) fault(47, body(size), "CP");
    }
  });

  it("is bounded: 1024 attributes, and no more", () => {
    const body = (count: number) => "01000000" + "00010000".repeat(count);
    assert.equal(parse(47, body(1024)).kind, "CP");
    faultOf(() => parse(47, body(1025)), { code: "ERR_IKE_LIMIT", payload: "CP", notify: 7 });
  });
});

describe("An EAP payload", () => {
  it("holds exactly one EAP packet (RFC 7296, section 3.16)", () => {
    for (const body of ["", "01", "010203", "01020005", "01020003", "0102000401", "0102ffff"]) {
      fault(48, body, "EAP");
    }
    assert.deepEqual(parse(48, "03020004"), { kind: "EAP", data: fromHex("03020004") });
  });
});

describe("An SKF payload", () => {
  const skf = (fragment: string) => {
    const octets = emitIkeMessage({
      spiI: new Uint8Array(8).fill(1),
      spiR: new Uint8Array(8).fill(2),
      exchangeType: 35,
      initiator: true,
      response: false,
      messageId: 1,
      payloads: [{ kind: "SKF", nextPayload: 35, number: 1, total: 1, body: new Uint8Array(20), offset: 36 }],
    });
    octets.set(fromHex(fragment), 32);
    return octets;
  };

  it("with number 0, total 0 or a number above its total is refused and not answered (RFC 7383, section 2.6)", () => {
    for (const fragment of ["00000001", "00010000", "00000000", "00030002", "ffff0001"]) {
      const why = faultOf(() => parseIkeMessage(skf(fragment)), { payload: "SKF", notify: undefined });
      assert.match(why, /expected a Fragment Number from 1 to Total Fragments, got \d+ of \d+$/);
    }
    const [payload] = parseIkeMessage(skf("00020003")).payloads;
    assert.ok(payload?.kind === "SKF");
    assert.deepEqual([payload.number, payload.total, payload.offset, payload.nextPayload], [2, 3, 36, 35]);
  });

  it("too short for its numbers is refused", () => {
    for (const body of ["", "0001", "000100"]) fault2(body);
    function fault2(body: string): void {
      const length = 4 + body.length / 2;
      const octets = concat([
        skf("00010001").subarray(0, 28),
        new Uint8Array([0, 0, 0, length]),
        fromHex(body),
      ]);
      octets[27] = octets.length;
      faultOf(() => parseIkeMessage(octets), { payload: "SKF", notify: 7 });
    }
  });
});
