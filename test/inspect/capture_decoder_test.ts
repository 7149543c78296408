import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { concat, fromHex } from "../../lib/bytes/mod.ts";
import { CaptureDecoderStream, type CaptureItem, type DecodedRow } from "../../lib/inspect/mod.ts";
import {
  captured,
  CLIENT,
  decodeItems,
  decodePackets,
  type End,
  esp,
  frame,
  ike,
  inShort,
  markedIke,
  PREFIX,
  SERVER,
  Talk,
  tcp,
  udp,
} from "../_support/captures.ts";
import { cutsOf } from "../_support/cuts.ts";

const KEEPALIVE = fromHex("ff");
const INIT = frame(markedIke());
const AUTH = frame(markedIke({ exchange: 35, messageId: 1, payload: 46 }));
const ESP1 = frame(esp(0x1000, 1));
const ESP2 = frame(esp(0x1000, 2));
const ESP3 = frame(esp(0x1000, 3));

describe("Rows", () => {
  it("have the shape that is promised", () => {
    const { packets } = new Talk().open().say(
      PREFIX,
      concat([INIT, ESP1, frame(KEEPALIVE), fromHex("0001")]),
    );
    const rows = decodePackets(packets);
    const where = { transport: "tcp", stream: 0, from: "192.0.2.10:40000", to: "198.51.100.10:4500" };
    assert.equal(
      rows.map((row) => JSON.stringify(row)).join("\n"),
      [
        { n: 1, time: 1795207191.923, ...where, kind: "prefix", length: 6 },
        {
          n: 2,
          time: 1795207191.924,
          ...where,
          kind: "ike",
          length: 88,
          ike: {
            spiI: "a5a5a5a5a5a5a5a5",
            spiR: "0000000000000000",
            version: "2.0",
            exchange: "IKE_SA_INIT",
            flags: ["initiator"],
            messageId: 0,
            payloads: ["N(IKEV2_FRAGMENTATION_SUPPORTED)"],
          },
        },
        { n: 3, time: 1795207191.924, ...where, kind: "esp", length: 88, esp: { spi: "00001000", seq: 1 } },
        { n: 4, time: 1795207191.924, ...where, kind: "keepalive", length: 1 },
        {
          n: 5,
          time: 1795207191.924,
          ...where,
          kind: "error",
          length: 0,
          error: {
            code: "ERR_ENCAP_LENGTH",
            message: "Cannot read stream: expected a Length of 2 or more, got 1",
          },
        },
      ].map((row) => JSON.stringify(row)).join("\n"),
    );
  });

  it("show messages that receivers drop: empty, and of 1 to 3 octets", () => {
    const odd = ["", "fe", "ffff", "000000"].map((hex) => frame(fromHex(hex)));
    const { packets } = new Talk().open().say(PREFIX, concat([...odd, INIT]));
    const rows = decodePackets(packets);
    assert.deepEqual(rows.map(({ kind, length }) => [kind, length]), [
      ["prefix", 6],
      ["empty", 0],
      ["runt", 1],
      ["runt", 2],
      ["runt", 3],
      ["ike", 88],
    ]);
  });

  it("show an ESP packet that ends before its sequence number", () => {
    const rows = decodePackets(new Talk().open().say(PREFIX, frame(fromHex("01020304050607"))).packets);
    assert.deepEqual(rows[1]!.esp, { spi: "01020304" });
  });

  it("have an error behind an IKE message that is damaged, and go on", () => {
    const chain = markedIke();
    chain[4 + 28 + 3] = 0xff;
    const length = markedIke();
    length[4 + 27] = 87;
    const short = concat([new Uint8Array(4), new Uint8Array(27)]);
    const { packets } = new Talk().open().say(PREFIX, ...[chain, length, short].map(frame), AUTH);
    assert.deepEqual(inShort(decodePackets(packets)), [
      "> prefix",
      "> ike IKE_SA_INIT/0",
      "> error ERR_IKE_PAYLOAD",
      "> ike IKE_SA_INIT/0",
      "> error ERR_IKE_PAYLOAD",
      "> error ERR_IKE_HEADER",
      "> ike IKE_AUTH/1",
    ]);
  });

  it("number conversations by their first rows, TCP and UDP alike", () => {
    const other: End = [CLIENT[0], 40001];
    const http = new Talk({ server: [SERVER[0], 80] }).open().say(
      new TextEncoder().encode("GET / HTTP/1.1\r\n"),
    );
    const one = new Talk().open().say(PREFIX);
    const two = new Talk({ client: other }).open().say(PREFIX);
    const datagram = udp(CLIENT, ["198.51.100.11", 500], ike());
    const rows = decodePackets([
      ...http.packets,
      ...one.packets,
      datagram,
      ...two.packets,
      ...one.answer(INIT).packets.slice(-1),
    ]);
    assert.deepEqual(rows.map(({ stream, transport }) => [stream, transport]), [
      [0, "tcp"],
      [1, "udp"],
      [2, "tcp"],
      [0, "tcp"],
    ]);
  });

  it("write IPv6 addresses in brackets", () => {
    const [row] = decodePackets([udp(["2001:db8::1", 500], ["2001:db8::2", 4500], markedIke())]);
    assert.equal(row!.from, "[2001:db8::1]:500");
    assert.equal(row!.to, "[2001:db8::2]:4500");
  });

  it("come in batches that have no empty one", async () => {
    const items = captured(new Talk().open().say(PREFIX, INIT).packets);
    const source = new ReadableStream<CaptureItem[]>({
      start(controller) {
        for (const item of items) controller.enqueue([item]);
        controller.close();
      },
    });
    const batches: DecodedRow[][] = [];
    for await (const batch of source.pipeThrough(new CaptureDecoderStream())) batches.push(batch);
    assert.deepEqual(batches.map(({ length }) => length), [1, 1]);
  });
});

