import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { concat, fromHex } from "../../lib/bytes/mod.ts";
import { InspectError } from "../../lib/errors.ts";
import {
  type CaptureItem,
  CaptureReader,
  CaptureReaderStream,
  MAX_CAPTURED_LENGTH,
} from "../../lib/inspect/mod.ts";
import {
  block,
  captured,
  type FileStyle,
  interfaceBlock,
  ints,
  packetBlock,
  pcapFile,
  pcapngFile,
  readCapture,
  sectionBlock,
  timed,
} from "../_support/captures.ts";
import { cutsOf } from "../_support/cuts.ts";

const PACKETS: readonly Uint8Array[] = [
  fromHex("45"),
  new Uint8Array(0),
  new Uint8Array(1500).fill(7),
  fromHex("0102030405"),
];

/** An item with its octets in hexadecimal, or the code of its damage. */
function plain(items: readonly CaptureItem[]): unknown[] {
  return items.map((item) => "error" in item ? item.error.code : { ...item, data: [...item.data] });
}

function ticks(item: CaptureItem | undefined): number {
  assert.ok(item !== undefined && !("error" in item));
  return item.time;
}

describe("CaptureReader", () => {
  const files: readonly (readonly [name: string, make: (style: FileStyle) => Uint8Array])[] = [
    ["pcap", (style) => pcapFile(timed(PACKETS), style)],
    ["pcap with nanoseconds", (style) => pcapFile(timed(PACKETS), { ...style, nanoseconds: true })],
    ["pcap with long records", (style) => pcapFile(timed(PACKETS), { ...style, longRecords: true })],
    ["pcapng", (style) => pcapngFile(timed(PACKETS), style)],
  ];
  for (const [name, make] of files) {
    for (const littleEndian of [true, false]) {
      const order = littleEndian ? "little-endian" : "big-endian";
      it(`reads ${order} ${name}, whatever its cuts`, () => {
        const file = make({ littleEndian, linkType: 1 });
        const expected = plain(captured(PACKETS, 1));
        for (const { name, chunks } of cutsOf(file)) {
          assert.deepEqual(plain(readCapture(chunks)), expected, name);
        }
      });

      it(`gives what comes before the end of ${order} ${name} that is cut short anywhere, and says so`, () => {
        const file = make({ littleEndian });
        const whole = readCapture([file]).length;
        let last = 0;
        for (let length = 4; length < file.length; length++) {
          const items = readCapture([file.subarray(0, length)]);
          const packets = items.filter((item) => !("error" in item)).length;
          assert.ok(
            packets >= last && packets < whole || packets === whole,
            `${packets} packets of ${length} octets`,
          );
          last = packets;
          // Between two records a file may end.
          if (items.length > packets) assert.deepEqual(plain(items.slice(packets)), ["ERR_INSPECT_RECORD"]);
        }
        assert.equal(last, whole - 1);
      });
    }
  }

  it("keeps the length that a cut packet had on the wire", () => {
    const packet = { data: new Uint8Array(60), micros: 1n, length: 1514 };
    for (const file of [pcapFile([packet]), pcapngFile([packet])]) {
      const [item] = readCapture([file]);
      assert.ok(item !== undefined && !("error" in item));
      assert.equal(item.originalLength, 1514);
    }
  });

  it("reads times to the microsecond, and rounds finer ones", () => {
    const file = pcapFile([{ data: new Uint8Array(1), micros: 4_000_000_000_999_999n }]);
    assert.equal(ticks(readCapture([file])[0]), 4000000000.999999);
    const fine = pcapFile([{ data: new Uint8Array(1), micros: 1n }], { nanoseconds: true });
    new DataView(fine.buffer).setUint32(28, 1501, true);
    assert.equal(ticks(readCapture([fine])[0]), 0.000002);
  });

  it("ignores what the upper half of a pcap link type says", () => {
    const file = pcapFile(timed([PACKETS[0]!]), { linkType: 1 });
    file[23] = 0x24;
    const [item] = readCapture([file]);
    assert.ok(item !== undefined && !("error" in item));
    assert.equal(item.linkType, 1);
  });

  it("throws for a file that is no capture, and names what it may be", () => {
    const cases: readonly (readonly [octets: Uint8Array, message: RegExp])[] = [
      [new Uint8Array(0), /got an empty file$/],
      [fromHex("d4c3b2"), /got a file of 3 octets$/],
      [new TextEncoder().encode("hello world"), /got one that begins with 68 65 6c 6c$/],
      [fromHex("1f8b0800"), /unpack this gzip file first$/],
      [fromHex("28b52ffd00"), /unpack this Zstandard file first$/],
    ];
    for (const [octets, message] of cases) {
      for (const { name, chunks } of cutsOf(octets)) {
        assert.throws(() => readCapture(chunks), (error) => {
          assert.ok(error instanceof InspectError, name);
          assert.equal(error.code, "ERR_INSPECT_FORMAT");
          assert.match(error.message, message);
          return true;
        });
      }
    }
    const version = pcapFile([]);
    version[4] = 9;
    assert.throws(() => readCapture([version]), {
      code: "ERR_INSPECT_FORMAT",
      message: /pcap version 2, got 9$/,
    });
  });

  it("stops at a record longer than any packet, without waiting for it", () => {
    const file = pcapFile(timed([PACKETS[0]!]));
    const record = ints(true, [4, 1], [4, 2], [4, MAX_CAPTURED_LENGTH + 1], [4, 1]);
    const reader = new CaptureReader();
    const items: CaptureItem[] = [];
    reader.handle(concat([file, record]), (batch) => void items.push(...batch));
    assert.deepEqual(plain(items.slice(1)), ["ERR_INSPECT_RECORD"]);
    assert.ok(reader.stopped);
    reader.handle(file, () => assert.fail("nothing comes behind the damage"));
    reader.handleEnd(() => assert.fail("the damage is told once"));
  });

  it("takes the longest packet", () => {
    const packets = timed([new Uint8Array(MAX_CAPTURED_LENGTH)]);
    for (const file of [pcapFile(packets), pcapngFile(packets)]) {
      const items = readCapture([file.subarray(0, 1000), file.subarray(1000)]);
      assert.equal(items.length, 1);
      assert.ok(!("error" in items[0]!) && items[0]!.data.length === MAX_CAPTURED_LENGTH);
    }
  });

  it("emits damage in place of the octets that could not be had", () => {
    const reader = new CaptureReader();
    const failure = new InspectError("ERR_INSPECT_RECORD", "Cannot unpack");
    assert.throws(() => reader.handleFailure(failure, () => {}), failure);
    reader.handle(pcapFile(timed([PACKETS[0]!])), () => {});
    reader.handleFailure(
      failure,
      (items) => assert.deepEqual(items, [{ error: failure, time: 1795207191.92 }]),
    );
  });

  it("never crashes, hangs or throws anything else, whatever is done to a file", () => {
    const file = fc.constantFrom(...files.map(([, make]) => make({ littleEndian: true })));
    const change = fc.record({ at: fc.nat(), octet: fc.integer({ min: 0, max: 255 }) });
    fc.assert(
      fc.property(file, fc.array(change, { minLength: 1, maxLength: 8 }), (original, changes) => {
        const octets = original.slice();
        for (const { at, octet } of changes) octets[at % 120] = octet;
        try {
          for (const item of readCapture([octets])) {
            if (!("error" in item)) {
              assert.ok(item.data.length <= octets.length && Number.isFinite(item.time));
            }
          }
        } catch (error) {
          assert.ok(error instanceof InspectError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("CaptureReader of pcapng", () => {
  const one = (linkType: number) => concat([sectionBlock(), interfaceBlock(linkType)]);
  const data = fromHex("4500");

  it("reads sections of both byte orders behind one another, each with its own interfaces", () => {
    const file = concat([
      one(101),
      packetBlock(data, 1n),
      pcapngFile(timed([data]), { littleEndian: false, linkType: 1 }),
    ]);
    const linkTypes = readCapture([file]).map((item) => "error" in item ? item.error.code : item.linkType);
    assert.deepEqual(linkTypes, [101, 1]);
  });

  it("reads enhanced, obsolete and simple packet blocks", () => {
    const obsolete = block(
      2,
      concat([ints(true, [2, 0], [2, 7], [4, 0], [4, 3_000_000], [4, 2], [4, 9]), data]),
    );
    const simple = block(3, concat([ints(true, [4, 9]), data]));
    const items = readCapture([concat([
      sectionBlock(),
      interfaceBlock(101, { snapLength: 2 }),
      packetBlock(data, 2_000_000n),
      obsolete,
      simple,
    ])]);
    const packet = (time: number, originalLength: number) => ({
      time,
      linkType: 101,
      data: [0x45, 0],
      originalLength,
    });
    // A simple packet has no time: it is told with that of the packet before it.
    assert.deepEqual(plain(items), [packet(2, 2), packet(3, 9), packet(3, 9)]);
  });

  it("passes over blocks that it does not know, however long", () => {
    const unknown = block(0x0bad, new Uint8Array(100));
    const long = block(5, new Uint8Array(3 * MAX_CAPTURED_LENGTH));
    const file = concat([one(101), unknown, long, packetBlock(data, 1n)]);
    for (const chunks of [[file], [file.subarray(0, 200), file.subarray(200, 5000), file.subarray(5000)]]) {
      assert.equal(plain(readCapture(chunks)).length, 1);
      assert.ok(!("error" in readCapture(chunks)[0]!));
    }
  });

  it("understands the units of an interface's clock", () => {
    const option = (code: number, value: Uint8Array) =>
      concat([ints(true, [2, code], [2, value.length]), value, new Uint8Array(-value.length & 3)]);
    const name = option(2, new TextEncoder().encode("eth0!"));
    const cases: readonly (readonly [option: Uint8Array, ticks: bigint, time: number])[] = [
      [option(9, Uint8Array.of(6)), 1_795_207_191_920_001n, 1795207191.920001],
      [option(9, Uint8Array.of(9)), 1_795_207_191_920_001_499n, 1795207191.920001],
      [option(9, Uint8Array.of(3)), 1_795_207_191_920n, 1795207191.92],
      [option(9, Uint8Array.of(0)), 1_795_207_191n, 1795207191],
      [option(9, Uint8Array.of(0x80 | 20)), 3n << 19n, 1.5],
      [option(9, Uint8Array.of(127)), 5n, 0],
      [option(14, ints(true, [8, -100])), 200_500_000n, 100.5],
      [concat([name, option(9, Uint8Array.of(3)), option(14, ints(true, [8, 7]))]), 1500n, 8.5],
      [concat([option(0, new Uint8Array(0)), option(9, Uint8Array.of(3))]), 1_500_000n, 1.5],
      [ints(true, [2, 9], [2, 999]), 1_500_000n, 1.5],
    ];
    for (const [options, ticks, time] of cases) {
      const [item] = readCapture([
        concat([sectionBlock(), interfaceBlock(101, { options }), packetBlock(data, ticks)]),
      ]);
      assert.ok(item !== undefined && !("error" in item));
      assert.equal(item.time, time);
    }
  });

  it("tells blocks that contradict themselves, and goes on behind them", () => {
    const good = packetBlock(data, 1n);
    const tooLong = packetBlock(data, 1n);
    new DataView(tooLong.buffer).setUint32(20, 5, true);
    const noInterface = packetBlock(data, 1n, { interfaceId: 1 });
    const short = block(6, new Uint8Array(8));
    for (const bad of [tooLong, noInterface, short]) {
      const items = readCapture([concat([one(101), bad, good])]);
      assert.equal(plain(items)[0], "ERR_INSPECT_RECORD");
      assert.ok(items.length === 2 && !("error" in items[1]!));
    }
    const trailer = packetBlock(data, 1n);
    trailer[trailer.length - 4] = 0xff;
    const items = readCapture([concat([one(101), trailer, good])]);
    assert.deepEqual(items.map((item) => "error" in item), [false, true, false]);
  });

  it("stops where the length of a block cannot be", () => {
    for (const length of [0, 8, 11, 13, 35]) {
      const bad = packetBlock(data, 1n);
      new DataView(bad.buffer).setUint32(4, length, true);
      assert.deepEqual(plain(readCapture([concat([one(101), bad, packetBlock(data, 1n)])])), [
        "ERR_INSPECT_RECORD",
      ]);
    }
    const mark = sectionBlock();
    mark[8] = 0;
    assert.deepEqual(plain(readCapture([mark])), ["ERR_INSPECT_RECORD"]);
  });

  it("never holds a block that announces more than any packet has", () => {
    const head = ints(true, [4, 6], [4, 0x7ffffff0]);
    const reader = new CaptureReader();
    const items: CaptureItem[] = [];
    const collect = (batch: CaptureItem[]) => void items.push(...batch);
    reader.handle(concat([one(101), head]), collect);
    assert.deepEqual(plain(items), ["ERR_INSPECT_RECORD"]);
    for (let i = 0; i < 100; i++) reader.handle(new Uint8Array(65536), collect);
    assert.equal(items.length, 1);
  });

  it("takes no more interfaces than its limit", () => {
    const blocks = Array.from({ length: 4097 }, () => interfaceBlock(101));
    const items = readCapture([
      concat([sectionBlock(), ...blocks, packetBlock(data, 1n, { interfaceId: 4095 })]),
    ]);
    assert.deepEqual(items.map((item) => "error" in item), [true, false]);
  });
});

describe("CaptureReaderStream", () => {
  it("gives the items of its core", async () => {
    const file = new Blob([pcapngFile(timed(PACKETS))]);
    const items: CaptureItem[] = [];
    for await (const batch of file.stream().pipeThrough(new CaptureReaderStream())) items.push(...batch);
    assert.deepEqual(plain(items), plain(captured(PACKETS)));
  });

  it("errors for a file that is no capture", async () => {
    const stage = new Blob(["hello world"]).stream().pipeThrough(new CaptureReaderStream());
    await assert.rejects(stage.getReader().read(), { code: "ERR_INSPECT_FORMAT" });
  });
});
