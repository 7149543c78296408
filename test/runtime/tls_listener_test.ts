import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import process from "node:process";
import { describe, it } from "node:test";
import {
  connectCarrier,
  connectTcp,
  connectTls,
  detectRuntime,
  listenCarrier,
  listenTcp,
  listenTls,
  type TlsListener,
  type TlsListenOptions,
} from "../../lib/runtime/mod.ts";
import {
  type Connection,
  formatAddress,
  MemoryNetwork,
  parseCarrierUrl,
  type TlsServerSettings,
  type TransportAddress,
} from "../../lib/transport/mod.ts";
import { CA, identity } from "../_support/certificates.ts";
import { readAll, readAtLeast, rejection, until } from "../_support/streams.ts";
import { testListener } from "../compliance/listener_suite.ts";

const LOCAL = { hostname: "127.0.0.1", port: 0 };
const PREFIX = new TextEncoder().encode("IKETCP");

for (const scheme of ["tls", "tls+tcp"]) {
  testListener(`A listener at ${scheme}://`, {
    connect: (address, options) =>
      connectCarrier(parseCarrierUrl(`tls://${formatAddress(address)}`), { tls: { ca: CA }, ...options }),
    listen: (address, options) =>
      listenCarrier(parseCarrierUrl(`${scheme}://${formatAddress(address)}`, { listen: true }), {
        tls: { ...identity("server"), maxHandshakesPerSource: 1000 },
        ...options,
      }),
    address: LOCAL,
  });
}

interface Refusal {
  readonly client: TransportAddress;
  readonly error: Error & { code?: string };
}

/** A listener on TCP, and what it refused. */
async function listen(
  settings: Partial<TlsServerSettings> = {},
  options: TlsListenOptions = {},
): Promise<{ listener: TlsListener; refused: Refusal[]; next: () => Promise<Connection> }> {
  const refused: Refusal[] = [];
  const listener = listenTls(await listenTcp(LOCAL), { ...identity("server"), ...settings }, {
    onRefused: (client, error) => refused.push({ client, error }),
    ...options,
  });
  const reader = listener.connections.getReader();
  return { listener, refused, next: async () => (await reader.read()).value! };
}

const dial = async (address: TransportAddress) =>
  await connectTls(await connectTcp(address), { ca: CA, host: "gw.example" });