describe("TCP with the prefix", () => {
  const stream = concat([PREFIX, INIT, ESP1, frame(KEEPALIVE), AUTH, ESP2]);
  const expected = [
    "> prefix",
    "> ike IKE_SA_INIT/0",
    "> esp 00001000/1",
    "> keepalive",
    "> ike IKE_AUTH/1",
    "> esp 00001000/2",
  ];

  it("is read on any port, whatever the segments (R-FRM-14, R-FRM-15)", () => {
    for (const port of [4500, 443, 40001]) {
      for (const { name, chunks } of cutsOf(stream)) {
        const talk = new Talk({ server: [SERVER[0], port] }).open().say(...chunks).close();
        assert.deepEqual(inShort(decodePackets(talk.packets)), expected, name);
      }
    }
  });

  it("is read where the responder's messages come first in the capture", () => {
    const talk = new Talk({ server: [SERVER[0], 443] }).open().answer(INIT).say(PREFIX, AUTH);
    assert.deepEqual(inShort(decodePackets(talk.packets)), [
      "> prefix",
      "< ike IKE_SA_INIT/0",
      "> ike IKE_AUTH/1",
    ]);
  });

  it("is read on any port also where the capture has no SYN", () => {
    const { packets } = new Talk({ server: [SERVER[0], 443] }).open().say(PREFIX, INIT).answer(AUTH, ESP1);
    assert.deepEqual(inShort(decodePackets(packets.slice(3))), [
      "> prefix",
      "> ike IKE_SA_INIT/0",
      "< ike IKE_AUTH/1",
      "< esp 00001000/1",
    ]);
  });

  it("survives retransmission, reordering and overlaps", () => {
    const talk = new Talk().open().say(PREFIX, INIT.subarray(0, 50), INIT.subarray(50), ESP1, ESP2).answer(
      INIT,
      AUTH,
    );
    const [syn, synAck, ack, a, b, c, d, e, f, g] = talk.packets;
    const rows = decodePackets([syn!, synAck!, ack!, syn!, a!, c!, c!, b!, a!, e!, g!, d!, f!, f!, b!]);
    assert.deepEqual(inShort(rows), [
      "> prefix",
      "> ike IKE_SA_INIT/0",
      "> esp 00001000/1",
      "> esp 00001000/2",
      "< ike IKE_SA_INIT/0",
      "< ike IKE_AUTH/1",
    ]);
    assert.deepEqual(rows.map(({ time }) => Math.round((time - 1795207191.92) * 1000)), [
      4,
      7,
      11,
      11,
      12,
      12,
    ]);
  });

  it("is read over the wrap of sequence numbers", () => {
    const talk = new Talk({ clientSeq: 0xffffffff - 20 }).open().say(PREFIX, INIT, AUTH);
    assert.deepEqual(inShort(decodePackets(talk.packets)), [
      "> prefix",
      "> ike IKE_SA_INIT/0",
      "> ike IKE_AUTH/1",
    ]);
  });

  it("is read where data comes with the SYN", () => {
    const packets = [
      tcp(CLIENT, SERVER, { seq: 99, flags: "S", data: PREFIX }),
      tcp(SERVER, CLIENT, { seq: 5, ack: 106, flags: "SA" }),
      tcp(CLIENT, SERVER, { seq: 106, ack: 6, data: INIT }),
    ];
    assert.deepEqual(inShort(decodePackets(packets)), ["> prefix", "> ike IKE_SA_INIT/0"]);
  });

  it("is read from segments longer than any packet, which network cards have yet to cut", () => {
    const messages = Array.from({ length: 100 }, (_, i) => frame(esp(0x1000, i, 1400)));
    const segment = tcp(CLIENT, SERVER, { seq: 1, data: PREFIX });
    segment.set([0, 0], 2); // no length: it reaches to the end
    const rows = decodePackets([tcp(CLIENT, SERVER, { seq: 0, flags: "S" }), concat([segment, ...messages])]);
    assert.deepEqual(rows.map(({ kind }) => kind), ["prefix", ...messages.map(() => "esp")]);
  });

  it("begins another conversation when its ports are used again", () => {
    const one = new Talk({ clientSeq: 5000 }).open().say(PREFIX, INIT).close();
    const two = new Talk({ clientSeq: 900000 }).open().say(PREFIX, AUTH).close("RA");
    const three = new Talk({ clientSeq: 77 }).open().say(PREFIX, ESP1);
    const rows = decodePackets([...one.packets, ...two.packets, ...three.packets]);
    assert.deepEqual(rows.map(({ stream, kind }) => [stream, kind]), [
      [0, "prefix"],
      [0, "ike"],
      [1, "prefix"],
      [1, "ike"],
      [2, "prefix"],
      [2, "esp"],
    ]);
  });

  it("tells a prefix that the responder sends, and goes on (R-PFX-3)", () => {
    for (const port of [4500, 443]) {
      const { packets } = new Talk({ server: [SERVER[0], port] }).open().say(PREFIX).answer(PREFIX, INIT);
      assert.deepEqual(inShort(decodePackets(packets)), [
        "> prefix",
        "< error ERR_ENCAP_PREFIX_ECHO",
        "< ike IKE_SA_INIT/0",
      ]);
    }
  });

  it("tells a second prefix, and goes on (R-PFX-4)", () => {
    const { packets } = new Talk().open().say(PREFIX, PREFIX, INIT, concat([ESP1, PREFIX, ESP2]));
    assert.deepEqual(inShort(decodePackets(packets)), [
      "> prefix",
      "> error ERR_ENCAP_PREFIX",
      "> ike IKE_SA_INIT/0",
      "> esp 00001000/1",
      "> error ERR_ENCAP_PREFIX",
      "> esp 00001000/2",
    ]);
  });

  it("tells a length of 0 or 1, and finds the next message (R-FRM-7)", () => {
    for (const length of ["0000", "0001"]) {
      const bad = fromHex(length);
      for (
        const segments of [[INIT, bad, ESP1], [concat([INIT, bad, ESP1, ESP2])], [
          INIT,
          concat([bad, ESP1]),
          ESP2,
        ]]
      ) {
        const rows = inShort(decodePackets(new Talk().open().say(PREFIX, ...segments, AUTH).packets));
        assert.deepEqual(rows.slice(0, 4), [
          "> prefix",
          "> ike IKE_SA_INIT/0",
          "> error ERR_ENCAP_LENGTH",
          "> esp 00001000/1",
        ]);
        assert.equal(rows.at(-1), "> ike IKE_AUTH/1");
      }
    }
  });

  it("tells a message that the end of the stream cuts short, but not one that the end of the capture does", () => {
    const cut = new Talk().open().say(PREFIX, INIT.subarray(0, 40));
    assert.deepEqual(inShort(decodePackets(cut.packets)), ["> prefix"]);
    for (const flags of ["FA", "RA"] as const) {
      const ended = new Talk().open().say(PREFIX, INIT.subarray(0, 40)).close(flags);
      assert.deepEqual(inShort(decodePackets(ended.packets)), [
        "> prefix",
        "> error ERR_ENCAP_MESSAGE_INCOMPLETE",
      ]);
    }
    const prefix = new Talk().open().say(PREFIX.subarray(0, 3)).close();
    assert.deepEqual(inShort(decodePackets(prefix.packets)), ["> error ERR_ENCAP_PREFIX_INCOMPLETE"]);
  });

  it("does not end at a reset from elsewhere", () => {
    const talk = new Talk().open().say(PREFIX, INIT);
    const forged = tcp(CLIENT, SERVER, { seq: 123456789, flags: "R" });
    assert.deepEqual(inShort(decodePackets([...talk.packets, forged, ...talk.say(AUTH).packets.slice(-1)])), [
      "> prefix",
      "> ike IKE_SA_INIT/0",
      "> ike IKE_AUTH/1",
    ]);
  });
});

