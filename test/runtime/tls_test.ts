import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { describe, it } from "node:test";
import { IketcpError } from "../../lib/errors.ts";
import {
  acceptTls,
  connectTcp,
  connectTls,
  detectRuntime,
  listenTcp,
  type TlsConnection,
  type TlsConnectOptions,
  TlsSessions,
} from "../../lib/runtime/mod.ts";
import {
  type ByteDuplex,
  type Connection,
  memoryPair,
  parsePin,
  type TlsServerSettings,
  type TlsVersion,
} from "../../lib/transport/mod.ts";
import { CA, type CertificateName, identity } from "../_support/certificates.ts";
import { readAll, rejection } from "../_support/streams.ts";
import { testConnection } from "../compliance/connection_suite.ts";

const runtime = detectRuntime().name;
const HOST = "gw.example";

async function tcpPair(): Promise<[Connection, Connection]> {
  const listener = await listenTcp({ hostname: "127.0.0.1", port: 0 });
  const reader = listener.connections.getReader();
  const [client, { value: server }] = await Promise.all([connectTcp(listener.address), reader.read()]);
  await listener.close();
  return [client, server!];
}

/** Both handshakes on a pair. */
function tlsPair(
  [client, server]: readonly [ByteDuplex, ByteDuplex],
  clientOptions: TlsConnectOptions = {},
  serverSettings: Partial<TlsServerSettings> = {},
): Promise<[TlsConnection, TlsConnection]> {
  return Promise.all([
    connectTls(client, { ca: CA, host: HOST, ...clientOptions }),
    acceptTls(server, { ...identity("server"), ...serverSettings }),
  ]);
}

/** Both outcomes of a handshake that fails, with nothing left open. */
async function failedPair(
  clientOptions: TlsConnectOptions,
  serverSettings: Partial<TlsServerSettings>,
): Promise<[client: Error & { code?: string }, server: unknown]> {
  const [client, server] = memoryPair();
  const [connected, accepted] = await Promise.allSettled([
    connectTls(client, { host: HOST, ...clientOptions }),
    acceptTls(server, { ...identity("server"), ...serverSettings }),
  ]);
  assert.ok(connected.status === "rejected", "expected the client to refuse");
  // TLS 1.3: the server is done before it hears what the client thinks of its certificate.
  if (accepted.status === "fulfilled") await accepted.value.close();
  await Promise.all([client, server].map((each) => each.closed.catch(() => {})));
  return [connected.reason, accepted.status === "rejected" ? accepted.reason : undefined];
}

async function closeAll(connections: readonly Connection[]): Promise<void> {
  await Promise.all(connections.map((each) => each.close()));
}

function fingerprint(name: CertificateName): string {
  const { raw } = new X509Certificate(identity(name).cert);
  return createHash("sha256").update(raw).digest("hex");
}

testConnection("TLS over TCP", {
  pair: async () => {
    const [client, server] = await tlsPair(await tcpPair());
    // Tickets of TLS 1.3 that arrive together with a reset hide it: Node's libuv then reports an end.
    const reader = client.readable.getReader();
    await Promise.all([server.transmit!(Uint8Array.of(0)), reader.read()]);
    reader.releaseLock();
    return [client, server];
  },
  aborts: runtime === "deno" ? "end" : "reset",
  capacity: 12_000_000,
  // Bun closes both directions when the peer ends its own.
  halfClose: runtime !== "bun",
  programs: 10,
});

