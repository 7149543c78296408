/**
 * One test for each class of fault that parsers of IKE payloads have had in the field, by what the octets look like. The
 * whole is a typed error with a place and the notify to answer with (R-ERR-7), never a crash, a hang or a heap of objects.
 */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { concat, fromHex } from "../../../lib/bytes/mod.ts";
import { IkeError } from "../../../lib/errors.ts";
import {
  emitIkeMessage,
  emitPayloads,
  IKE_CODEC_LIMITS,
  type IkeCodecLimitName,
  ikeCodecLimits,
  type IkeMessage,
  parseIkeMessage,
  parsePayloads,
  type Payload,
} from "../../../lib/ike/codec/mod.ts";

/** A payload by itself: generic header and body. */
function payload(body: string): Uint8Array {
  const octets = fromHex(body.replaceAll(" ", ""));
  const length = octets.length + 4;
  return concat([new Uint8Array([0, 0, length >>> 8, length]), octets]);
}

/** What comes of one payload of a type with this body, in hexadecimal with spaces. */
function parse(type: number, body: string): Payload {
  return parsePayloads(type, payload(body))[0]!;
}

/** The fault of a payload: its sentence. Checks that it names the payload and is answered with INVALID_SYNTAX. */
function fault(type: number, body: string, name: string): string {
  return faultOf(() => parse(type, body), { payload: name, notify: 7 });
}

function faultOf(
  run: () => unknown,
  expected: { code?: string; payload?: string | undefined; notify: number | undefined },
): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof IkeError, String(error));
    assert.equal(error.code, expected.code ?? "ERR_IKE_PAYLOAD");
    assert.equal(error.payload, expected.payload);
    assert.equal(error.notify, expected.notify);
    assert.equal(typeof error.offset, "number");
    return error.message;
  }
  return assert.fail("it was read");
}

