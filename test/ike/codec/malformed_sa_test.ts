/** Faults of SA payloads, with their structures inside structures; see `malformed_chain_test.ts`. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { fromHex } from "../../../lib/bytes/mod.ts";
import { emitPayloads } from "../../../lib/ike/codec/mod.ts";
import { fault, faultOf, parse } from "../../_support/ike_faults.ts";

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