describe("TLS", () => {
  it("reports what was negotiated, and asks for no client certificate (R-TLS-1, R-TLS-5)", async () => {
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
      const [client, server] = await tlsPair(memoryPair(), { maxVersion: version, ...identity("renewed") });
      for (const { tls, layers } of [client, server]) {
        assert.equal(tls.protocol, version);
        assert.match(tls.cipher, version === "TLSv1.3" ? /^TLS_/ : /^ECDHE-ECDSA-|^TLS_ECDHE_ECDSA_/);
        assert.equal(tls.alpn, undefined);
        assert.equal(tls.resumed, false);
        assert.deepEqual(layers, [{ layer: "tls", ...tls }]);
      }
      assert.equal(client.tls.verified, "ca");
      assert.equal(client.tls.peerCertificate?.fingerprint, fingerprint("server"));
      assert.equal(client.tls.peerCertificate?.der.constructor, Uint8Array);
      assert.equal(server.tls.peerCertificate, undefined);
      await closeAll([client, server]);
    }
  });

  it("runs on any pair of streams, and inside itself", async () => {
    const [up, down] = [0, 1].map(() => new TransformStream<Uint8Array, Uint8Array>());
    const outer = await tlsPair([
      { readable: down!.readable, writable: up!.writable },
      { readable: up!.readable, writable: down!.writable },
    ]);
    const [client, server] = await tlsPair(outer);
    assert.deepEqual(client.layers.map(({ layer }) => layer), ["tls", "tls"]);
    const sent = new Response("hello").body!.pipeTo(client.writable);
    assert.equal(new TextDecoder().decode(await readAll(server.readable)), "hello");
    await sent;
    await closeAll([client, server]);
  });

  it("agrees on a protocol by ALPN, and says when there is none in common", async () => {
    const [client, server] = await tlsPair(memoryPair(), { alpn: ["x", "ipsec"] }, { alpn: ["ipsec", "y"] });
    assert.deepEqual([client.tls.alpn, server.tls.alpn], ["ipsec", "ipsec"]);
    await closeAll([client, server]);
    if (runtime === "bun") return; // goes on without one, as RFC 7301 also allows
    const [error] = await failedPair({ ca: CA, alpn: ["x"] }, { alpn: ["y"] });
    assert.equal(error.code, "ERR_TRANSPORT_TLS");
  });

  it("checks an address as it checks a name, and sends the name that it is told", async () => {
    for (const options of [{ host: "127.0.0.1" }, { host: "::1" }, { host: "127.0.0.1", sni: HOST }]) {
      await closeAll(await tlsPair(memoryPair(), options));
    }
    for (const options of [{ host: "192.0.2.1" }, { host: HOST, sni: "elsewhere.example" }]) {
      const [error] = await failedPair({ ca: CA, ...options }, {});
      assert.equal(error.code, "ERR_TRANSPORT_TLS_CERTIFICATE", error.message);
    }
  });

  const bad: [CertificateName, RegExp][] = [
    ["expired", /the server's certificate .*has expired$/],
    ["other-name", /the server's certificate is for another name$/],
    ["stranger", /not issued by an authority that is trusted/],
    ["self-signed", /not issued by an authority that is trusted$/],
  ];
  for (const [name, message] of bad) {
    it(`refuses a certificate that is ${name}, unless its fingerprint is pinned or it is told not to look`, async () => {
      const [error] = await failedPair({ ca: CA }, identity(name));
      assert.ok(error instanceof IketcpError);
      assert.equal(error.code, "ERR_TRANSPORT_TLS_CERTIFICATE");
      assert.match(error.message, /^Cannot speak TLS with gw\.example: /);
      assert.match(error.message, message);
      const allowed: [TlsConnectOptions, string][] = [
        [{ ca: undefined, pin: ["00".repeat(32), fingerprint(name)] }, "pin"],
        [{ insecure: true }, "no"], // R-TLS-10
        [{ insecure: true, pin: [fingerprint(name)] }, "pin"],
      ];
      for (const [options, verified] of allowed) {
        const [client, server] = await tlsPair(memoryPair(), options, identity(name));
        assert.equal(client.tls.verified, verified);
        await closeAll([client, server]);
      }
    });
  }

  it("refuses a certificate that is not pinned, whoever issued it; with authorities both must hold", async () => {
    for (const pin of [fingerprint("renewed"), "00".repeat(32)]) {
      for (const ca of [undefined, CA]) {
        const [error] = await failedPair({ ca, pin: [pin] }, {});
        assert.equal(error.code, "ERR_TRANSPORT_TLS_CERTIFICATE");
        assert.match(
          error.message,
          new RegExp(`none of the pinned fingerprints but ${fingerprint("server")}`),
        );
      }
    }
    const [error] = await failedPair({ ca: CA, pin: [fingerprint("stranger")] }, identity("stranger"));
    assert.match(error.message, /not issued by an authority/);
    const pin = [fingerprint("server").toUpperCase().match(/../g)!.join(":")];
    const [client, server] = await tlsPair(memoryPair(), { pin });
    assert.equal(client.tls.verified, "ca and pin");
    await closeAll([client, server]);
    assert.equal(parsePin(pin[0]!), fingerprint("server"));
  });

  it("does not fall below the version that is asked for, at either end", async () => {
    for (
      const [mine, theirs] of [
        [{ minVersion: "TLSv1.3" }, { maxVersion: "TLSv1.2" }],
        [{ maxVersion: "TLSv1.2" }, { minVersion: "TLSv1.3" }],
      ] as const
    ) {
      const [client] = await failedPair({ ca: CA, ...mine }, theirs);
      assert.equal(client.code, "ERR_TRANSPORT_TLS", client.message);
    }
  });

  it("resumes a session that it keeps, where the runtime can (R-TLS-6, R-TLS-7)", async () => {
    const { listenTls } = await import("../../lib/runtime/mod.ts");
    const listener = listenTls(await listenTcp({ hostname: "127.0.0.1", port: 0 }), identity("server"));
    const accepted = listener.connections.getReader();
    const sessions = new TlsSessions();
    const resumed: boolean[] = [];
    const dial = async (options: TlsConnectOptions) => {
      const [client, { value: server }] = await Promise.all([
        connectTls(await connectTcp(listener.address), { ca: CA, host: HOST, sessions, ...options }),
        accepted.read(),
      ]);
      const [reader, writer] = [client.readable.getReader(), server!.writable.getWriter()];
      await Promise.all([writer.write(Uint8Array.of(0)), reader.read()]); // the tickets came before
      resumed.push(client.tls.resumed);
      assert.equal(client.tls.protocol, "TLSv1.3");
      await closeAll([client, server!]);
    };
    await dial({});
    await dial({});
    await dial({ pin: [fingerprint("server")] }); // other settings: a session proves nothing for them
    await dial({ pin: [fingerprint("server")] });
    // Deno's TLS keeps sessions to itself, and tells sometimes that it used one.
    if (runtime !== "deno") assert.deepEqual(resumed, [false, true, false, true]);
    await listener.close();
  });

  it("gives a key log where the runtime has one", async () => {
    const lines: string[] = [];
    const onKeyLog = (line: string) => lines.push(line);
    if (runtime === "deno") {
      const error = await rejection(connectTls(memoryPair()[0], { host: HOST, onKeyLog }));
      assert.equal(error.code, "ERR_TRANSPORT_UNSUPPORTED");
      assert.match(error.message, /with a key log: Deno .* has none; Node has$/);
      return;
    }
    const pair = await tlsPair(memoryPair(), { onKeyLog }, { onKeyLog });
    const labels = ["CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0"];
    for (const label of labels) {
      const logged = lines.filter((line) => new RegExp(`^${label} [0-9a-f]{64} [0-9a-f]+$`).test(line));
      assert.ok(logged.length >= 1, `${label} in ${lines.join("\n")}`);
      assert.equal(new Set(logged).size, 1, "both ends log the same");
    }
    await closeAll(pair);
  });

  it("speaks a NULL cipher in Node when both ends ask, and refuses elsewhere (R-TLS-8)", async () => {
    const nullCipher = true;
    if (runtime !== "node") {
      for (
        const attempt of [
          connectTls(memoryPair()[0], { host: HOST, nullCipher }),
          acceptTls(memoryPair()[0], { ...identity("server"), nullCipher }),
        ]
      ) {
        const error = await rejection(attempt);
        assert.equal(error.code, "ERR_TRANSPORT_UNSUPPORTED");
        assert.match(error.message, /with a NULL cipher: .* has none; Node has$/);
      }
      return;
    }
    for (const name of ["server", "rsa"] as const) {
      const { pair, octets } = recordedPair();
      const [client, server] = await tlsPair(pair, { nullCipher }, { ...identity(name), nullCipher });
      assert.match(client.tls.cipher, /NULL/);
      assert.equal(client.tls.protocol, "TLSv1.2");
      const sent = new Response("seen by anybody").body!.pipeTo(client.writable);
      await readAll(server.readable);
      await sent;
      assert.ok(new TextDecoder("latin1").decode(octets()).includes("seen by anybody"));
      await closeAll([client, server]);
    }
    // A server that allows it still encrypts for others, and one that does not is not taken.
    const [client, server] = await tlsPair(memoryPair(), {}, { nullCipher });
    assert.equal(client.tls.protocol, "TLSv1.3");
    await closeAll([client, server]);
    const [error] = await failedPair({ ca: CA, nullCipher }, {});
    assert.equal(error.code, "ERR_TRANSPORT_TLS");
  });

  it("says close_notify, then ends the stream below (R-TLS-12)", async () => {
    for (const end of ["client", "server"] as const) {
      const { pair, octets } = recordedPair(end);
      const [client, server] = await tlsPair(pair, { maxVersion: "TLSv1.2" });
      const [here, there] = end === "client" ? [client, server] : [server, client];
      const sent = new Response("last words").body!.pipeTo(here.writable);
      assert.equal(new TextDecoder().decode(await readAll(there.readable)), "last words");
      await sent;
      const types = recordTypes(octets());
      assert.deepEqual(types.slice(-2), [0x17, 0x15], "application data, then an alert, then the end");
      await closeAll([client, server]);
    }
  });

  const strangers: [string, string, RegExp][] = [
    ["a server of RFC 9329 without TLS", "\0\x10\0\0\0\0", /does not speak TLS|ended the connection/],
    ["a web server without TLS", "HTTP/1.1 400 Bad Request\r\n\r\n", /does not speak TLS/],
    ["a mail server", "220 mail.example ESMTP\r\n", /does not speak TLS/],
    ["nobody, at once", "", /ended the connection inside the handshake|reset/],
    ["an old server, by an alert", "\x15\x03\x01\0\x02\x02\x46", /no version of TLS in common/],
    [
      "a server that refuses, by an alert",
      "\x15\x03\x03\0\x02\x02\x28",
      /no cipher suite or parameter in common/,
    ],
    ["a server that is out of order", "\x14\x03\x03\0\x01\x01".repeat(100), /: .*unexpected/],
    [
      "a server whose message is too long",
      `\x16\x03\x03\x40\0\x02\xff\xff\xff${"\0".repeat(16380)}`,
      /too long|TLS$/,
    ],
    ["a server that ends inside its first record", "\x16\x03\x03\x40\0\x02\0\0", /ended the connection|TLS/],
  ];
  for (const [who, answer, message] of strangers) {
    it(`says in a sentence that it meets ${who}`, async () => {
      const [client, server] = memoryPair();
      const attempt = rejection(connectTls(client, { host: HOST, ca: CA, timeout: 5000 }));
      const reader = server.readable.getReader();
      await reader.read();
      const writer = server.writable.getWriter();
      if (answer !== "") await writer.write(Uint8Array.from(answer, (each) => each.charCodeAt(0)));
      await writer.close().catch(() => {});
      const error = await attempt;
      assert.ok(error instanceof IketcpError, String(error));
      assert.match(String(error.code), /^ERR_TRANSPORT_(TLS|RESET)$/);
      assert.match(error.message, /^Cannot speak TLS with gw.example: /);
      assert.match(error.message, message);
      await Promise.all([client, server].map((each) => each.close()));
    });
  }

  it("fails at both ends when the stream is cut, after any number of octets of either flight", async () => {
    for (const flight of ["client", "server"] as const) {
      for (const after of [0, 1, 5, 6, 100, 300]) {
        const pair = cutPair(flight, after);
        const outcomes = await Promise.allSettled([
          connectTls(pair[0], { host: HOST, ca: CA, timeout: 5000 }),
          acceptTls(pair[1], { ...identity("server"), handshakeTimeout: 5000 }),
        ]);
        for (const outcome of outcomes) {
          if (outcome.status === "fulfilled") {
            // TLS 1.3: a client is done when it has sent its last flight, whether that arrives or not.
            assert.ok(flight === "client" && outcome === outcomes[0], `${flight} cut after ${after}`);
            await outcome.value.writable.abort().catch(() => {});
            continue;
          }
          assert.ok(outcome.reason instanceof IketcpError, String(outcome.reason));
          assert.notEqual(outcome.reason.code, "ERR_TRANSPORT_TIMEOUT");
        }
      }
    }
  });

  it("gives up on a slow handshake, and when its signal aborts; the stream below is then broken", async () => {
    for (const act of ["time", "signal"] as const) {
      const [client, server] = memoryPair();
      const reason = new Error("why");
      const controller = new AbortController();
      if (act === "signal") setTimeout(() => controller.abort(reason), 30);
      const { signal } = controller;
      const timeout = act === "time" ? 50 : 5000;
      const attempts = [
        rejection(connectTls(client, { host: HOST, ca: CA, signal, timeout })),
        rejection(acceptTls(memoryPair()[0], { ...identity("server"), signal, handshakeTimeout: timeout })),
      ];
      for (const error of await Promise.all(attempts)) {
        if (act === "signal") assert.equal(error, reason);
        else assert.equal(error.code, "ERR_TRANSPORT_TIMEOUT");
      }
      await rejection(client.closed);
      await server.close();
    }
  });

  const faults: [string, (octets: Uint8Array) => Uint8Array, RegExp][] = [
    ["was changed on its way", (octets) => {
      octets[octets.length - 1]! ^= 1;
      return octets;
    }, /broke: a record was changed on its way$/],
    [
      "is longer than any",
      () => Uint8Array.of(0x17, 3, 3, 0xff, 0xff),
      /broke: what came is no record of TLS$/,
    ],
    [
      "is none",
      () => new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"),
      /broke: what came is no record of TLS$/,
    ],
  ];
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    for (const [what, change, message] of faults) {
      it(`breaks either end when a record of ${version} ${what}, without waiting for the peer`, async () => {
        for (const end of ["client", "server"] as const) await testFault(end, version, change, message);
      });
    }
  }

  it("is refused with settings that cannot be used", async () => {
    const { cert, key } = identity("server");
    const cases: [Promise<unknown>, RegExp][] = [
      [acceptTls(memoryPair()[0], { key }), /expected a certificate and its key, got no certificate/],
      [acceptTls(memoryPair()[0], { cert }), /expected a certificate and its key, got no key/],
      [acceptTls(memoryPair()[0], { cert, key: "nonsense" }), /the certificate or key cannot be used/],
      [connectTls(memoryPair()[0], { cert }), /got a certificate alone/],
      [connectTls(memoryPair()[0], { pin: ["abc"] }), /expected the SHA-256 fingerprint/],
      [connectTls(memoryPair()[0], { minVersion: "TLSv1.3", maxVersion: "TLSv1.2" }), /a range of versions/],
      [
        connectTls(memoryPair()[0], { minVersion: "TLSv1.1" as "TLSv1.2" }),
        /TLSv1.2 or TLSv1.3, got "TLSv1.1"/,
      ],
      [connectTls(memoryPair()[0], { alpn: [""] }), /ALPN protocols of 1 to 255 octets/],
    ];
    for (const [attempt, message] of cases) {
      const error = await rejection(attempt);
      assert.equal(error.code, "ERR_CONFIG_OPTION", error.message);
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /PRIVATE|nonsense/);
    }
  });
});