describe("TCP with holes", () => {
  /** A talk of which the capture lacks one segment. */
  function without(talk: Talk, index: number): DecodedRow[] {
    return decodePackets(talk.packets.filter((_, i) => i !== index));
  }

  it("lacks only the messages that lie in the hole", () => {
    const big = frame(esp(0x1000, 2, 3000));
    const talk = new Talk().open().say(
      PREFIX,
      INIT,
      ESP1,
      big.subarray(0, 1000),
      big.subarray(1000, 2000),
      big.subarray(2000),
      ESP3,
      AUTH,
    );
    const all = inShort(decodePackets(talk.packets));
    const lost = [0, 1, 2, 3, 3, 3, 4, 5];
    for (let i = 3; i < talk.packets.length - 1; i++) {
      const rows = inShort(without(talk, i));
      const missing = all[lost[i - 3]!]!;
      assert.deepEqual(
        rows.filter((row) => row !== "> error ERR_INSPECT_GAP"),
        all.filter((row) => row !== missing),
        `${i}`,
      );
      assert.equal(rows.filter((row) => row === "> error ERR_INSPECT_GAP").length, 1, `${i}`);
    }
  });

  it("says how many octets are missing, at the place where they are", () => {
    const rows = without(new Talk().open().say(PREFIX, INIT, ESP1, ESP2), 5);
    assert.deepEqual(inShort(rows), [
      "> prefix",
      "> ike IKE_SA_INIT/0",
      "> error ERR_INSPECT_GAP",
      "> esp 00001000/2",
    ]);
    assert.match(rows[2]!.error!.message, /90 octets are missing/);
  });

  it("keeps rows in the order in which their octets came, however long a hole stays open", () => {
    const talk = new Talk().open().say(PREFIX, INIT, ESP1).answer(INIT).say(ESP2).answer(AUTH).say(ESP3);
    const rows = without(talk, 5);
    assert.deepEqual(inShort(rows), [
      "> prefix",
      "> ike IKE_SA_INIT/0",
      "< ike IKE_SA_INIT/0",
      "> error ERR_INSPECT_GAP",
      "> esp 00001000/2",
      "< ike IKE_AUTH/1",
      "> esp 00001000/3",
    ]);
    const times = rows.map(({ time }) => time);
    assert.deepEqual(times, [...times].sort((a, b) => a - b));
    assert.deepEqual(rows.map(({ n }) => n), [1, 2, 3, 4, 5, 6, 7]);
  });

  it("does not wait for the end of the capture once the peer has acknowledged what is missing", () => {
    const talk = new Talk().open().say(PREFIX, INIT);
    const missing = talk.packets.length;
    talk.say(ESP1, ESP2);
    for (let i = 0; i < 100; i++) talk.answer(frame(esp(0x2000, i)));
    const items = captured(talk.packets.filter((_, i) => i !== missing));
    const seen: string[] = [];
    const before = decodeItems(items.slice(0, 80));
    seen.push(...inShort(before));
    assert.ok(seen.includes("> esp 00001000/2"), "it is told with the rows of its time");
    assert.ok(seen.indexOf("> esp 00001000/2") < seen.indexOf("< esp 00002000/0"));
  });

  it("is not confused by a conversation that begins with a hole", () => {
    const talk = new Talk().open().say(PREFIX, INIT).answer(INIT, AUTH);
    assert.deepEqual(inShort(decodePackets(talk.packets.filter((_, i) => i !== 3))), [
      "> error ERR_INSPECT_GAP",
      "> ike IKE_SA_INIT/0",
      "< ike IKE_SA_INIT/0",
      "< ike IKE_AUTH/1",
    ]);
    const elsewhere = new Talk({ server: [SERVER[0], 443] }).open().say(PREFIX, INIT).answer(INIT);
    assert.deepEqual(inShort(decodePackets(elsewhere.packets.filter((_, i) => i !== 3))), []);
  });

  it("has no message in segments that the capture cut", () => {
    const talk = new Talk().open().say(PREFIX, INIT, ESP1, ESP2, ESP3);
    const items = captured(talk.packets).map((item, i) =>
      i === 5 ? { ...item, data: item.data.subarray(0, 60) } : item
    );
    assert.deepEqual(inShort(decodeItems(items)), [
      "> prefix",
      "> ike IKE_SA_INIT/0",
      "> error ERR_INSPECT_GAP",
      "> esp 00001000/2",
      "> esp 00001000/3",
    ]);
  });
});