describe("A payload chain", () => {
  const header = "0101010101010101 0000000000000000 TT202208 00000000 LLLLLLLL".replaceAll(" ", "");
  const message = (first: string, rest: string) => {
    const length = (28 + rest.length / 2).toString(16).padStart(8, "0");
    return fromHex(header.replace("TT", first).replace("LLLLLLLL", length) + rest);
  };

  it("with a payload of length 0 does not stand still", () => {
    const octets = message("2b", "2b000000" + "2b000000");
    const why = faultOf(() => parseIkeMessage(octets), { payload: "V", notify: 7 });
    assert.match(why, /expected V at offset 28 to have 4 to 8 octets, got 0/);
  });

  it("with lengths of 1 to 3 does not step back into its own header", () => {
    for (const length of ["01", "02", "03"]) {
      faultOf(() => parseIkeMessage(message("2b", `2b0000${length}`)), { payload: "V", notify: 7 });
    }
  });

  it("with a length beyond the message is refused", () => {
    const why = faultOf(() => parseIkeMessage(message("28", "0000ffff" + "00".repeat(20))), {
      payload: "Nonce",
      notify: 7,
    });
    assert.match(why, /to have 4 to 24 octets, got 65535/);
  });

  it("that names one more payload than there is, is refused", () => {
    const why = faultOf(() => parseIkeMessage(message("2b", "2c000004")), { payload: "TSi", notify: 7 });
    assert.match(why, /expected TSi at offset 32, got 0 octets/);
  });

  it("that ends before the message does, is refused", () => {
    faultOf(() => parseIkeMessage(message("2b", "00000004" + "00")), { payload: undefined, notify: 7 });
  });

  it("is refused in a message whose length field says less or more than there is", () => {
    const octets = message("2b", "00000004");
    for (const length of [31, 33, 0, 0xffffffff]) {
      const changed = octets.slice();
      new DataView(changed.buffer).setUint32(24, length);
      // Less octets than the chain, or a length that is a lie, is seen before any payload is made.
      const expected = length < 32 ? {} : { code: "ERR_IKE_HEADER" };
      assert.throws(() => parseIkeMessage(changed), IkeError);
      if (length > 32) {
        faultOf(() => parseIkeMessage(changed), { ...expected, payload: undefined, notify: 7 });
      }
    }
  });

  it("is bounded in length: 128 payloads, and no more", () => {
    const chain = (count: number) => "2b000004".repeat(count - 1) + "00000004";
    assert.equal(parseIkeMessage(message("2b", chain(128))).payloads.length, 128);
    faultOf(() => parseIkeMessage(message("2b", chain(129))), {
      code: "ERR_IKE_LIMIT",
      payload: "V",
      notify: 7,
    });
  });

  it("does not go on behind SK", () => {
    const octets = message("2e", "2e000008" + "01020304" + "00000004");
    faultOf(() => parseIkeMessage(octets), { payload: undefined, notify: 7 });
  });

  it("inside SK holds no further SK or SKF, so nothing recurses however deep", () => {
    let inside: Uint8Array = new Uint8Array(0);
    for (let depth = 0; depth < 1000; depth++) {
      const length = inside.length + 4;
      inside = concat([new Uint8Array([46, 0, length >>> 8, length]), inside]);
    }
    const why = faultOf(() => parsePayloads(46, inside), { payload: "SK", notify: 7 });
    assert.match(why, /expected no encrypted payload inside another, got SK at offset 0/);
    faultOf(() => parsePayloads(43, concat([fromHex("35000004"), payload("00010001")])), {
      payload: "SKF",
      notify: 7,
    });
  });

  it("with an unknown payload is read, and with a critical one refused by its type (RFC 7296, section 2.5)", () => {
    const kept = parseIkeMessage(message("c8", "2b000006aabb" + "00000004"));
    assert.deepEqual(kept.payloads.map(({ kind }) => kind), ["unknown", "V"]);
    const octets = message("c8", "2b800006aabb" + "00000004");
    assert.throws(() => parseIkeMessage(octets), (error) => {
      assert.ok(error instanceof IkeError && error.code === "ERR_IKE_CRITICAL_PAYLOAD");
      assert.deepEqual([error.payload, error.offset, error.notify], ["payload 200", 28, 1]);
      assert.deepEqual([...error.notifyData], [200]);
      return true;
    });
    const looking = parseIkeMessage(octets, { keepCritical: true });
    assert.deepEqual(looking.payloads[0], {
      kind: "unknown",
      type: 200,
      critical: true,
      data: new Uint8Array([0xaa, 0xbb]),
    });
  });

  it("takes the critical bit of payloads that are known for nothing (RFC 7296, section 3.2)", () => {
    const octets = message("2b", "00800004");
    const parsed = parseIkeMessage(octets);
    assert.deepEqual(parsed.payloads, [{ kind: "V", data: new Uint8Array(0), critical: true }]);
    assert.deepEqual(emitIkeMessage(parsed), octets);
  });

  it("of another major version is refused: a higher one is answered with ours (RFC 7296, section 2.5)", () => {
    for (
      const [version, notify, data] of [[0x10, undefined, []], [0x30, 5, [0x20]], [
        0x00,
        undefined,
        [],
      ]] as const
    ) {
      const octets = message("2b", "00000004");
      octets[17] = version;
      assert.throws(() => parseIkeMessage(octets), (error) => {
        assert.ok(error instanceof IkeError && error.code === "ERR_IKE_VERSION");
        assert.deepEqual([error.notify, [...error.notifyData]], [notify, data]);
        return true;
      });
    }
    const minor = message("2b", "00000004");
    minor[17] = 0x2f;
    assert.equal(parseIkeMessage(minor).payloads.length, 1, "a minor version is nothing to refuse");
  });

  it("shorter than a header is refused, and nobody is answered", () => {
    for (let size = 0; size < 28; size++) {
      faultOf(() => parseIkeMessage(new Uint8Array(size)), {
        code: "ERR_IKE_HEADER",
        payload: undefined,
        notify: undefined,
      });
    }
  });
});

