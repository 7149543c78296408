/**
 * Messages over a whole connection: one that has the shape without streams (the memory pair), and one that has only streams.
 * What the cores do with octets is tested with them; here it is what the join does.
 */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { concat } from "../../lib/bytes/mod.ts";
import {
  EncapsulatedConnection,
  type EncapsulatedConnectionOptions,
} from "../../lib/encap/encapsulated_connection.ts";
import { InPlaceFramer } from "../../lib/encap/in_place_framer.ts";
import type { ByteConnection } from "../../lib/encap/message_link.ts";
import type { MessageDuplex } from "../../lib/encap/mod.ts";
import { type Connection, memoryPair } from "../../lib/transport/mod.ts";
import { patternAt, rejection, settlesWithin, sleep, until } from "../_support/streams.ts";
import { ascii, espMessage, framed, ikeMessage } from "../_support/messages.ts";

const PREFIX = ascii("IKETCP");

const shapes: readonly [name: string, of: (connection: Connection) => ByteConnection][] = [
  ["a connection that needs no streams", (connection) => connection],
  // As a socket that is not of this toolkit.
  ["a connection of streams", (connection) => ({
    readable: connection.readable,
    writable: connection.writable,
    closed: connection.closed,
    close: (reason) => connection.close(reason),
  })],
];

/** An end, and the octets at the other one. */
interface Scene {
  readonly vpn: EncapsulatedConnection;
  readonly far: Connection;
  readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly writer: WritableStreamDefaultWriter<Uint8Array>;
}

async function next(duplex: MessageDuplex): Promise<Uint8Array[]> {
  const reader = duplex.readable.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  return value ?? [];
}

/** So many octets of the peer. */
async function take(reader: ReadableStreamDefaultReader<Uint8Array>, length: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (let octets = 0; octets < length;) {
    const { done, value } = await reader.read();
    assert.ok(!done, `expected ${length} octets, the stream ended after ${octets}`);
    chunks.push(value);
    octets += value.byteLength;
  }
  return concat(chunks);
}