describe("TCP on port 4500 from the middle", () => {
  const talk = new Talk().open().say(PREFIX, INIT).answer(INIT).say(AUTH, ESP1).answer(ESP1, ESP2).say(
    ESP2,
    ESP3,
  );

  it("is read from every segment on, when segments are messages", () => {
    const all = inShort(decodePackets(talk.packets));
    for (let i = 3; i < talk.packets.length; i++) {
      assert.deepEqual(inShort(decodePackets(talk.packets.slice(i))), all.slice(i - 3), `${i}`);
    }
  });

  it("is read from the first message that can be found, when they are not", () => {
    const stream = concat([INIT, AUTH, ESP1, ESP2, ESP3, ESP3.map((octet, i) => i === 9 ? 4 : octet)]);
    for (let start = 1; start < INIT.length; start++) {
      const segment = tcp(CLIENT, SERVER, { seq: 1, data: stream.subarray(start) });
      const rows = inShort(decodePackets([segment]));
      assert.equal(rows[0], "> ike IKE_AUTH/1", `${start}`);
      assert.equal(rows.length, 5, `${start}`);
    }
  });

  it("is not read on other ports", () => {
    const elsewhere = new Talk({ server: [SERVER[0], 4501] }).open().say(PREFIX, INIT, AUTH, ESP1);
    assert.deepEqual(decodePackets(elsewhere.packets.slice(4)), []);
  });
});

