/** WebSocket connections against a peer that is written out by hand, octet by octet. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { concat, fromHex } from "../../../lib/bytes/mod.ts";
import {
  acceptWebSocket,
  type AcceptWebSocketOptions,
  acceptWebSockets,
  type Connection,
  FrameReader,
  MemoryNetwork,
  memoryPair,
  openWebSocket,
} from "../../../lib/transport/mod.ts";
import { patternAt, readAll, rejection, settlesWithin, sleep, until } from "../../_support/streams.ts";

/** The plain end of a stream: writes octets, reads text. */
class Peer {
  readonly connection: Connection;
  readonly writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  /** What came and was not taken. */
  #rest: Uint8Array = new Uint8Array(0);

  constructor(connection: Connection) {
    this.connection = connection;
    this.writer = connection.writable.getWriter();
    this.reader = connection.readable.getReader();
  }

  text(text: string): Promise<void> {
    return this.writer.write(new TextEncoder().encode(text.replaceAll("\n", "\r\n")));
  }

  hex(text: string): Promise<void> {
    return this.writer.write(fromHex(text));
  }

  /** A head, up to its empty line. */
  async head(): Promise<string> {
    for (;;) {
      const text = new TextDecoder().decode(this.#rest);
      const end = text.indexOf("\r\n\r\n");
      if (end >= 0) {
        this.#rest = this.#rest.slice(end + 4);
        return text.slice(0, end);
      }
      assert.ok(await this.more(), "expected a head");
    }
  }

  /** So many octets as hex. */
  async take(length: number): Promise<string> {
    while (this.#rest.length < length) assert.ok(await this.more(), "expected more octets");
    const taken = this.#rest.slice(0, length);
    this.#rest = this.#rest.slice(length);
    return Array.from(taken, (octet) => octet.toString(16).padStart(2, "0")).join("");
  }

  /** Everything up to the end. */
  async all(): Promise<Uint8Array> {
    while (await this.more());
    return this.#rest;
  }

  async more(): Promise<boolean> {
    const { done, value } = await this.reader.read();
    if (!done) this.#rest = concat([this.#rest, value]);
    return !done;
  }
}

const REQUEST = `GET / HTTP/1.1
Host: x
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Version: 13

`;

/** A server's connection and its client, by hand. */
async function accepted(options: AcceptWebSocketOptions = {}): Promise<[Connection, Peer]> {
  const [here, there] = memoryPair();
  const peer = new Peer(there);
  const accepting = acceptWebSocket(here, options);
  await peer.text(REQUEST);
  assert.match(await peer.head(), /^HTTP\/1.1 101 /);
  return [await accepting, peer];
}

/** A client's connection and its server, by hand; `response` may replace what it answers. */
async function opened(rest: Uint8Array = new Uint8Array(0)): Promise<[Connection, Peer]> {
  const [here, there] = memoryPair();
  const peer = new Peer(there);
  const opening = openWebSocket(here);
  const key = /Sec-WebSocket-Key: (.*)/.exec(await peer.head())![1]!;
  const digest = await crypto.subtle.digest(
    "SHA-1",
    new TextEncoder().encode(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`),
  );
  const accept = btoa(String.fromCharCode(...new Uint8Array(digest)));
  const head = new TextEncoder().encode(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  await peer.writer.write(concat([head, rest]));
  return [await opening, peer];
}

async function end(connection: Connection, peer: Peer): Promise<void> {
  await peer.writer.abort().catch(() => {});
  await connection.close();
  await peer.connection.close();
}

describe("A WebSocket connection", () => {
  it("keeps what came glued to the response", async () => {
    const [client, peer] = await opened(fromHex("8203010203"));
    const reader = client.readable.getReader();
    assert.deepEqual([...(await reader.read()).value!], [1, 2, 3]);
    await end(client, peer);
  });

  it("keeps what came glued to the request", async () => {
    const [here, there] = memoryPair();
    const peer = new Peer(there);
    const accepting = acceptWebSocket(here);
    await peer.writer.write(
      concat([
        new TextEncoder().encode(REQUEST.replaceAll("\n", "\r\n")),
        fromHex("828300000000010203"),
      ]),
    );
    const server = await accepting;
    assert.deepEqual([...(await server.readable.getReader().read()).value!], [1, 2, 3]);
    assert.deepEqual(server.layers, [{ layer: "websocket" }]);
    await end(server, peer);
  });

  it("answers a Ping with its payload, and the last of many", async () => {
    const [server, peer] = await accepted();
    await peer.hex("89820000000007ff");
    assert.equal(await peer.take(4), "8a0207ff");
    // More Pings than a slow peer lets be answered: the last one is.
    await peer.writer.write(
      concat(
        Array.from({ length: 2000 }, (_, i) => fromHex(`898200000000${i.toString(16).padStart(4, "0")}`)),
      ),
    );
    let last = "";
    while (last !== "8a0207cf") last = await peer.take(4);
    await end(server, peer);
  });

  it("grows by nothing when a peer floods it with Pings and reads nothing", async () => {
    const [server, peer] = await accepted();
    const pings = concat(Array.from({ length: 1000 }, () => fromHex("898000000000")));
    for (let i = 0; i < 200; i++) {
      if (!await settlesWithin(peer.writer.write(pings), 500)) assert.fail("expected Pings to be read");
    }
    // 200 000 Pings were read, and what waits to be answered is one.
    let pongs = 0;
    const counting = (async () => {
      for (;;) {
        await peer.take(2);
        pongs++;
      }
    })();
    await sleep(50);
    assert.ok(pongs < 100_000, `${pongs} Pongs`);
    await end(server, peer);
    await rejection(counting);
  });

  it("pings when idle", async () => {
    const [server, peer] = await accepted({ pingInterval: 20 });
    assert.equal(await peer.take(4), "89008900");
    await end(server, peer);
  });

  it("takes a Pong that nobody asked for", async () => {
    const [server, peer] = await accepted();
    await peer.hex("8a8000000000828100000000" + "05");
    assert.deepEqual([...(await server.readable.getReader().read()).value!], [5]);
    await end(server, peer);
  });

  it("ends when the peer closes, and closes in answer when it has finished", async () => {
    const [server, peer] = await accepted();
    await peer.hex("88820000000003e8");
    assert.equal((await readAll(server.readable)).length, 0);
    const writer = server.writable.getWriter();
    await writer.write(Uint8Array.of(1));
    await writer.close();
    assert.equal(await peer.take(7), "820101880203e8");
    await server.closed;
    await peer.connection.close();
  });

  for (const code of ["03e8", "03e9", ""]) {
    it(`takes code ${parseInt(code, 16) || "none"} for an end`, async () => {
      const [server, peer] = await accepted();
      await peer.hex(`888${code === "" ? 0 : 2}00000000${code}`);
      assert.equal((await readAll(server.readable)).length, 0);
      await end(server, peer);
    });
  }

  it("takes any other code for a break, and says which", async () => {
    const [client, peer] = await opened(fromHex("880603f162757379"));
    const error = await rejection(client.closed);
    assert.equal(error.code, "ERR_TRANSPORT_RESET");
    assert.match(error.message, /closed by the peer with code 1009 \(too big\): "busy"$/);
    await peer.connection.close();
  });

  it("closes with 1003 for text, after what came before it", async () => {
    const [client, peer] = await opened();
    await peer.hex("82010181026869");
    const reader = client.readable.getReader();
    assert.deepEqual([...(await reader.read()).value!], [1]);
    const error = await rejection(reader.read());
    assert.equal(error.code, "ERR_TRANSPORT_WEBSOCKET");
    assert.equal(await rejection(client.closed), error);
    let closeCode = 0;
    new FrameReader({ role: "server" }).handle((await peer.all()).slice(), (event) => {
      if (event.kind === "close") closeCode = event.code;
    });
    assert.equal(closeCode, 1003);
    await peer.connection.close();
  });

  it("takes an end without a Close frame for a break, also inside a frame", async () => {
    for (const before of ["", "8205aabb"]) {
      const [client, peer] = await opened(fromHex(before));
      await peer.writer.close();
      const error = await rejection(client.closed);
      assert.equal(error.code, "ERR_TRANSPORT_RESET");
      assert.match(error.message, /ended without a Close frame$/);
      await peer.connection.close();
    }
  });

  it("cuts large chunks, so that no frame is of a size that peers refuse", async () => {
    const [server, peer] = await accepted();
    const writer = server.writable.getWriter();
    const written = writer.write(patternAt(0, 3_000_000)).then(() => writer.close());
    const octets: Uint8Array[] = [];
    let frames = 0;
    const reader = new FrameReader({ role: "client", maxFrameLength: 262144 });
    for (let closed = false; !closed;) {
      const { value } = await peer.reader.read();
      reader.handle(value!, (event) => {
        frames++;
        if (event.kind === "data") octets.push(event.octets.slice());
        else closed = event.kind === "close";
      });
    }
    await written;
    assert.deepEqual(concat(octets), patternAt(0, 3_000_000));
    assert.ok(frames >= 12);
    await end(server, peer);
  });
});

describe("acceptWebSocket", () => {
  /** What a client is answered, and the error. */
  async function answerTo(
    text: string,
    options: AcceptWebSocketOptions = {},
  ): Promise<[string, Error & { code?: string }]> {
    const [here, there] = memoryPair();
    const peer = new Peer(there);
    const accepting = rejection(acceptWebSocket(here, options));
    await peer.text(text);
    const answer = new TextDecoder().decode(await peer.all());
    const error = await accepting;
    await peer.connection.close();
    return [answer, error];
  }

  it("answers a request for something else with a status and a sentence, and ends the stream", async () => {
    const [answer, error] = await answerTo(REQUEST, { path: "/vpn" });
    assert.match(answer, /^HTTP\/1.1 404 Not Found\r\n/);
    assert.match(answer, /\r\nConnection: close\r\n/);
    assert.ok(answer.endsWith("\r\n\r\nThere is nothing at this path\n"));
    assert.equal(error.code, "ERR_TRANSPORT_WEBSOCKET");
    assert.match(error.message, /^Refused WebSocket from memory:2 with status 404: /);
  });

  it("tells what to upgrade to", async () => {
    const [answer] = await answerTo("GET / HTTP/1.1\nHost: x\n\n");
    assert.match(
      answer,
      /^HTTP\/1.1 426 Upgrade Required\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n/,
    );
  });

  it("answers a head that is too long with 431", async () => {
    const [answer] = await answerTo(`GET / HTTP/1.1\n${"A: b\n".repeat(4000)}`);
    assert.match(answer, /^HTTP\/1.1 431 /);
  });

  it("answers what is not HTTP with 400", async () => {
    for (
      const text of [
        "\x16\x03\x01 \n\n",
        "GET / HTTP/2\n\n",
        "GET / HTTP/1.1\nno colon\n\n",
        "GET / HTTP/1.1\nA: b\n c\n\n",
      ]
    ) {
      const [answer] = await answerTo(text);
      assert.match(answer, /^HTTP\/1.1 400 /);
    }
  });

  it("answers what cannot become a request at its first octet, while its sender waits", async () => {
    for (
      const [possible, wrong] of [
        ["", "\0"],
        ["", " "],
        ["IKETCP", "\0"],
        ["GET", "\r"],
        ["GET ", " "],
        ["GET /\xc3", "\xa4"],
        ["GET / HTTP/1.", "2"],
        ["GET / HTTP/1.1", " "],
        ["GET / HTTP/1.1\r", "A"],
        ["GET / HTTP/1.1\r\nHost: x", "\0"],
        ["GET / HTTP/1.1\r\nHost: x\r", "y"],
        ["GET / HTTP/1.1\r\nHost: x", "\x7f"],
      ] as const
    ) {
      const [here, there] = memoryPair();
      const accepting = rejection(acceptWebSocket(here, { handshakeTimeout: 60_000 }));
      const writer = there.writable.getWriter();
      const octets = Uint8Array.from(possible + wrong, (character) => character.charCodeAt(0));
      for (let i = 0; i < octets.length; i++) await writer.write(octets.slice(i, i + 1)).catch(() => {});
      assert.match((await accepting).message, /with status 400: /, JSON.stringify(possible + wrong));
      await there.close();
    }
  });

  it("gives up a client that never completes its request, with 408", async () => {
    const [answer, error] = await answerTo("GET / HTTP/1.1\nHost: x", { handshakeTimeout: 30 });
    assert.match(answer, /^HTTP\/1.1 408 /);
    assert.equal(error.code, "ERR_TRANSPORT_WEBSOCKET");
  });

  it("gives up when its signal aborts", async () => {
    const [here, there] = memoryPair();
    const reason = new Error("why");
    const controller = new AbortController();
    const accepting = rejection(acceptWebSocket(here, { signal: controller.signal }));
    await sleep(5);
    controller.abort(reason);
    assert.equal(await accepting, reason);
    assert.equal((await rejection(there.closed)).code, "ERR_TRANSPORT_RESET");
  });

  it("notices an end at every place of the request", async () => {
    const request = REQUEST.replaceAll("\n", "\r\n");
    for (let length = 0; length < request.length; length += 7) {
      const [here, there] = memoryPair();
      const accepting = rejection(acceptWebSocket(here));
      const writer = there.writable.getWriter();
      if (length > 0) await writer.write(new TextEncoder().encode(request.slice(0, length)));
      writer.close().catch(() => {}); // what is reset meanwhile
      assert.match((await accepting).message, /the stream ended before it$/);
      await there.close();
    }
  });

  it("reads a request that comes octet by octet", async () => {
    const [here, there] = memoryPair();
    const accepting = acceptWebSocket(here);
    const peer = new Peer(there);
    for (const octet of new TextEncoder().encode(REQUEST.replaceAll("\n", "\r\n"))) {
      await peer.writer.write(Uint8Array.of(octet));
    }
    await end(await accepting, peer);
  });
});

describe("openWebSocket", () => {
  it("says what a server answered, and ends the stream", async () => {
    for (
      const [answer, message] of [
        ["HTTP/1.1 403 Forbidden\n\n", /expected status 101 Switching Protocols, got 403 Forbidden$/],
        ["SSH-2.0-OpenSSH_9\n\n", /expected an HTTP/],
        [`HTTP/1.1 200 OK\n${"A: b\n".repeat(4000)}`, /expected/],
      ] as const
    ) {
      const [here, there] = memoryPair();
      const peer = new Peer(there);
      const opening = rejection(openWebSocket(here, { host: "gw.example", path: "/vpn" }));
      assert.match(await peer.head(), /^GET \/vpn HTTP\/1.1\r\nHost: gw.example\r\n/);
      peer.text(answer).catch(() => {});
      const error = await opening;
      assert.match(error.message, message);
      await rejection(peer.connection.closed);
    }
  });

  it("says that the stream ended before an answer", async () => {
    for (const before of ["", "HTTP/1.1 101 Swi"]) {
      const [here, there] = memoryPair();
      const peer = new Peer(there);
      const opening = rejection(openWebSocket(here));
      await peer.head();
      if (before !== "") await peer.text(before);
      peer.writer.close().catch(() => {}); // what is reset meanwhile
      assert.match((await opening).message, /end/);
      await peer.connection.close();
    }
  });

  it("gives up when its signal aborts, and aborts the stream", async () => {
    const [here, there] = memoryPair();
    const reason = new Error("why");
    const controller = new AbortController();
    const opening = rejection(openWebSocket(here, { signal: controller.signal }));
    await sleep(5);
    controller.abort(reason);
    assert.equal(await opening, reason);
    assert.equal((await rejection(there.closed)).code, "ERR_TRANSPORT_RESET");
  });
});

describe("acceptWebSockets", () => {
  const address = { hostname: "gw.example", port: 80 };

  it("does not let clients that take their time keep others waiting, and bounds them", async () => {
    const network = new MemoryNetwork();
    const listener = acceptWebSockets(await network.listen(address), { maxHandshakes: 3 });
    const slow = await Promise.all([network.connect(address), network.connect(address)]);
    await sleep(5);
    const [client, { value: server }] = await Promise.all([
      network.connect(address).then((stream) => openWebSocket(stream)),
      listener.connections.getReader().read(),
    ]);
    slow.push(await network.connect(address));
    await sleep(5);
    const late = await network.connect(address);
    assert.equal((await rejection(late.closed)).code, "ERR_TRANSPORT_RESET");
    await Promise.all([client.close(), server!.close(), listener.close()]);
    // Closing gives the handshakes up that are under way.
    for (const each of slow) assert.equal((await rejection(each.closed)).code, "ERR_TRANSPORT_RESET");
  });

  it("resets connections that nobody takes, past its backlog", async () => {
    const network = new MemoryNetwork();
    const listener = acceptWebSockets(await network.listen(address), { backlog: 2 });
    const clients = await Promise.all(
      Array.from({ length: 2 }, async () => openWebSocket(await network.connect(address))),
    );
    await sleep(5);
    const late = await network.connect(address);
    await rejection(late.closed);
    let broken = 0;
    for (const each of clients) each.closed.catch(() => broken++);
    await sleep(5);
    assert.equal(broken, 0);
    await listener.close();
    await until(() => broken === 2, "closing resets those that wait");
  });
});