describe("An SA payload", () => {
  const transform = (last: string, id = "0014", attributes = "800e0100") =>
    `${last}00${(8 + attributes.length / 2).toString(16).padStart(4, "0")}0100${id}${attributes}`;
  const proposal = (
    last: string,
    transforms: string[],
    { count = transforms.length, length = 0, spiSize = 0 } = {},
  ) => {
    const body = transforms.join("");
    const size = length || 8 + spiSize + body.length / 2;
    const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");
    return `${last}00${hex(size, 4)}0101${hex(spiSize, 2)}${hex(count, 2)}${"ee".repeat(spiSize)}${body}`;
  };

  it("without a proposal is refused", () =>
    assert.match(fault(33, "", "SA"), /expected a proposal, got none/));

  it("with proposals that reach beyond it, into each other or nowhere is refused", () => {
    for (const length of [1, 7, 19, 21, 100, 65535]) {
      fault(33, proposal("00", [transform("00")], { length }), "SA");
    }
  });

  it("with proposal length 0 does not stand still", () => {
    const why = fault(33, "00000000" + "01010001" + transform("00"), "SA");
    assert.match(why, /expected a proposal of 8 to 20 octets, got 0/);
  });

  it("with a transform of length 0, or one that overlaps the next proposal, is refused", () => {
    for (const length of ["0000", "0007", "000d", "0024", "ffff"]) {
      const body = proposal("02", [`0000${length}0100001480 0e0100`.replaceAll(" ", "")]) +
        proposal("00", [transform("00")]);
      fault(33, body, "SA");
    }
  });

  it("whose count of transforms is not what its length holds is refused", () => {
    for (const count of [0, 1, 3, 255]) {
      fault(33, proposal("00", [transform("03"), transform("00")], { count }), "SA");
    }
    const none = parse(33, proposal("00", []));
    assert.deepEqual(none, {
      kind: "SA",
      proposals: [{ number: 1, protocol: 1, spi: new Uint8Array(0), transforms: [] }],
    });
  });

  it("whose SPI is longer than the proposal is refused", () => {
    fault(33, "0000000801010400", "SA");
    fault(33, "000000080101ff00", "SA");
  });

  it("whose last substructures are not the last, or not marked so, is refused", () => {
    fault(33, proposal("02", [transform("00")]), "SA");
    fault(33, proposal("00", [transform("00")]) + proposal("00", [transform("00")]), "SA");
    fault(33, proposal("00", [transform("03")]), "SA");
    fault(33, proposal("00", [transform("00"), transform("00")]), "SA");
    fault(33, proposal("01", [transform("00")]), "SA");
    fault(33, proposal("00", [transform("02"), transform("00")]), "SA");
  });

  it("with an attribute longer than its transform is refused", () => {
    fault(33, proposal("00", [transform("00", "0014", "000effff")]), "SA");
    fault(33, proposal("00", [transform("00", "0014", "80")]), "SA");
    fault(33, proposal("00", [transform("00", "0014", "0063000501020304")]), "SA");
  });

  it("keeps attributes that it does not know, a second Key Length and one in the long form", () => {
    const read = (attributes: string) => {
      const sa = parse(33, proposal("00", [transform("00", "0014", attributes)]));
      assert.ok(sa.kind === "SA");
      assert.deepEqual(
        emitPayloads([sa]).subarray(4),
        fromHex(proposal("00", [transform("00", "0014", attributes)])),
      );
      return sa.proposals[0]!.transforms[0]!;
    };
    assert.deepEqual(read("800e0100"), { type: 1, id: 20, keyLength: 256 });
    assert.deepEqual(read("800e010080630001"), {
      type: 1,
      id: 20,
      keyLength: 256,
      attributes: [{ type: 99, value: 1 }],
    });
    assert.deepEqual(read("800e0100800e0080").attributes, [{ type: 14, value: 128 }]);
    assert.deepEqual(read("000e00020100").attributes, [{ type: 14, value: new Uint8Array([1, 0]) }]);
  });

  it("is bounded: 64 proposals and 256 transforms in all, however they are spread", () => {
    const bodies = (proposals: number, transforms: number) =>
      Array.from({ length: proposals }, (_, i) =>
        proposal(
          i === proposals - 1 ? "00" : "02",
          Array.from({ length: transforms }, (_, j) => transform(j === transforms - 1 ? "00" : "03")),
        )).join("");
    assert.equal(parse(33, bodies(64, 4)).kind, "SA");
    for (const [proposals, transforms] of [[65, 1], [64, 5], [2, 129]] as const) {
      const why = faultOf(() => parse(33, bodies(proposals, transforms)), {
        code: "ERR_IKE_LIMIT",
        payload: "SA",
        notify: 7,
      });
      assert.match(why, proposals > 64 ? /at most 64 proposals, got 65/ : /at most 256 transforms/);
    }
  });
});

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