describe("TCP that is something else", () => {
  const request = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: gw.example\r\n\r\n");
  const answer = new TextEncoder().encode("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");

  it("gives no row on other ports, with a SYN or without", () => {
    const { packets } = new Talk({ server: [SERVER[0], 80] }).open().say(request).answer(answer).say(PREFIX)
      .close();
    assert.deepEqual(decodePackets(packets), []);
    assert.deepEqual(decodePackets(packets.slice(3)), []);
    const banner = new Talk({ server: [SERVER[0], 22] }).open().answer(
      new TextEncoder().encode("SSH-2.0-x\r\n"),
    ).say(PREFIX);
    assert.deepEqual(
      inShort(decodePackets(banner.packets)).slice(0, 1),
      ["> prefix"],
      "the originator decides",
    );
  });

  it("gives one error on port 4500, and messages all the same once there are some", () => {
    const { packets } = new Talk().open().say(request).answer(answer).say(request).answer(INIT);
    const rows = decodePackets(packets);
    assert.deepEqual(inShort(rows), ["> error ERR_ENCAP_PREFIX", "< ike IKE_SA_INIT/0"]);
    assert.match(
      rows[0]!.error!.message,
      /^Cannot read stream: expected the prefix .*, got 47 45 54 20/,
    );
  });

  it("gives one error where the prefix was left out (R-PFX-8), and the messages", () => {
    for (const { name, chunks } of cutsOf(concat([INIT, AUTH, ESP1, ESP2]), 11)) {
      const rows = inShort(decodePackets(new Talk().open().say(...chunks).answer(INIT).packets));
      assert.equal(rows[0], "> error ERR_ENCAP_PREFIX", name);
      assert.deepEqual(rows.filter((row) => row.includes("ike")), [
        "> ike IKE_SA_INIT/0",
        "> ike IKE_AUTH/1",
        "< ike IKE_SA_INIT/0",
      ], name);
    }
  });

  it("gives one error when the prefix is wrong in any place, wherever it is cut", () => {
    for (let at = 0; at < 6; at++) {
      for (let cut = 0; cut < 6; cut++) {
        const wrong = PREFIX.map((octet, i) => i === at ? octet ^ 0x20 : octet);
        const { packets } = new Talk().open().say(
          wrong.subarray(0, cut),
          concat([wrong.subarray(cut), INIT]),
          AUTH,
        );
        assert.deepEqual(inShort(decodePackets(packets)), [
          "> error ERR_ENCAP_PREFIX",
          "> ike IKE_SA_INIT/0",
          "> ike IKE_AUTH/1",
        ]);
      }
    }
  });
});

