import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { ConfigError, TunnelError } from "../../lib/errors.ts";
import { Credentials } from "../../lib/ike/auth/mod.ts";
import { emitUdpPacket } from "../../lib/ip/mod.ts";
import { type Connection, memoryPair } from "../../lib/transport/mod.ts";
import {
  type ChildSaTraffic,
  connect,
  echoReply,
  emitIcmpEcho,
  parseIcmpEcho,
  type Session,
} from "../../lib/tunnel/mod.ts";
import { CLIENT, crypto, GATEWAY, HOST, Scene, sharedSecret } from "./_scene.ts";

/** Pings the host behind the gateway from the session's virtual address; gives the sequence number that came back. */
async function ping(
  session: Session,
  sequence: number,
  data = new Uint8Array(56),
): Promise<number | undefined> {
  const writer = session.writable.getWriter();
  const reader = session.readable.getReader();
  try {
    await writer.write(emitIcmpEcho({
      kind: "request",
      source: session.configuration.addresses[0]!,
      destination: HOST,
      identifier: 7,
      sequence,
      data,
    }));
    const { value } = await reader.read();
    return value && parseIcmpEcho(value[0]!)?.sequence;
  } finally {
    writer.releaseLock();
    reader.releaseLock();
  }
}

/** Answers pings until the session ends. */
async function answer(session: Session): Promise<void> {
  const writer = session.writable.getWriter();
  for await (const batch of session.readable) {
    const replies = batch.flatMap((packet) => echoReply(packet) ?? []);
    if (replies.length > 0) await writer.write(replies);
  }
}