describe("listenTls", () => {
  it("takes other certificates without dropping connections", async () => {
    const { listener, next } = await listen();
    const [before, beforeThere] = await Promise.all([dial(listener.address), next()]);
    listener.reload(identity("renewed"));
    const [after, afterThere] = await Promise.all([dial(listener.address), next()]);
    const serial = (connection: typeof before) =>
      new X509Certificate(connection.tls.peerCertificate!.der).serialNumber;
    assert.equal(serial(before), new X509Certificate(identity("server").cert).serialNumber);
    assert.equal(serial(after), new X509Certificate(identity("renewed").cert).serialNumber);
    for (const [client, server] of [[before, beforeThere], [after, afterThere]] as const) {
      const sent = new Response("still here").body!.pipeTo(client.writable);
      assert.equal(new TextDecoder().decode(await readAll(server.readable)), "still here");
      await sent;
      await Promise.all([client.close(), server.close()]);
    }
    assert.throws(() => listener.reload({ cert: identity("server").cert, key: identity("rsa").key }), {
      code: "ERR_CONFIG_OPTION",
    });
    const [last, lastThere] = await Promise.all([dial(listener.address), next()]);
    assert.equal(serial(last), serial(after), "what cannot be used changes nothing");
    await Promise.all([last.close(), lastThere.close(), listener.close()]);
  });

  it("lets a slow client hold up nobody, and gives it up after its time", async () => {
    const { listener, refused, next } = await listen({ handshakeTimeout: 300 });
    const slow = await connectTcp(listener.address);
    const [client, server] = await Promise.all([dial(listener.address), next()]);
    assert.equal(refused.length, 0);
    await Promise.all([client.close(), server.close()]);
    assert.equal(await slow.readable.getReader().read().then(({ done }) => done, () => true), true);
    await until(() => refused.length > 0, "the slow client is refused");
    assert.equal(refused[0]!.error.code, "ERR_TRANSPORT_TIMEOUT");
    assert.deepEqual(refused[0]!.client, slow.localAddress);
    await Promise.all([slow.close(), listener.close()]);
  });

  it("bounds handshakes that are under way, in all and by address", async () => {
    for (const limit of [{ maxHandshakes: 2 }, { maxHandshakesPerSource: 2 }]) {
      const { listener, refused } = await listen(limit);
      const slow = [await connectTcp(listener.address), await connectTcp(listener.address)];
      const third = await connectTcp(listener.address).catch(() => undefined); // reset at once, or soon
      await until(() => refused.length > 0, "the third client is refused");
      assert.equal(refused[0]!.error.code, "ERR_TRANSPORT_REFUSED");
      assert.match(refused[0]!.error.message, /too many handshakes are under way/);
      await Promise.all([...slow, third].map((each) => each?.writable.abort().catch(() => {})));
      await listener.close();
    }
  });

  it("takes the addresses of an IPv6 /64 for one, and lets nothing warn of many handshakes", async () => {
    const warnings: Error[] = [];
    const note = (warning: Error) => warnings.push(warning);
    process.on("warning", note);
    const network = new MemoryNetwork();
    const refused: string[] = [];
    const below = await network.listen({ hostname: "2001:db8::1", port: 443 });
    const listener = listenTls(below, { ...identity("server"), maxHandshakesPerSource: 12 }, {
      onRefused: ({ hostname }) => refused.push(hostname),
    });
    const dial = (prefix: string, host: number) =>
      network.connect(listener.address, { localAddress: { hostname: `${prefix}::${host}`, port: 1024 } });
    const clients: Connection[] = [];
    for (let host = 1; host <= 13; host++) clients.push(await dial("2001:db8:0:5", host));
    clients.push(await dial("2001:db8:0:6", 1));
    await until(() => refused.length > 0, "one is refused");
    assert.deepEqual(refused, ["2001:db8:0:5::13"]);
    await listener.close();
    await Promise.all(clients.map((client) => client.close()));
    process.removeListener("warning", note);
    assert.deepEqual(warnings, []);
  });

  it("ends handshakes that are under way when it closes", async () => {
    const { listener, refused } = await listen();
    const slow = await connectTcp(listener.address);
    await listener.close();
    assert.equal(await slow.readable.getReader().read().then(({ done }) => done, () => true), true);
    await slow.close();
    assert.deepEqual(refused, []);
  });

  it("tells whom it refused and why (R-PFX-11)", async () => {
    const { listener, refused } = await listen();
    const plain = await connectTcp(listener.address);
    await plain.writable.getWriter().write(PREFIX);
    await until(() => refused.length > 0, "the plain client is refused");
    assert.equal(refused[0]!.error.code, "ERR_TRANSPORT_TLS");
    assert.match(refused[0]!.error.message, /^Cannot accept TLS of 127\.0\.0\.1:\d+: /);
    await Promise.all([plain.close(), listener.close()]);
  });

  it("takes TLS and plain streams at one port, whatever their first octets are cut into (R-TLS-3, R-PFX-6)", async () => {
    const { listener, refused, next } = await listen({}, { plainToo: true });
    const [secure, secureThere] = await Promise.all([dial(listener.address), next()]);
    assert.deepEqual(secureThere.layers?.map(({ layer }) => layer), ["tls"]);
    for (const cut of [1, 2, 6]) {
      const plain = await connectTcp(listener.address);
      const writer = plain.writable.getWriter();
      const written = (async () => {
        for (let offset = 0; offset < PREFIX.length; offset += cut) {
          await writer.write(PREFIX.slice(offset, offset + cut));
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      })();
      const there = await next();
      assert.equal(there.layers, undefined);
      assert.deepEqual(await readAtLeast(there.readable.getReader(), 6), PREFIX);
      await written;
      await Promise.all([plain.close(), there.close()]);
    }
    // What is neither is handed on: the reader of the prefix refuses it in silence (R-PFX-12).
    const web = await connectTcp(listener.address);
    await web.writable.getWriter().write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
    const webThere = await next();
    assert.equal((await readAtLeast(webThere.readable.getReader(), 1))[0], "G".charCodeAt(0));
    const left = [secure, secureThere, web, webThere];
    await Promise.all(left.map((each) => each.close()));
    assert.deepEqual(refused, []);
    await listener.close();
  });

  it("gives up a client that says nothing, or too little, at a port for both (R-PFX-13)", async () => {
    for (const first of [[], [0x16], [0x16, 3, 1, 2, 0]]) {
      const { listener, refused } = await listen({ handshakeTimeout: 50 }, { plainToo: true });
      const slow = await connectTcp(listener.address);
      if (first.length > 0) await slow.transmit!(Uint8Array.from(first));
      assert.equal(await slow.readable.getReader().read().then(({ done }) => done, () => true), true);
      await until(() => refused.length > 0, "the slow client is refused");
      assert.equal(refused[0]!.error.code, "ERR_TRANSPORT_TIMEOUT");
      assert.match(
        refused[0]!.error.message,
        /^Cannot accept TLS of 127\.0\.0\.1:\d+: no answer within 0\.05 s$/,
      );
      await Promise.all([slow.close(), listener.close()]);
    }
  });
});

describe("The carrier tls", () => {
  it("reads sni, pin and alpn from its URL, and resumes at the next connection", async () => {
    const pin = "AB".repeat(32);
    const first = await listen();
    const wrong = parseCarrierUrl(`tls://${formatAddress(first.listener.address)}?pin=${pin}`);
    const error = await rejection(connectCarrier(wrong));
    await first.listener.close();
    assert.equal(error.code, "ERR_TRANSPORT_TLS_CERTIFICATE");
    const fingerprint = /fingerprints but ([0-9a-f]{64})$/.exec(error.message)![1]!;
    const { listener, next } = await listen({ alpn: ["ipsec"] });
    const query = `?sni=gw.example&alpn=x,ipsec&pin=${pin},${fingerprint}`;
    const url = parseCarrierUrl(`tls://${formatAddress(listener.address)}${query}`);
    const resumed: unknown[] = [];
    for (let dial = 0; dial < 2; dial++) {
      const [client, server] = await Promise.all([connectCarrier(url), next()]);
      const [layer] = client.layers!;
      assert.ok(layer?.layer === "tls" && layer.alpn === "ipsec" && layer.verified === "pin");
      resumed.push(layer.resumed);
      const [reader, writer] = [client.readable.getReader(), server.writable.getWriter()];
      await Promise.all([writer.write(Uint8Array.of(0)), reader.read()]);
      await Promise.all([client.close(), server.close()]);
    }
    // Deno's TLS keeps sessions to itself, and tells sometimes that it used one.
    if (detectRuntime().name !== "deno") assert.deepEqual(resumed, [false, true]);
    await listener.close();
  });

  it("says before anything is sent what cannot be used", async () => {
    const url = parseCarrierUrl("tls://127.0.0.1:1?pin=abc");
    assert.equal((await rejection(connectCarrier(url))).code, "ERR_CONFIG_OPTION");
    for (const scheme of ["tls", "tls+tcp"]) {
      const error = await rejection(
        listenCarrier(parseCarrierUrl(`${scheme}://127.0.0.1:0`, { listen: true })),
      );
      assert.equal(error.code, "ERR_CONFIG_OPTION");
      assert.match(error.message, /expected a certificate and its key, got no certificate/);
    }
  });
});