describe("UDP", () => {
  it("on port 500 is IKE without a marker", () => {
    const rows = decodePackets([
      udp([CLIENT[0], 500], [SERVER[0], 500], ike()),
      udp([CLIENT[0], 500], [SERVER[0], 500], fromHex("00")),
    ]);
    assert.deepEqual(rows.map(({ kind, length }) => [kind, length]), [["ike", 88], ["runt", 1]]);
  });

  it("on port 4500 is IKE behind its marker, ESP and keepalives", () => {
    const ends: [End, End] = [[CLIENT[0], 1024], [SERVER[0], 4500]];
    const packets = [markedIke(), esp(0x1000, 1), KEEPALIVE, fromHex(""), fromHex("0102")].map((data) =>
      udp(...ends, data)
    );
    const rows = decodePackets(packets);
    assert.deepEqual(rows.map(({ kind, transport, length }) => [kind, transport, length]), [
      ["ike", "udp", 88],
      ["esp", "udp", 88],
      ["keepalive", "udp", 1],
      ["empty", "udp", 0],
      ["runt", "udp", 2],
    ]);
  });

  it("on other ports is read from the first marked IKE message on, in both directions", () => {
    const ends: [End, End] = [["127.0.0.1", 40000], ["127.0.0.1", 14500]];
    const packets = [
      udp(...ends, esp(0x1000, 1)),
      udp(...ends, markedIke()),
      udp(ends[1], ends[0], esp(0x2000, 1)),
      udp(...ends, KEEPALIVE),
    ];
    assert.deepEqual(inShort(decodePackets(packets), ends[0]), [
      "> ike IKE_SA_INIT/0",
      "< esp 00002000/1",
      "> keepalive",
    ]);
  });

  it("on other ports is left alone, whatever it looks like", () => {
    const ends: [End, End] = [CLIENT, [SERVER[0], 5060]];
    const nearly = markedIke();
    nearly[4 + 27] = 1;
    assert.deepEqual(
      decodePackets([nearly, new Uint8Array(100), esp(1, 2), KEEPALIVE].map((data) => udp(...ends, data))),
      [],
    );
  });

  it("shows IKEv1 as far as it can be read", () => {
    const quick = ike({ version: 0x10, exchange: 32, flags: 1, payload: 8 });
    const odd = ike({ version: 0x10, exchange: 77, flags: 0x48, payload: 13 });
    const rows = decodePackets([quick, odd].map((data) => udp([CLIENT[0], 500], [SERVER[0], 500], data)));
    assert.deepEqual(rows.map(({ ike }) => [ike!.version, ike!.exchange, ike!.flags, ike!.payloads]), [
      ["1.0", "Quick Mode", ["encryption"], []],
      ["1.0", "exchange 77", ["0x08", "0x40"], ["VID"]],
    ]);
  });

  it("says what the capture cut off", () => {
    const packets = [
      udp(CLIENT, SERVER, esp(0x1000, 1, 1000)),
      udp(CLIENT, SERVER, markedIke({ size: 1000 })),
    ];
    const items = captured(packets).map((item) => ({ ...item, data: item.data.subarray(0, 100) }));
    const rows = decodeItems(items);
    assert.deepEqual(rows.map(({ kind, length, error }) => [kind, length, error?.code]), [
      ["esp", 1000, undefined],
      ["ike", 1028, undefined],
      ["error", 0, "ERR_INSPECT_GAP"],
    ]);
  });
});