/** Waits until something holds; the test's own time limit ends it otherwise. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
}

describe("A tunnel", () => {
  it("is set up, carries packets, and is deleted", async () => {
    const scene = await Scene.open();
    const [session, there] = await Promise.all([scene.connect(), scene.arrival()]);
    const answering = answer(there);
    assert.equal(session.remoteId, "gw.example");
    assert.equal(there.remoteId, "client.example");
    assert.equal(await ping(session, 1), 1);
    assert.equal(await ping(session, 2), 2);
    await session.close();
    await Promise.all([session.closed, there.closed, answering]);
    assert.equal(there.counters.received.packets, 2);
    assert.equal(session.counters.received.packets, 2);
    await scene.close();
  });

  it("tells a peer that sends with an SPI that nobody has (RFC 7296, section 1.5)", async () => {
    const unknown: number[] = [];
    const scene = await Scene.open({ gateway: { onUnknownSpi: (spi) => unknown.push(spi) } });
    const below = await scene.dial();
    const writer = below.writable.getWriter();
    const { readable, localAddress, remoteAddress, opened, closed } = below;
    const connection: Connection = {
      ...{ readable, localAddress, remoteAddress, opened, closed },
      writable: new WritableStream({ write: (chunk) => writer.write(chunk), close: () => writer.close() }),
      close: (reason) => below.close(reason),
    };
    const [session] = await Promise.all([scene.connect({}, connection), scene.arrival()]);
    await writer.write(Uint8Array.of(0, 18, 0xde, 0xad, 0xbe, 0xef, ...new Uint8Array(12)));
    await until(() => scene.lines("gateway").includes("INFORMATIONAL { N(INVALID_SPI) } -->"));
    assert.deepEqual(unknown, [0xdeadbeef]);
    await session.close();
    await scene.close();
  });

  it("is closed by closing its writable", async () => {
    const scene = await Scene.open();
    const [session, there] = await Promise.all([scene.connect(), scene.arrival()]);
    await session.writable.close();
    await Promise.all([session.closed, there.closed]);
    await scene.close();
  });

  it("ends in order when the gateway closes", async () => {
    const scene = await Scene.open();
    const session = await scene.connect();
    await scene.close();
    await session.closed;
    const { done } = await session.readable.getReader().read();
    assert.equal(done, true);
    await assert.rejects(session.writable.getWriter().write(new Uint8Array(20)), {
      code: "ERR_TUNNEL_CLOSED",
    });
  });

  it("gives each client an address of its own, and takes it back", async () => {
    const scene = await Scene.open();
    const clients = ["a.example", "b.example", "c.example"].map((id) => ({
      ...CLIENT,
      local: { auth: "psk", id },
    }));
    const sessions = await Promise.all(clients.map((configuration) => scene.connect({ configuration })));
    const addresses = sessions.map(({ configuration }) => configuration.addresses[0]!.join("."));
    assert.equal(new Set(addresses).size, 3);
    assert.ok(addresses.every((address) => address.startsWith("10.99.0.")));
    for (const session of sessions) await session.close();
    const next = await scene.connect();
    assert.ok(next.configuration.addresses[0]!.join(".").startsWith("10.99.0."));
    await scene.close();
  });

  it("shows the exchanges in the notation of RFC 7296, and no key", async () => {
    const scene = await Scene.open();
    const session = await scene.connect();
    await session.close();
    const [init, auth, deletion] = scene.lines("client");
    assert.match(init!, /^IKE_SA_INIT \{ SA, KEi, Ni, .* \} -->$/);
    assert.match(auth!, /^IKE_AUTH \{ IDi, .*AUTH, .*SA, TSi, TSr.* \} -->$/);
    assert.match(deletion!, /^INFORMATIONAL \{ D \} -->$/);
    const installed = scene.events.flatMap(({ event }) =>
      event.type === "child_sa_installed" ? [event.childSa] : []
    );
    assert.equal(installed.length, 2);
    for (const { inbound, outbound } of installed) {
      for (const { encryptionKey, integrityKey } of [inbound, outbound]) {
        assert.equal(encryptionKey.length + integrityKey.length, 0);
      }
    }
    await scene.close();
  });
});

describe("A tunnel that cannot be set up", () => {
  it("says that the secret is wrong, at both ends", async () => {
    const failures: string[] = [];
    const scene = await Scene.open({ gateway: { onFailed: ({ text }) => failures.push(text) } });
    await assert.rejects(
      scene.connect({ credentials: sharedSecret("another one") }),
      (error) =>
        error instanceof TunnelError && error.code === "ERR_TUNNEL_FAILED" && /AUTH/i.test(error.message),
    );
    await until(() => failures.length > 0);
    assert.match(failures[0]!, /shared keys differ/);
    await scene.close();
  });

  it("says that there is no secret before anything is sent, and lets the connection go", async () => {
    const scene = await Scene.open();
    await assert.rejects(
      scene.connect({ credentials: new Credentials() }),
      (error) =>
        error instanceof ConfigError && error.code === "ERR_CONFIG_CREDENTIAL" &&
        /no pre-shared key for client\.example and gw\.example/.test(error.message),
    );
    assert.deepEqual(scene.lines("client"), []);
    await scene.close();
  });

  it("says that nothing is allowed by the peer's selectors", async () => {
    const scene = await Scene.open();
    const children = { net: { remote_ts: "203.0.113.0/24" } };
    await assert.rejects(scene.connect({ configuration: { ...CLIENT, children } }), {
      code: "ERR_TUNNEL_CHILD",
      message: /TS_UNACCEPTABLE/,
    });
    await scene.close();
  });

  it("gives up when the caller does", async () => {
    const scene = await Scene.open();
    const controller = new AbortController();
    const attempt = scene.connect({ signal: controller.signal });
    controller.abort(new Error("changed my mind"));
    await assert.rejects(attempt, /changed my mind/);
    await assert.rejects(scene.connect({ signal: controller.signal }), /changed my mind/);
    await scene.close();
  });

  it("says that the connection ended", async () => {
    const scene = await Scene.open();
    await scene.gateway.close();
    const [here, there] = memoryPair();
    await there.close();
    await assert.rejects(connect(here, { crypto, credentials: sharedSecret(), configuration: CLIENT }), {
      code: "ERR_TUNNEL_LOST",
    });
    await scene.close();
  });
});

describe("A session", () => {
  it("replaces child SAs by name and the IKE SA by itself, and tells what each child SA carried", async () => {
    const ended: { readonly end: string; readonly traffic: ChildSaTraffic }[] = [];
    const note = (end: string) => (traffic: ChildSaTraffic) => void ended.push({ end, traffic });
    const scene = await Scene.open({
      client: { onChildEnd: note("client") },
      gateway: { onChildEnd: note("gateway") },
    });
    const [session, there] = await Promise.all([scene.connect(), scene.arrival()]);
    const answering = answer(there);
    const [ikeSa, [before]] = [session.ikeSa, session.children];
    for (let sequence = 1; sequence <= 3; sequence++) await ping(session, sequence);
    assert.equal(session.children[0]!.sent.packets, 3);
    assert.equal(session.children[0]!.received.packets, 3);

    session.rekeyChild("no such child");
    session.rekeyChild("net");
    await until(() => session.children[0]!.child !== before!.child && there.children.length === 1);
    assert.equal(session.ikeSa, ikeSa);
    session.rekeyIke();
    await until(() => session.ikeSa !== ikeSa);
    await ping(session, 4);
    await session.close();
    await Promise.all([there.closed, answering]);
    for (const end of ["client", "gateway"]) {
      const traffic = ended.filter((one) => one.end === end).map(({ traffic }) => traffic)
        .sort((one, other) => one.child - other.child);
      assert.deepEqual(traffic.map(({ name, sent }) => [name, sent.packets]), [["net", 3], ["net", 1]]);
      assert.deepEqual(traffic.map(({ received }) => received.packets), [3, 1]);
    }
    assert.ok(ended.some(({ traffic }) => traffic.inboundSpi === before!.inboundSpi));
    await scene.close();
  });

  it("breaks when the connection does, and says so", async () => {
    const scene = await Scene.open();
    const connection = await scene.dial();
    const session = await connect(connection, { crypto, credentials: sharedSecret(), configuration: CLIENT });
    const read = session.readable.getReader().read();
    await connection.close();
    await assert.rejects(session.closed, { code: "ERR_TUNNEL_BROKEN" });
    await assert.rejects(read, { code: "ERR_TUNNEL_BROKEN" });
    await scene.close();
  });

  it("drops what nobody reads, the oldest first, and counts it", async () => {
    const scene = await Scene.open({ gateway: { maxQueuedOctets: 4096 } });
    const [session, there] = await Promise.all([scene.connect(), scene.arrival()]);
    const source = session.configuration.addresses[0]!;
    const writer = session.writable.getWriter();
    for (let i = 0; i < 32; i++) {
      const data = new Uint8Array(1000).fill(i);
      await writer.write(emitUdpPacket(source, HOST, { sourcePort: 1, destinationPort: 2, data }));
    }
    await until(() => there.counters.received.packets === 32);
    const { value } = await there.readable.getReader().read();
    assert.equal(value!.length + there.counters.unread, 32);
    assert.ok(there.counters.unread >= 28);
    assert.equal(value!.at(-1)!.at(-1), 31);
    await session.close();
    await scene.close();
  });

  it("tells the sender of a packet that does not fit", async () => {
    const scene = await Scene.open({ client: { mtu: 600 } });
    const session = await scene.connect();
    const reader = session.readable.getReader();
    const [source] = session.configuration.addresses;
    const data = new Uint8Array(800);
    const packet = emitUdpPacket(source!, HOST, { sourcePort: 1, destinationPort: 2, data });
    await session.writable.getWriter().write(packet);
    const { value } = await reader.read();
    assert.equal(value![0]![20], 3, "ICMP destination unreachable");
    assert.equal(session.counters.sent.dropped.too_big, 1);
    await session.close();
    await scene.close();
  });

  it("takes no packets that its selectors are not for", async () => {
    const scene = await Scene.open();
    const session = await scene.connect();
    const [source] = session.configuration.addresses;
    const elsewhere = new Uint8Array([203, 0, 113, 1]);
    const datagram = { sourcePort: 1, destinationPort: 2, data: new Uint8Array(8) };
    await session.writable.getWriter().write([
      emitUdpPacket(source!, elsewhere, datagram),
      new Uint8Array(3),
    ]);
    assert.equal(session.counters.sent.dropped.no_policy, 1);
    assert.equal(session.counters.sent.dropped.malformed, 1);
    await session.close();
    await scene.close();
  });

  it("may have no child SA", async () => {
    const { children: _, ...childless } = CLIENT;
    const scene = await Scene.open({ gateway: { configurations: [{ ...GATEWAY, childless: "allow" }] } });
    const session = await scene.connect({ configuration: { ...childless, childless: "force" } });
    assert.equal(session.childCount, 0);
    await session.close();
    await scene.close();
  });
});
