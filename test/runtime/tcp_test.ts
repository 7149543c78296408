import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import process from "node:process";
import { describe, it } from "node:test";
import { TransportError } from "../../lib/errors.ts";
import { connectTcp, detectRuntime, listenTcp } from "../../lib/runtime/mod.ts";
import type { TransportAddress } from "../../lib/transport/address.ts";
import type { Connection } from "../../lib/transport/types.ts";
import { openBlackHole } from "../_support/black_hole.ts";
import { readAll, rejection, until } from "../_support/streams.ts";
import { testConnection } from "../compliance/connection_suite.ts";
import { testListener } from "../compliance/listener_suite.ts";

const isDeno = detectRuntime().name === "deno";

async function tcpPair(hostname: string): Promise<[Connection, Connection]> {
  const listener = await listenTcp({ hostname, port: 0 });
  const reader = listener.connections.getReader();
  const [client, { value: server }] = await Promise.all([connectTcp(listener.address), reader.read()]);
  await listener.close();
  return [client, server!];
}

testConnection("TCP", {
  pair: () => tcpPair("127.0.0.1"),
  // Deno closes sockets with a FIN and has no other way.
  aborts: isDeno ? "end" : "reset",
  // What loopback takes into both kernel buffers is about 4 MB, and 6 MB at most with the default limits of Linux.
  capacity: 12_000_000,
});

for (const hostname of ["127.0.0.1", "::1"]) {
  testListener(`TCP listener on ${hostname}`, {
    connect: connectTcp,
    listen: listenTcp,
    address: { hostname, port: 0 },
  });
}

/** Every way in which a connection comes to its end. */
const ENDINGS: Record<string, (client: Connection, server: Connection) => Promise<unknown>> = {
  "both close": (client, server) => Promise.all([client.close(), server.close()]),
  "one closes, the other follows": async (client, server) => {
    const closed = client.close();
    await readAll(server.readable);
    await server.writable.close();
    await closed;
  },
  "one closes, the other never does": (client) => client.close(),
  "both end and read to the end": (client, server) =>
    Promise.all([
      client.writable.close(),
      server.writable.close(),
      readAll(client.readable),
      readAll(server.readable),
    ]),
  "one cancels and ends": (client, server) =>
    Promise.all([client.readable.cancel(), client.writable.close(), server.close()]),
  "one aborts": (client) => client.writable.abort(),
  "both abort": (client, server) => Promise.all([client.writable.abort(), server.writable.abort()]),
};

const DESCRIPTORS = "/proc/self/fd";

describe("TCP sockets", { skip: existsSync(DESCRIPTORS) ? false : `there is no ${DESCRIPTORS}` }, () => {
  for (const [name, end] of Object.entries(ENDINGS)) {
    it(`are released when ${name}`, async () => {
      const before = countSockets();
      const pairs = await Promise.all(Array.from({ length: 10 }, () => tcpPair("127.0.0.1")));
      assert.ok(countSockets() >= before + 20);
      await Promise.all(pairs.map(async ([client, server]) => {
        await end(client, server);
        await client.closed.catch(() => {});
        // The end that was left alone notices once it is used.
        await server.close();
      }));
      await until(() => countSockets() <= before, "no socket stays open");
    });
  }
});

function countSockets(): number {
  let sockets = 0;
  for (const name of readdirSync(DESCRIPTORS)) {
    try {
      if (readlinkSync(`${DESCRIPTORS}/${name}`).startsWith("socket:")) sockets++;
    } catch {
      // The descriptor that listed the directory is gone by now.
    }
  }
  return sockets;
}