/** Has one end read a record that is wrong, when the peer hears nothing of it and so is not who ends the connection. */
async function testFault(
  end: "client" | "server",
  version: TlsVersion,
  change: (octets: Uint8Array) => Uint8Array,
  message: RegExp,
): Promise<void> {
  let changing = false;
  const alerts: number[] = [];
  const forge = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      controller.enqueue(changing ? change(chunk.slice()) : chunk);
    },
  });
  const swallow = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      if (changing) alerts.push(...chunk);
      else controller.enqueue(chunk);
    },
  });
  const [to, from] = [0, 1].map(() => new TransformStream<Uint8Array, Uint8Array>());
  const victim = { readable: to!.readable.pipeThrough(forge), writable: from!.writable };
  const other = { readable: from!.readable.pipeThrough(swallow), writable: to!.writable };
  const pair = end === "client" ? [victim, other] as const : [other, victim] as const;
  const [client, server] = await tlsPair(pair, { maxVersion: version });
  const [here, there] = end === "client" ? [client, server] : [server, client];
  const reader = here.readable.getReader();
  await Promise.all([there.transmit!(Uint8Array.of(1)), reader.read()]);
  changing = true;
  there.writable.getWriter().write(new Uint8Array(100)).catch(() => {}); // whose stream ends under it
  for (const error of await Promise.all([rejection(reader.read()), rejection(here.closed)])) {
    assert.equal(error.code, "ERR_TRANSPORT_TLS");
    assert.match(error.message, message);
  }
  // RFC 8446, section 6.2: the peer is told.
  assert.equal(recordTypes(Uint8Array.from(alerts))[0], version === "TLSv1.2" ? 0x15 : 0x17);
  await there.close();
}

