import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { type EncapsulationRole, EncapsulationStream, type MessageChunk } from "../../lib/encap/mod.ts";
import { concat } from "../../lib/bytes/mod.ts";
import { collectUntilError, readUntilError, testStage } from "../compliance/stage_suite.ts";
import { ConnectionHalves } from "../_support/connection_halves.ts";
import { cutsOf } from "../_support/cuts.ts";
import { ascii, espMessage, framed, ikeMessage, showBytes, showMessages } from "../_support/messages.ts";
import { assertWaits, soon, soonRejected, stuck, turns, Watched } from "../_support/turns.ts";

const ike = [ikeMessage(1).subarray(4), ikeMessage(2).subarray(4)];
const esp = [espMessage(1), espMessage(2, 1400)];
const wire = framed(
  ikeMessage(1),
  espMessage(1),
  Uint8Array.of(0xff),
  ikeMessage(2),
  Uint8Array.of(1, 2),
  espMessage(2, 1400),
);
const prefix = ascii("IKETCP");

/** An end of a connection, with the connection's halves piped through it. */
function connected(
  role: EncapsulationRole,
): { vpn: EncapsulationStream; connection: ConnectionHalves; pipes: Watched[] } {
  const vpn = new EncapsulationStream({ role });
  const connection = new ConnectionHalves();
  const pipes = [
    new Watched("the pipe in", connection.readable.pipeTo(vpn.writable)),
    new Watched("the pipe out", vpn.readable.pipeTo(connection.writable)),
  ];
  return { vpn, connection, pipes };
}

for (const [role, input] of [["originator", wire], ["responder", concat([prefix, wire])]] as const) {
  const other = (vpn: EncapsulationStream) => {
    vpn.ike.writable.close().catch(() => {});
    vpn.esp.writable.close().catch(() => {});
    collectUntilError(vpn.readable);
  };
  const shared = {
    input: [input],
    show: showMessages,
    showInput: (chunk: Uint8Array) => showBytes([chunk]),
    cuts: (chunks: readonly Uint8Array[]) => cutsOf(concat(chunks)),
    emptyCode: role === "responder" ? "ERR_ENCAP_PREFIX_INCOMPLETE" : undefined,
    abortWaits: false,
    cancelEnds: false,
  };

  testStage<Uint8Array, Uint8Array[]>(`EncapsulationStream, ${role}, from bytes to IKE`, {
    ...shared,
    make() {
      const vpn = new EncapsulationStream({ role, maxIkeQueue: 10_000 });
      other(vpn);
      collectUntilError(vpn.esp.readable);
      return { readable: vpn.ike.readable, writable: vpn.writable };
    },
    output: showMessages(ike),
    unfinished: { input: [input, Uint8Array.of(0)], output: showMessages(ike) },
    faulty: {
      input: [concat([input, Uint8Array.of(0, 1)]), wire],
      output: showMessages(ike),
      code: "ERR_ENCAP_LENGTH",
    },
    flood: role === "originator" ? { chunk: framed(ikeMessage(1, 1000)), most: 9 } : undefined,
  });

  testStage<Uint8Array, Uint8Array[]>(`EncapsulationStream, ${role}, from bytes to ESP`, {
    ...shared,
    make() {
      const vpn = new EncapsulationStream({ role });
      other(vpn);
      collectUntilError(vpn.ike.readable);
      return { readable: vpn.esp.readable, writable: vpn.writable };
    },
    output: showMessages(esp),
    faulty: {
      input: [concat([input, Uint8Array.of(0, 0)]), wire],
      output: showMessages(esp),
      code: "ERR_ENCAP_LENGTH",
    },
  });
}