describe("The limits", () => {
  const message = (payloads: readonly Payload[]): IkeMessage => ({
    spiI: new Uint8Array(8).fill(1),
    spiR: new Uint8Array(8),
    exchangeType: 34,
    initiator: true,
    response: false,
    messageId: 0,
    payloads,
  });

  it("can all be set, and only to what they may be", () => {
    for (const name of Object.keys(IKE_CODEC_LIMITS) as IkeCodecLimitName[]) {
      const { most } = IKE_CODEC_LIMITS[name];
      assert.equal(ikeCodecLimits({ [name]: most })[name], most);
      assert.equal(ikeCodecLimits({ [name]: 1 })[name], 1);
      for (const value of [0, -1, 1.5, most + 1, NaN, Infinity]) {
        assert.throws(() => ikeCodecLimits({ [name]: value }), {
          name: "RangeError",
          code: "ERR_OPTION_RANGE",
        });
      }
    }
    assert.throws(() => ikeCodecLimits({ toString: 1 } as never), /expected one of message_size, payloads/);
  });

  it("bound the octets of a message", () => {
    const octets = emitIkeMessage(message([{ kind: "V", data: new Uint8Array(68) }]));
    assert.equal(octets.length, 100);
    assert.equal(
      parseIkeMessage(octets, { limits: ikeCodecLimits({ message_size: 100 }) }).payloads.length,
      1,
    );
    assert.throws(() => parseIkeMessage(octets, { limits: ikeCodecLimits({ message_size: 99 }) }), {
      code: "ERR_IKE_LIMIT",
      message: /expected at most 99 octets, got 100/,
    });
    assert.throws(() => parsePayloads(43, new Uint8Array(65_537)), { code: "ERR_IKE_LIMIT" });
  });

  it("hold inside SK as outside", () => {
    const inside = emitPayloads(Array<Payload>(20).fill({ kind: "V", data: new Uint8Array(0) }));
    assert.equal(parsePayloads(43, inside, { limits: ikeCodecLimits({ payloads: 20 }) }).length, 20);
    assert.throws(() => parsePayloads(43, inside, { limits: ikeCodecLimits({ payloads: 19 }) }), {
      code: "ERR_IKE_LIMIT",
    });
  });
});

describe("Writing", () => {
  const header = {
    spiI: new Uint8Array(8).fill(1),
    spiR: new Uint8Array(8),
    exchangeType: 34,
    initiator: true,
    response: false,
    messageId: 0,
  };

  it("is a RangeError where a payload does not fit its length field", () => {
    const fits = emitPayloads([{ kind: "V", data: new Uint8Array(65_531) }]);
    assert.equal(fits.length, 65_535);
    assert.throws(() => emitPayloads([{ kind: "V", data: new Uint8Array(65_532) }]), {
      name: "RangeError",
      code: "ERR_IKE_SIZE",
      message: "Cannot write V payload: expected at most 65535 octets, got 65536",
    });
  });

  it("is a RangeError for an SPI that is none, and for payloads behind SK", () => {
    assert.throws(() => emitIkeMessage({ ...header, spiR: new Uint8Array(4), payloads: [] }), {
      code: "ERR_IKE_SIZE",
      message: "Cannot write IKE message: expected 8 octets of responder's SPI, got 4",
    });
    const sk: Payload = { kind: "SK", nextPayload: 0, body: new Uint8Array(20), offset: 32 };
    assert.throws(() => emitIkeMessage({ ...header, payloads: [sk, sk] }), { code: "ERR_IKE_SIZE" });
  });
});