/** A pair whose octets of one direction are recorded. */
function recordedPair(from: "client" | "server" = "client"): {
  pair: [Connection | ByteDuplex, Connection | ByteDuplex];
  octets: () => Uint8Array;
} {
  const chunks: number[] = [];
  const tap = () =>
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        chunks.push(...chunk);
        controller.enqueue(chunk);
      },
    });
  const [client, server] = memoryPair();
  const pair: [ByteDuplex, ByteDuplex] = [client, server];
  const index = from === "client" ? 1 : 0;
  const end = [client, server][index]!;
  pair[index] = { readable: end.readable.pipeThrough(tap()), writable: end.writable };
  return { pair, octets: () => Uint8Array.from(chunks) };
}

/** The content types of records (RFC 5246, section 6.2.1). */
function recordTypes(octets: Uint8Array): number[] {
  const types: number[] = [];
  for (let offset = 0; offset < octets.length;) {
    types.push(octets[offset]!);
    offset += 5 + octets[offset + 3]! * 256 + octets[offset + 4]!;
  }
  return types;
}

/** A pair in which one end's octets stop after some number, and both directions end. */
function cutPair(flight: "client" | "server", after: number): [ByteDuplex, ByteDuplex] {
  const [up, down] = [0, 1].map(() => new TransformStream<Uint8Array, Uint8Array>());
  let left = after;
  const cut = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      const part = chunk.subarray(0, left);
      left -= part.byteLength;
      if (part.byteLength > 0) controller.enqueue(part);
      if (part.byteLength < chunk.byteLength || left === 0) controller.terminate();
    },
  });
  const upward = flight === "client" ? up!.readable.pipeThrough(cut) : up!.readable;
  const downward = flight === "server" ? down!.readable.pipeThrough(cut) : down!.readable;
  return [{ readable: downward, writable: up!.writable }, { readable: upward, writable: down!.writable }];
}