testStage<MessageChunk, Uint8Array>("EncapsulationStream, originator, from IKE to bytes", {
  make() {
    const vpn = new EncapsulationStream({ role: "originator" });
    vpn.esp.writable.close().catch(() => {});
    return { readable: vpn.readable, writable: vpn.ike.writable };
  },
  input: [ike],
  output: showBytes([prefix, framed(ikeMessage(1), ikeMessage(2))]),
  show: showBytes,
  showInput: (chunk) => showMessages([chunk]),
  cuts: () => [{ name: "one by one", chunks: ike }],
  flood: { chunk: ike, most: 0 },
  abortWaits: false,
});

testStage<MessageChunk, Uint8Array>("EncapsulationStream, responder, from ESP to bytes", {
  make() {
    const vpn = new EncapsulationStream({ role: "responder" });
    vpn.ike.writable.close().catch(() => {});
    return { readable: vpn.readable, writable: vpn.esp.writable };
  },
  input: [esp],
  output: showBytes([framed(...esp)]),
  show: showBytes,
  showInput: (chunk) => showMessages([chunk]),
  cuts: () => [{ name: "one by one", chunks: esp }],
  flood: { chunk: esp, most: 0 },
  abortWaits: false,
});

describe("EncapsulationStream", () => {
  it("refuses a role that is none with a RangeError", () => {
    const role = "initiator" as "originator";
    assert.throws(() => new EncapsulationStream({ role }), { name: "RangeError", code: "ERR_OPTION_RANGE" });
  });

  it("sends the prefix as originator at once, in one chunk, even when no message follows (R-PFX-1, R-PFX-5)", async () => {
    const { connection, vpn, pipes } = connected("originator");
    await turns(10);
    assert.deepEqual(connection.sent.map((chunk) => showBytes([chunk])), [showBytes([prefix])]);
    await Promise.all([vpn.ike.writable.close(), vpn.esp.writable.close()]);
    connection.receiveEnd();
    assert.deepEqual(await stuck(pipes), []);
    assert.equal(showBytes(connection.sent), showBytes([prefix]));
    assert.deepEqual(connection.released, ["close"]);
  });

  it("sends it once, before the first message (R-PFX-4)", async () => {
    const { connection, vpn } = connected("originator");
    const writer = vpn.ike.writable.getWriter();
    for (let i = 0; i < 3; i++) await soon("a write", writer.write(ike[0]!));
    assert.equal(
      showBytes(connection.sent),
      showBytes([prefix, framed(ikeMessage(1), ikeMessage(1), ikeMessage(1))]),
    );
    await writer.abort();
  });

  it("never sends a prefix as responder (R-PFX-3)", async () => {
    const { connection, vpn } = connected("responder");
    connection.receive(concat([prefix, wire]));
    await turns(10);
    assert.deepEqual(connection.sent, []);
    await soon("a write", vpn.esp.writable.getWriter().write(esp[0]!));
    assert.equal(showBytes(connection.sent), showBytes([framed(espMessage(1))]));
    await vpn.readable.cancel().catch(() => {});
    connection.break(new Error("enough"));
  });

  it("refuses as originator a responder that sends the prefix, whatever its cut, and lets the connection go", async () => {
    for (const { name, chunks } of cutsOf(concat([prefix, wire]))) {
      const { connection, vpn, pipes } = connected("originator");
      connection.receive(...chunks);
      const error = await soonRejected("closed", vpn.closed) as { code: string };
      assert.equal(error.code, "ERR_ENCAP_PREFIX_ECHO", name);
      assert.deepEqual(await stuck(pipes), []);
      assert.deepEqual([...connection.released].sort(), ["abort", "cancel"], name);
      assert.deepEqual(connection.reasons, [error, error]);
      for (const { readable } of [vpn.ike, vpn.esp]) {
        assert.deepEqual(await soon("reading", collectUntilError(readable)), { chunks: [], error });
      }
    }
  });

  it("ends a connection with a wrong prefix without sending an octet (R-PFX-8, R-PFX-12)", async () => {
    const { connection, vpn, pipes } = connected("responder");
    const written = new Watched("the write", vpn.ike.writable.getWriter().closed);
    connection.receive(ascii("IKETCQ"), wire);
    const error = await soonRejected("closed", vpn.closed) as { code: string; octets: Uint8Array };
    assert.equal(error.code, "ERR_ENCAP_PREFIX");
    assert.equal(showBytes([error.octets]), showBytes([ascii("IKETCQ")]));
    assert.deepEqual(await stuck([...pipes, written]), []);
    assert.deepEqual(connection.sent, []);
    assert.deepEqual([...connection.released].sort(), ["abort", "cancel"]);
  });

  it("delivers every message before a fatal Length and closes the connection (R-FRM-7, R-ERR-4)", async () => {
    for (const { name, chunks } of cutsOf(concat([prefix, wire, Uint8Array.of(0, 0), wire]))) {
      const { connection, vpn, pipes } = connected("responder");
      connection.receive(...chunks);
      const [fromIke, fromEsp] = await soon(
        "reading",
        Promise.all([collectUntilError(vpn.ike.readable, 1), collectUntilError(vpn.esp.readable)]),
      );
      assert.equal(showMessages(fromIke.chunks), showMessages(ike), name);
      assert.equal(showMessages(fromEsp.chunks), showMessages(esp), name);
      assert.equal((fromIke.error as { code: string }).code, "ERR_ENCAP_LENGTH");
      assert.equal(fromEsp.error, fromIke.error);
      assert.equal(await soonRejected("closed", vpn.closed), fromIke.error);
      assert.deepEqual(await stuck(pipes), []);
      assert.deepEqual([...connection.released].sort(), ["abort", "cancel"]);
    }
  });

  it("swallows keepalives, runts and empty messages, and counts what crossed (R-FRM-8, R-FRM-18, R-KAL-2)", async () => {
    const { connection, vpn } = connected("originator");
    connection.receive(concat([wire, Uint8Array.of(0, 2, 0, 2), framed(new Uint8Array(4))]));
    await vpn.ike.readable.getReader().read();
    assert.deepEqual(vpn.counters.received, {
      messages: 7,
      octets: wire.length - 12 + 4,
      empty: 2,
      emptyIke: 1, // a marker with nothing behind it
      partial: 0,
      octetsCopied: 0,
      keepalives: 1,
      runts: 1,
      ike: 2,
      esp: 2,
      espDropped: 0,
    });
    await soon("a write", vpn.esp.writable.getWriter().write(esp));
    assert.deepEqual(vpn.counters.sent, { messages: 2, octets: 1440 });
    await vpn.readable.cancel().catch(() => {});
    connection.break(new Error("enough"));
  });

  it("refuses to send what is too long or no ESP packet, as the caller's RangeError, and ends (R-FRM-5, R-FRM-10)", async () => {
    const cases: [keyof EncapsulationStream & ("ike" | "esp"), Uint8Array][] = [
      ["ike", new Uint8Array(65530)],
      ["ike", new Uint8Array(0)],
      ["esp", new Uint8Array(65534).fill(1)],
      ["esp", ikeMessage(1)],
    ];
    for (const [kind, message] of cases) {
      const { connection, vpn, pipes } = connected("originator");
      const error = await soonRejected("the write", vpn[kind].writable.getWriter().write(message));
      assert.ok(error instanceof RangeError);
      assert.equal(await soonRejected("closed", vpn.closed), error);
      assert.deepEqual(await stuck(pipes), []);
      assert.deepEqual([...connection.released].sort(), ["abort", "cancel"]);
    }
  });

  it("keeps to maxSendLength and maxAcceptLength", async () => {
    const vpn = new EncapsulationStream({ role: "originator", maxSendLength: 100, maxAcceptLength: 50 });
    const error = await soonRejected("the write", vpn.ike.writable.getWriter().write(new Uint8Array(97)));
    assert.equal((error as Error).message, "Cannot send message: expected 1 to 100 octets, got 101");
    const other = new EncapsulationStream({ role: "originator", maxAcceptLength: 50 });
    other.writable.getWriter().write(framed(espMessage(1, 50), espMessage(2, 51))).catch(() => {});
    const { chunks, error: refusal } = await soon("reading", collectUntilError(other.esp.readable));
    assert.equal(showMessages(chunks), showMessages([espMessage(1, 50)]));
    assert.equal((refusal as { code: string }).code, "ERR_ENCAP_MESSAGE_TOO_LONG");
  });

  it("ends a half when the peer or its user does, and goes on in the other", async () => {
    const { connection, vpn, pipes } = connected("originator");
    connection.receive(wire);
    connection.receiveEnd();
    const read = await soon("reading", collectUntilError(vpn.ike.readable));
    assert.equal(showMessages(read.chunks), showMessages(ike));
    assert.equal(read.error, undefined);
    const writer = vpn.ike.writable.getWriter();
    await soon("a write after the end of the other half", writer.write(ike[0]!));
    const closed = new Watched("closed", vpn.closed);
    await assertWaits(closed);
    await Promise.all([writer.close(), vpn.esp.writable.close()]);
    assert.deepEqual(await stuck([closed, ...pipes]), []);
    assert.equal(closed.state, "fulfilled");
    assert.deepEqual(connection.released, ["close"]);
    assert.equal(showBytes(connection.sent), showBytes([prefix, framed(ikeMessage(1))]));
  });

  it("drops and counts a message that the end cuts short (R-FRM-16)", async () => {
    const { connection, vpn } = connected("originator");
    connection.receive(wire, Uint8Array.of(0, 40, 1, 2, 3));
    connection.receiveEnd();
    await collectUntilError(vpn.ike.readable);
    assert.equal(vpn.counters.received.partial, 1);
    await vpn.readable.cancel().catch(() => {});
    await vpn.ike.writable.abort();
  });

  it("hands an error of the connection on, as it is, behind what came before it", async () => {
    const reason = new Error("ECONNRESET");
    const { connection, vpn, pipes } = connected("originator");
    connection.receive(wire);
    await turns(5);
    const written = new Watched("writer.closed", vpn.ike.writable.getWriter().closed);
    connection.break(reason);
    const [fromIke, fromEsp] = await Promise.all([
      collectUntilError(vpn.ike.readable),
      collectUntilError(vpn.esp.readable),
    ]);
    assert.equal(showMessages(fromIke.chunks), showMessages(ike));
    assert.equal(showMessages(fromEsp.chunks), showMessages(esp));
    assert.deepEqual([fromIke.error, fromEsp.error], [reason, reason]);
    assert.equal(await soonRejected("closed", vpn.closed), reason);
    assert.deepEqual(await stuck([written, ...pipes]), []);
    assert.equal(written.reason, reason);
  });

  it("lets the connection go at once when a writer aborts, even with a message that waits to be sent", async () => {
    const reason = new Error("abort");
    const vpn = new EncapsulationStream({ role: "originator" });
    const bytes = vpn.readable.getReader();
    const inbound = vpn.writable.getWriter();
    const writer = vpn.esp.writable.getWriter();
    const watched = [
      new Watched("bytes.closed", bytes.closed), // nobody has read the prefix yet
      new Watched("inbound.closed", inbound.closed),
      new Watched("the write", writer.write(esp[0]!)),
      new Watched("ike", vpn.ike.readable.getReader().read()),
      new Watched("vpn.closed", vpn.closed),
    ];
    await turns(5);
    watched.push(new Watched("the abort", writer.abort(reason)));
    assert.deepEqual(await stuck(watched), []);
    assert.deepEqual(
      watched.filter(({ state }) => state === "rejected").map(({ reason }) => reason),
      Array(4).fill(reason),
    );
  });

  it("ends the half that receives when both its readers cancel, and the other goes on", async () => {
    const { connection, vpn, pipes } = connected("responder");
    connection.receive(prefix);
    const reason = new Error("cancel");
    await vpn.ike.readable.cancel(new Error("first"));
    await vpn.esp.readable.cancel(reason);
    assert.deepEqual(await stuck([pipes[0]!]), []);
    assert.deepEqual(connection.released, ["cancel"]);
    assert.deepEqual(connection.reasons, [reason]);
    await soon("a write", vpn.ike.writable.getWriter().write(ike[0]!));
    assert.equal(showBytes(connection.sent), showBytes([framed(ikeMessage(1))]));
    connection.break(new Error("enough"));
    assert.deepEqual(await stuck(pipes), []);
  });

  it("gives readers of a half that has ended in order its messages and its end, whatever happens to the other", async () => {
    const reason = new Error("abort");
    const { connection, vpn, pipes } = connected("originator");
    connection.receive(wire);
    connection.receiveEnd();
    assert.deepEqual(await stuck([pipes[0]!]), []);
    await vpn.ike.writable.abort(reason);
    assert.equal(await soonRejected("vpn.closed", vpn.closed), reason);
    const [fromIke, fromEsp] = await Promise.all(
      [vpn.ike, vpn.esp].map(({ readable }) => collectUntilError(readable)),
    );
    assert.equal(showMessages(fromIke!.chunks), showMessages(ike));
    assert.equal(showMessages(fromEsp!.chunks), showMessages(esp));
    assert.deepEqual([fromIke!.error, fromEsp!.error], [undefined, undefined]);
    assert.deepEqual(await stuck(pipes), []);
    assert.deepEqual(connection.released, ["abort"]);
  });

  it("is closed when nobody reads any more and both writers have closed", async () => {
    const vpn = new EncapsulationStream({ role: "responder" });
    const closed = new Watched("vpn.closed", vpn.closed);
    await Promise.all([vpn.ike.readable.cancel(), vpn.esp.readable.cancel()]);
    await assertWaits(closed);
    const bytes = new Watched("the bytes", collectUntilError(vpn.readable));
    await Promise.all([vpn.ike.writable.close(), vpn.esp.writable.close()]);
    assert.deepEqual(await stuck([closed, bytes]), []);
    assert.equal(closed.state, "fulfilled");
  });

  it("is not closed before its writers are, also when readers cancel after the end of what they read", async () => {
    const { connection, vpn, pipes } = connected("originator");
    const closed = new Watched("vpn.closed", vpn.closed);
    connection.receive(wire);
    connection.receiveEnd();
    assert.deepEqual(await stuck([pipes[0]!]), []);
    await Promise.all([vpn.ike.readable.cancel(), vpn.esp.readable.cancel()]);
    await assertWaits(closed);
    await soon("a write", vpn.ike.writable.getWriter().write(ike[0]!));
    connection.break(new Error("enough"));
    await stuck(pipes);
  });

  it("tells of a fault at once although the peer reads nothing, for a pipe waits for a write that is under way", async () => {
    const { connection, vpn, pipes } = connected("originator");
    connection.stall();
    const written = new Watched("the write", vpn.esp.writable.getWriter().write(esp));
    await turns(5);
    assert.equal(showBytes(connection.sent), showBytes([prefix]), "the write of the prefix is under way");
    connection.receive(Uint8Array.of(0, 0));
    const error = await soonRejected("vpn.closed", vpn.closed) as { code: string };
    assert.equal(error.code, "ERR_ENCAP_LENGTH");
    assert.deepEqual(await stuck([pipes[0]!, written]), []);
    assert.deepEqual(connection.released, ["cancel"]);
    connection.go();
    assert.deepEqual(await stuck(pipes), []);
    assert.deepEqual(connection.released, ["cancel", "abort"]);
    assert.deepEqual(connection.reasons, [error, error]);
  });

  it("holds messages back while the peer does not read, and what is written first goes first", async () => {
    const { connection, vpn, pipes } = connected("responder");
    connection.stall();
    const writer = vpn.esp.writable.getWriter();
    const writes = Array.from(
      { length: 20 },
      (_, i) => new Watched(`write ${i}`, writer.write(espMessage(i))),
    );
    await turns(20);
    const settled = writes.filter(({ state }) => state !== "pending").length;
    assert.ok(settled <= 4, `${settled} writes settled although the peer does not read`);
    connection.go();
    assert.deepEqual(await stuck(writes), []);
    assert.equal(
      showBytes(connection.sent),
      showBytes([framed(...Array.from({ length: 20 }, (_, i) => espMessage(i)))]),
    );
    connection.break(new Error("enough"));
    await stuck(pipes);
  });

  it("carries both kinds both ways at once, each in its order (R-FRM-17)", async () => {
    const originator = new EncapsulationStream({ role: "originator" });
    const responder = new EncapsulationStream({ role: "responder" });
    const piped = originator.readable.pipeThrough(responder).pipeTo(originator.writable);
    const sendAll = async (vpn: EncapsulationStream) => {
      const [ikeWriter, espWriter] = [vpn.ike.writable.getWriter(), vpn.esp.writable.getWriter()];
      for (let i = 0; i < 50; i++) {
        await Promise.all([
          ikeWriter.write(ikeMessage(i).subarray(4)),
          espWriter.write([espMessage(i), espMessage(i, 1400)]),
        ]);
      }
      await Promise.all([ikeWriter.close(), espWriter.close()]);
    };
    const receiveAll = async ({ ike, esp }: EncapsulationStream) => {
      const [fromIke, fromEsp] = await Promise.all(
        [ike, esp].map(({ readable }) => readUntilError(readable.getReader())),
      );
      const expected = Array.from({ length: 50 }, (_, i) => i);
      assert.equal(
        showMessages(fromIke!.chunks),
        showMessages(expected.map((i) => ikeMessage(i).subarray(4))),
      );
      assert.equal(
        showMessages(fromEsp!.chunks),
        showMessages(expected.map((i) => [espMessage(i), espMessage(i, 1400)])),
      );
    };
    await Promise.all([originator, responder].flatMap((vpn) => [sendAll(vpn), receiveAll(vpn)]));
    await Promise.all([piped, originator.closed, responder.closed]);
  });

  it("does linear work for a message of 64 KiB that a peer sends in chunks of one octet", async () => {
    const message = ikeMessage(1, 65529);
    const bytes = concat([prefix, framed(message)]);
    const vpn = new EncapsulationStream({ role: "responder" });
    let ticks = 0;
    let done = false;
    const clock = (async () => {
      for (; !done; ticks++) await turns();
    })();
    let next = 0;
    const source = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (next < bytes.length) controller.enqueue(bytes.subarray(next, ++next));
        else controller.close();
      },
    });
    const piped = source.pipeTo(vpn.writable);
    const { chunks } = await collectUntilError(vpn.ike.readable);
    await piped;
    done = true;
    await clock;
    assert.equal(showMessages(chunks), showMessages([message.subarray(4)]));
    const { octetsCopied } = vpn.counters.received;
    assert.ok(octetsCopied <= 3 * bytes.length, `${octetsCopied} octets were copied for ${bytes.length}`);
    assert.ok(ticks <= bytes.length, `${ticks} turns of the event loop for ${bytes.length} chunks`);
  });

  it("makes the writables only when they are asked for, and always the same ones", () => {
    const vpn = new EncapsulationStream({ role: "responder" });
    assert.equal(vpn.ike.writable, vpn.ike.writable);
    assert.equal(vpn.esp.writable, vpn.esp.writable);
    assert.notEqual(vpn.ike.writable, vpn.esp.writable);
  });

  it("gives a writable that is asked for after the end the error, too", async () => {
    const reason = new Error("abort");
    const vpn = new EncapsulationStream({ role: "responder" });
    await vpn.writable.abort(reason);
    assert.equal(await soonRejected("closed", vpn.ike.writable.getWriter().closed), reason);
    assert.equal(await soonRejected("closed", vpn.closed), reason);
  });
});