describe("connectTcp", () => {
  it("gives up an attempt when its signal aborts, with the signal's reason", async () => {
    const hole = await openBlackHole();
    const controller = new AbortController();
    const reason = new Error("why");
    const attempt = rejection(connectTcp(hole.address, { signal: controller.signal }));
    setTimeout(() => controller.abort(reason), 50);
    assert.equal(await attempt, reason);
    await hole.close();
  });

  it("gives up an attempt after its timeout", async () => {
    const hole = await openBlackHole();
    const error = await rejection(connectTcp(hole.address, { timeout: 100 }));
    assert.ok(error instanceof TransportError);
    assert.equal(error.code, "ERR_TRANSPORT_TIMEOUT");
    assert.match(error.message, /^Cannot connect to tcp 127\.0\.0\.1:\d+: no answer within 0\.1 s$/);
    await hole.close();
  });

  it("says that a name cannot be resolved", async () => {
    for (const attempt of [connectTcp, listenTcp]) {
      const error = await rejection(attempt({ hostname: "does-not-exist.invalid", port: 4500 }));
      assert.ok(error instanceof TransportError);
      assert.equal(error.code, "ERR_TRANSPORT_RESOLVE");
      assert.match(error.message, /does-not-exist\.invalid:4500: the name cannot be resolved/);
    }
  });

  it("connects to a name", async () => {
    const listener = await listenTcp({ hostname: "localhost", port: 0 });
    const client = await connectTcp({ hostname: "localhost", port: listener.address.port });
    assert.match(client.remoteAddress.hostname, /^(127\.|::1$)/);
    await Promise.all([client.close(), listener.close()]);
  });

  it("connects from the local address it is given", async () => {
    const listener = await listenTcp({ hostname: "127.0.0.1", port: 0 });
    const reader = listener.connections.getReader();
    const localAddress: TransportAddress = { hostname: "127.0.0.9", port: 0 };
    const client = await connectTcp(listener.address, { localAddress });
    const { value: server } = await reader.read();
    assert.equal(client.localAddress.hostname, "127.0.0.9");
    assert.deepEqual(server?.remoteAddress, client.localAddress);
    const sent = new Response("from there").body!.pipeTo(client.writable);
    assert.equal(new TextDecoder().decode(await readAll(server!.readable)), "from there");
    await sent;
    await Promise.all([client.close(), server!.close(), listener.close()]);
  });

  it("says that a local address is not of this machine", async () => {
    const error = await rejection(
      connectTcp({ hostname: "127.0.0.1", port: 9 }, {
        localAddress: { hostname: "198.51.100.77", port: 0 },
      }),
    );
    // What Deno's node:net reports is EINVAL.
    assert.equal(error.code, isDeno ? "ERR_TRANSPORT_FAILED" : "ERR_TRANSPORT_ADDRESS_NOT_AVAILABLE");
    const listening = await rejection(listenTcp({ hostname: "198.51.100.77", port: 0 }));
    assert.equal(listening.code, "ERR_TRANSPORT_ADDRESS_NOT_AVAILABLE");
  });

  it("refuses what no caller should pass", async () => {
    for (const port of [-1, 65536, 1.5, NaN]) {
      for (const attempt of [connectTcp, listenTcp]) {
        const error = await rejection(attempt({ hostname: "127.0.0.1", port }));
        assert.ok(error instanceof RangeError, `port ${port}`);
        assert.equal(error.code, "ERR_OPTION_RANGE");
      }
    }
    const error = await rejection(connectTcp({ hostname: "127.0.0.1", port: 9 }, { timeout: -1 }));
    assert.equal(error.code, "ERR_OPTION_RANGE");
  });

  it("hears IPv4 on an IPv6 listener for every address, and calls it IPv4", async () => {
    const listener = await listenTcp({ hostname: "::", port: 0 });
    const reader = listener.connections.getReader();
    const client = await connectTcp({ hostname: "127.0.0.1", port: listener.address.port });
    const { value: server } = await reader.read();
    assert.equal(server?.remoteAddress.hostname, "127.0.0.1");
    assert.equal(server?.localAddress.hostname, "127.0.0.1");
    await Promise.all([client.close(), server!.close(), listener.close()]);
  });
});

describe("listenTcp", () => {
  it("bounds the connections that wait to be accepted", async () => {
    const listener = await listenTcp({ hostname: "127.0.0.1", port: 0 }, { backlog: 5 });
    const clients = await Promise.allSettled(
      Array.from({ length: 40 }, () => connectTcp(listener.address, { timeout: 500 })),
    );
    const open = clients.flatMap((each) => each.status === "fulfilled" ? [each.value] : []);
    let broken = 0;
    for (const each of open) {
      const over = () => void broken++;
      each.closed.then(over, over);
    }
    // Turned away by this process, or never answered by the kernel (whose own backlog comes on top).
    if (!isDeno) await until(() => open.length - broken <= 5, "the rest is turned away");
    assert.ok(open.length - broken <= 5 + (isDeno ? 6 : 0), `${open.length - broken} of 40 were kept`);
    await listener.close();
    await Promise.all(open.map(async (each) => {
      await each.writable.abort().catch(() => {});
      await each.close();
    }));
  });

  it("hands on every octet that came before anybody took the connection", async () => {
    const listener = await listenTcp({ hostname: "127.0.0.1", port: 0 });
    const client = await connectTcp(listener.address);
    const writer = client.writable.getWriter();
    await writer.write(Uint8Array.of(1, 2, 3));
    await writer.close();
    await new Promise((resolve) => setTimeout(resolve, 50));
    for await (const server of listener.connections) {
      assert.deepEqual([...await readAll(server.readable)], [1, 2, 3]);
      await Promise.all([server.close(), client.close()]);
      break;
    }
    await listener.close();
  });
});

/** State of the kernel's timer of a connection, as `/proc/net/tcp` tells it: 2 is a keepalive's. */
function timerOf({ port }: TransportAddress, peer: TransportAddress): number | undefined {
  const hex = (value: number) => value.toString(16).toUpperCase().padStart(4, "0");
  const row = readFileSync("/proc/net/tcp", "utf8").split("\n").map((line) => line.trim().split(/\s+/))
    .find(([, local, remote]) => local?.endsWith(`:${hex(port)}`) && remote?.endsWith(`:${hex(peer.port)}`));
  return row && parseInt(row[5]!, 16);
}

describe("An idle TCP connection", { skip: process.platform !== "linux" }, () => {
  it("is watched by keepalives of the system at both ends (R-KAL-5)", async () => {
    const listener = await listenTcp({ hostname: "127.0.0.1", port: 0 });
    const near = await connectTcp(listener.address);
    const { value: far } = await listener.connections.getReader().read();
    for (const { localAddress, remoteAddress } of [near, far!]) {
      assert.equal(timerOf(localAddress, remoteAddress), 2);
    }
    await Promise.all([near.close(), far!.close(), listener.close()]);
  });
});