describe("The limits of a decoder", () => {
  it("bound the conversations that are followed: the one that was quiet longest is forgotten", () => {
    const talks = [1, 2, 3].map((i) =>
      new Talk({ client: [CLIENT[0], 40000 + i], server: [SERVER[0], 443] })
    );
    const [one, two, three] = talks.map((talk) => talk.open().say(PREFIX).packets);
    const later = talks.map((talk) => talk.say(INIT).packets.at(-1)!);
    const rows = decodePackets([
      ...one!,
      ...two!.slice(0, 4),
      ...three!.slice(0, 4),
      later[2]!,
      later[1]!,
      later[0]!,
    ], {
      maxConversations: 2,
    });
    const kinds = rows.map(({ from, kind }) => `${from!.slice(-1)} ${kind}`);
    assert.deepEqual(kinds.slice(0, 5), ["1 prefix", "1 ike", "2 prefix", "3 prefix", "3 ike"]);
  });

  it("bound the octets that are held, and what is held is told before it is forgotten", () => {
    const talk = (port: number) =>
      new Talk({ client: [CLIENT[0], port] }).open().say(PREFIX, INIT, ESP1, ESP2);
    const packets: Uint8Array[] = [];
    for (let port = 1; port <= 50; port++) packets.push(...talk(port).packets.filter((_, i) => i !== 5));
    const rows = decodePackets(packets, { maxHeldOctets: 1000 });
    assert.equal(rows.filter(({ esp }) => esp?.seq === 2).length, 50);
    assert.equal(rows.filter(({ error }) => error?.code === "ERR_INSPECT_GAP").length, 50);
  });

  it("bound the rows that wait for a hole", () => {
    const holed = new Talk().open().say(PREFIX, INIT, ESP1, ESP2).packets.filter((_, i) => i !== 5);
    const other: End = [CLIENT[0], 9];
    const flood = Array.from({ length: 20_000 }, (_, i) => udp(other, SERVER, esp(0x3000, i)));
    const items = captured([...holed, ...flood]);
    const half = inShort(decodeItems(items.slice(0, 10_000)), CLIENT);
    assert.equal(half.indexOf("> esp 00001000/2"), 3);
    const rows = decodeItems(items);
    assert.equal(rows.length, 4 + flood.length);
  });
});

describe("Hostile captures", () => {
  const talk = new Talk().open().say(PREFIX, INIT, concat([AUTH, ESP1]), ESP2).answer(INIT, AUTH, ESP3)
    .close();
  const datagrams = [udp([CLIENT[0], 500], [SERVER[0], 500], ike()), udp(CLIENT, SERVER, markedIke())];
  const packets = [...talk.packets, ...datagrams];

  it("never crash the decoder, whatever is changed, lost, doubled or moved", () => {
    const change = fc.record({ packet: fc.nat(), at: fc.nat(), bit: fc.integer({ min: 0, max: 7 }) });
    const order = fc.array(fc.nat({ max: packets.length - 1 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 10 }), order, (changes, indices) => {
        const changed = packets.map((packet) => packet.slice());
        for (const { packet, at, bit } of changes) {
          const octets = changed[packet % changed.length]!;
          octets[at % octets.length]! ^= 1 << bit;
        }
        const rows = decodePackets(indices.map((i) => changed[i]!));
        assert.deepEqual(rows.map(({ n }) => n), rows.map((_, i) => i + 1));
        assert.deepEqual(rows.map(({ time }) => time), rows.map(({ time }) => time).sort((a, b) => a - b));
      }),
      { numRuns: 300 },
    );
  });

  it("cut anywhere give the messages before the cut, and no others", () => {
    const all = inShort(decodePackets(packets));
    packets.forEach((packet, i) => {
      for (let length = 0; length < packet.length; length += 7) {
        const rows = inShort(decodePackets([...packets.slice(0, i), packet.subarray(0, length)]));
        const good = rows.filter((row) => !row.includes("error"));
        assert.deepEqual(good, all.slice(0, good.length), `${i} ${length}`);
      }
    });
  });

  it("of arbitrary octets on the port never crash the decoder", () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.constantFrom(PREFIX, INIT, ESP1, ESP2, fromHex("0000")),
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 12 }),
        fc.array(piece, { maxLength: 12 }),
        (said, answered) => {
          const rows = decodePackets(new Talk().open().say(...said).answer(...answered).close().packets);
          for (const { kind, length } of rows) assert.ok(kind !== "error" || length === 0);
        },
      ),
      { numRuns: 300 },
    );
  });
});