for (const [name, shape] of shapes) {
  /** Runs a test at one end of a memory pair, and leaves nothing open. */
  const withScene =
    (options: EncapsulatedConnectionOptions, run: (scene: Scene) => Promise<void>) => async () => {
      const [near, far] = memoryPair();
      const vpn = new EncapsulatedConnection(shape(near), options);
      const writer = far.writable.getWriter();
      writer.closed.catch(() => {});
      const scene = { vpn, far, reader: far.readable.getReader(), writer };
      try {
        await run(scene);
      } finally {
        await writer.abort().catch(() => {});
        await Promise.all([near.close(), far.close()]);
      }
    };
  const originator = { role: "originator" } as const;
  const responder = { role: "responder" } as const;

  describe(`EncapsulatedConnection over ${name}`, () => {
    it(
      "sends the prefix at once as originator, then messages of both kinds (R-PFX-1, R-FRM-2, R-FRM-17)",
      withScene(originator, async ({ vpn, reader }) => {
        assert.deepEqual(await take(reader, 6), PREFIX);
        await vpn.ike.writable.getWriter().write(ikeMessage(1).subarray(4));
        await vpn.esp.writable.getWriter().write([espMessage(1), espMessage(2)]);
        const wire = framed(ikeMessage(1), espMessage(1), espMessage(2));
        assert.deepEqual(await take(reader, wire.byteLength), wire);
        assert.deepEqual(vpn.counters.sent, {
          messages: 3,
          octets: wire.byteLength - 6,
        });
      }),
    );

    it(
      "gives received messages by kind as responder, and sends no prefix (R-PFX-3, R-KAL-2, R-FRM-8)",
      withScene(responder, async ({ vpn, reader, writer }) => {
        const wire = framed(
          espMessage(1),
          Uint8Array.of(0xff),
          ikeMessage(1),
          Uint8Array.of(7, 7),
          espMessage(2),
        );
        await writer.write(concat([PREFIX, wire, Uint8Array.of(0, 2)]));
        assert.deepEqual(await next(vpn.ike), [ikeMessage(1).subarray(4)]);
        assert.deepEqual(await next(vpn.esp), [espMessage(1), espMessage(2)]);
        const { ike, esp, keepalives, runts, empty } = vpn.counters.received;
        assert.deepEqual({ ike, esp, keepalives, runts, empty }, {
          ike: 1,
          esp: 2,
          keepalives: 1,
          runts: 1,
          empty: 1,
        });
        await vpn.esp.writable.getWriter().write(espMessage(3));
        assert.deepEqual(await take(reader, 42), framed(espMessage(3)));
      }),
    );

    it(
      "delivers what came before a fault, then the fault, and resets the connection (R-FRM-7)",
      withScene(responder, async ({ vpn, far, writer }) => {
        const writing = vpn.esp.writable.getWriter();
        // A memory pair delivers within the write, so the reset may reach it.
        writer.write(concat([PREFIX, framed(ikeMessage(1), espMessage(1)), Uint8Array.of(0, 1)])).catch(
          () => {},
        );
        assert.equal((await rejection(vpn.closed)).code, "ERR_ENCAP_LENGTH");
        const [ike, esp] = [vpn.ike.readable.getReader(), vpn.esp.readable.getReader()];
        assert.deepEqual((await ike.read()).value, [ikeMessage(1).subarray(4)]);
        assert.deepEqual((await esp.read()).value, [espMessage(1)]);
        assert.equal((await rejection(ike.read())).code, "ERR_ENCAP_LENGTH");
        assert.equal((await rejection(esp.read())).code, "ERR_ENCAP_LENGTH");
        assert.equal((await rejection(writing.write(espMessage(2)))).code, "ERR_ENCAP_LENGTH");
        await rejection(vpn.ike.writable.getWriter().closed); // also one that is asked for now
        assert.equal((await rejection(far.closed)).code, "ERR_TRANSPORT_RESET");
      }),
    );

    it(
      "refuses a wrong prefix, and one of a responder (R-PFX-8)",
      async () => {
        for (
          const [options, octets, code] of [
            [responder, ascii("GET / "), "ERR_ENCAP_PREFIX"],
            [originator, PREFIX, "ERR_ENCAP_PREFIX_ECHO"],
          ] as const
        ) {
          await withScene(options, async ({ vpn, far, writer }) => {
            writer.write(octets).catch(() => {});
            assert.equal((await rejection(vpn.closed)).code, code);
            assert.equal((await rejection(next(vpn.esp))).code, code);
            await rejection(far.closed);
          })();
        }
      },
    );

    it(
      "ends a half when the peer or its user does, and is closed behind both",
      withScene(responder, async ({ vpn, far, reader, writer }) => {
        await writer.write(concat([PREFIX, framed(ikeMessage(1))]));
        await writer.close();
        assert.equal((await next(vpn.ike)).length, 1);
        assert.equal((await vpn.ike.readable.getReader().read()).done, true);
        assert.equal((await vpn.esp.readable.getReader().read()).done, true);
        const esp = vpn.esp.writable.getWriter();
        await esp.write(espMessage(1));
        await Promise.all([esp.close(), vpn.ike.writable.close()]);
        const wire = framed(espMessage(1));
        assert.deepEqual(await take(reader, wire.byteLength), wire);
        assert.equal((await reader.read()).done, true);
        await Promise.all([vpn.closed, far.closed]);
      }),
    );

    it(
      "closes both directions behind what was written, whoever holds the streams",
      withScene(responder, async ({ vpn, far, reader, writer }) => {
        await writer.write(PREFIX);
        const esp = vpn.esp.writable.getWriter();
        const reading = vpn.esp.readable.getReader().read();
        esp.write(Array.from({ length: 60 }, (_, i) => espMessage(i, 1000))).catch(() => {});
        const closed = vpn.close();
        const wire = framed(...Array.from({ length: 60 }, (_, i) => espMessage(i, 1000)));
        assert.deepEqual(await take(reader, wire.byteLength), wire);
        assert.equal((await reading).done, true);
        await writer.close();
        await closed;
        await Promise.all([vpn.closed, far.closed]);
        await rejection(esp.write(espMessage(1)));
      }),
    );

    it(
      "ends everything when a message cannot be sent, as the caller's RangeError (R-FRM-5)",
      withScene(originator, async ({ vpn, far }) => {
        const error = await rejection(vpn.esp.writable.getWriter().write(new Uint8Array(7)));
        assert.equal(error.code, "ERR_ENCAP_MESSAGE_LENGTH");
        assert.equal(await rejection(vpn.closed), error);
        await rejection(far.closed);
      }),
    );

    it(
      "lets the connection go at once when a writer aborts although the peer reads nothing",
      withScene(originator, async ({ vpn, far }) => {
        const esp = vpn.esp.writable.getWriter();
        const writes = Array.from({ length: 20 }, () => esp.write(espMessage(1, 60_000)));
        for (const write of writes) write.catch(() => {});
        await sleep(10);
        const reason = new Error("enough");
        assert.ok(await settlesWithin(esp.abort(reason), 2000), "the abort settles");
        assert.equal(await rejection(vpn.closed), reason);
        assert.equal(await rejection(next(vpn.ike)), reason);
        await rejection(far.closed);
      }),
    );

    it(
      "holds writers back while the peer does not read, uses memory again only behind it, and changes none",
      withScene(originator, async ({ vpn, reader }) => {
        const esp = vpn.esp.writable.getWriter();
        const batches = Array.from(
          { length: 40 },
          (_, i) => [patternAt(1 + 7 * i, 30_000), espMessage(i, 1400)],
        );
        for (const [first] of batches) first![0] = 1; // an SPI above 0
        const copies = batches.map((batch) => batch.map((message) => message.slice()));
        let settled = 0;
        const writes = batches.map((batch) => esp.write(batch).then(() => settled++));
        await sleep(20);
        assert.ok(settled < 10, `${settled} writes have settled`);
        const wire = concat([PREFIX, framed(...copies.flat())]);
        assert.deepEqual(await take(reader, wire.byteLength), wire);
        await Promise.all(writes);
        assert.deepEqual(batches, copies);
      }),
    );

    it(
      "lets ESP that nobody reads never hold IKE up, and IKE that nobody reads hold the peer back",
      withScene({ ...responder, maxEspQueue: 10_000, maxIkeQueue: 10_000 }, async ({ vpn, writer }) => {
        await writer.write(PREFIX);
        for (let i = 0; i < 100; i++) await writer.write(framed(espMessage(i, 1400)));
        await writer.write(framed(ikeMessage(1)));
        assert.deepEqual(await next(vpn.ike), [ikeMessage(1).subarray(4)]);
        assert.equal((await next(vpn.esp)).length, 6);
        assert.equal(vpn.counters.received.espDropped, 94);
        let sent = 0;
        const sending = (async () => {
          for (; sent < 500; sent++) await writer.write(framed(ikeMessage(sent)));
        })();
        await sleep(20);
        assert.ok(sent < 500, "the peer waits");
        const reader = vpn.ike.readable.getReader();
        let messages = 0;
        while (messages < 500) messages += (await reader.read()).value!.length;
        await sending;
      }),
    );

    it(
      "ends the half that receives when both its readers cancel, and still sends",
      withScene(responder, async ({ vpn, reader, writer }) => {
        await writer.write(concat([PREFIX, framed(espMessage(1))]));
        await Promise.all([vpn.ike.readable.cancel(), vpn.esp.readable.cancel()]);
        for (let i = 0; i < 50; i++) await writer.write(framed(espMessage(i, 5000))); // and is not held back
        const esp = vpn.esp.writable.getWriter();
        await esp.write(espMessage(9));
        await Promise.all([esp.close(), vpn.ike.writable.close()]);
        assert.equal((await take(reader, 3)).byteLength > 0, true);
        await writer.close();
        await vpn.closed;
      }),
    );

    it(
      "tells of a peer that resets, behind what it sent",
      withScene(responder, async ({ vpn, writer }) => {
        await writer.write(concat([PREFIX, framed(espMessage(1))]));
        const reader = vpn.esp.readable.getReader();
        assert.deepEqual((await reader.read()).value, [espMessage(1)]);
        writer.abort().catch(() => {});
        assert.equal((await rejection(vpn.closed)).code, "ERR_TRANSPORT_RESET");
        assert.equal((await rejection(reader.read())).code, "ERR_TRANSPORT_RESET");
      }),
    );

    it(
      "drops and counts a message that the end cuts short (R-FRM-16)",
      withScene(responder, async ({ vpn, writer }) => {
        await writer.write(concat([PREFIX, framed(espMessage(1)).subarray(0, 9)]));
        await writer.close();
        assert.equal((await vpn.esp.readable.getReader().read()).done, true);
        assert.equal(vpn.counters.received.partial, 1);
      }),
    );

    it("lends ESP to onEsp, keeps IKE for its reader, and waits when asked to", async () => {
      const seen: Uint8Array[] = [];
      let go = () => {};
      let ready: Promise<void> | undefined;
      const onEsp = (packets: Uint8Array[]) => {
        for (const packet of packets) {
          seen.push(packet.slice());
          packet.fill(0xee); // what is lent is ours until we return
        }
        return ready;
      };
      await withScene({ ...responder, onEsp }, async ({ vpn, writer }) => {
        await writer.write(
          concat([PREFIX, framed(espMessage(1), ikeMessage(1), espMessage(2), ikeMessage(2))]),
        );
        await until(() => seen.length === 2, "both packets come");
        assert.deepEqual(await next(vpn.ike), [ikeMessage(1).subarray(4), ikeMessage(2).subarray(4)]);
        const { ike, esp } = vpn.counters.received;
        assert.deepEqual({ ike, esp }, { ike: 2, esp: 2 });
        ready = new Promise((resolve) => go = resolve);
        await writer.write(framed(espMessage(3)));
        await until(() => seen.length === 3, "it comes");
        await writer.write(framed(espMessage(4)));
        await sleep(10);
        assert.equal(seen.length, 3);
        ready = undefined;
        go();
        await until(() => seen.length === 4, "the next one comes");
        assert.deepEqual(seen, [1, 2, 3, 4].map((i) => espMessage(i)));
        await writer.close();
        assert.equal((await vpn.esp.readable.getReader().read()).done, true);
      })();
    });

    it(
      "frames in place what was made for it, and copies the rest",
      withScene({ ...originator, framer: new InPlaceFramer() }, async ({ vpn, reader }) => {
        const slab = new Uint8Array(2 * 1402);
        const roomy = [1, 2].map((i) => {
          const packet = slab.subarray(1402 * (i - 1) + 2, 1402 * i);
          packet.set(espMessage(i, 1400));
          return packet;
        });
        const esp = vpn.esp.writable.getWriter();
        await esp.write(roomy);
        await esp.write(espMessage(3));
        const wire = framed(espMessage(1, 1400), espMessage(2, 1400));
        assert.deepEqual(slab, wire);
        const all = concat([PREFIX, wire, framed(espMessage(3))]);
        assert.deepEqual(await take(reader, all.byteLength), all);
      }),
    );
  });
}
