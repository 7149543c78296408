import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { describe, it } from "node:test";
import { ProxyError } from "../../lib/errors.ts";
import { connectCarrier, connectTcp, listenTcp, listenTls, openStream } from "../../lib/runtime/mod.ts";
import { formatAddress, type Listener, parseCarrierUrl, parseProxyUrl } from "../../lib/transport/mod.ts";
import { CA, identity } from "../_support/certificates.ts";
import { type ProxyTurn, runProxy, targetOf } from "../_support/scripted_proxy.ts";
import { readAll, rejection } from "../_support/streams.ts";

/** A proxy on TCP that follows a script, and a server behind it that says hello and echoes. */
async function withProxy(
  script: (turn: ProxyTurn) => Promise<void>,
  run: (proxy: string, server: Listener) => Promise<void>,
  hostname = "127.0.0.1",
): Promise<void> {
  const [listener, server] = await Promise.all([
    listenTcp({ hostname, port: 0 }),
    listenTcp({ hostname, port: 0 }),
  ]);
  const proxy = runProxy(listener, script);
  const echo = (async () => {
    for await (const connection of server.connections) {
      const writer = connection.writable.getWriter();
      await writer.write(new TextEncoder().encode("hello "));
      writer.releaseLock();
      await connection.readable.pipeTo(connection.writable).catch(() => {});
    }
  })();
  try {
    await run(formatAddress(listener.address), server);
  } finally {
    await Promise.all([listener.close(), server.close(), proxy, echo]);
  }
}

/** Opens a tunnel to where the request wants to go. */
async function serveTunnel(turn: ProxyTurn, glue = false): Promise<void> {
  const request = await turn.request();
  const target = await connectTcp(targetOf(request));
  const head = "HTTP/1.1 200 Connection established\r\n\r\n";
  if (!glue) await turn.send(head);
  await turn.join(target, glue ? head : "");
}

describe("openStream", () => {
  for (const hostname of ["127.0.0.1", "::1"]) {
    for (const glue of [false, true]) {
      it(`goes through a proxy on ${hostname}, to a server that speaks first ${glue ? "in the same chunk" : ""}`, () =>
        withProxy((turn) => serveTunnel(turn, glue), async (address, server) => {
          const proxy = parseProxyUrl(`http://${address}`);
          const connection = await openStream(server.address, { proxy });
          assert.deepEqual(connection.layers, [{ layer: "proxy", proxy: `http://${address}` }]);
          const sent = new Response("question").body!.pipeTo(connection.writable);
          assert.equal(new TextDecoder().decode(await readAll(connection.readable)), "hello question");
          await sent;
          await connection.close();
        }, hostname));
    }
  }

  it("spares the refusal once a proxy has asked for credentials, at every redial (R-HTP-6)", async () => {
    const requests: string[] = [];
    await withProxy(async (turn) => {
      const request = await turn.request();
      requests.push(request);
      if (!request.includes("Proxy-Authorization")) {
        return await turn.send("HTTP/1.0 407 P\r\nProxy-Authenticate: Basic realm=x\r\n\r\n");
      }
      await turn.send("HTTP/1.0 200 OK\r\n\r\n");
      await turn.join(await connectTcp(targetOf(request)));
    }, async (address, server) => {
      const query = `?proxy=${encodeURIComponent(`http://me:geheim@${address}`)}`;
      const url = parseCarrierUrl(`tcp://${formatAddress(server.address)}${query}`);
      for (let dial = 0; dial < 2; dial++) {
        const connection = await connectCarrier(url);
        await connection.writable.close();
        assert.equal(new TextDecoder().decode(await readAll(connection.readable)), "hello ");
        await connection.close();
      }
    });
    const authenticated = requests.map((each) => each.includes("Proxy-Authorization"));
    assert.deepEqual(authenticated, [false, true, true]);
  });

  it("tells a proxy's refusal, and a proxy that is not there", () =>
    withProxy(async (turn) => {
      await turn.request();
      await turn.send("HTTP/1.1 503 Service Unavailable\r\n\r\n");
    }, async (address, server) => {
      const error = await rejection(openStream(server.address, { proxy: parseProxyUrl(address) }));
      assert.ok(error instanceof ProxyError);
      assert.equal(error.status, 503);
      const gone = await listenTcp({ hostname: "127.0.0.1", port: 0 });
      await gone.close();
      const proxy = { ...gone.address };
      const refusal = await rejection(openStream(server.address, { proxy }));
      assert.equal(refusal.code, "ERR_TRANSPORT_REFUSED");
      assert.match(
        refusal.message,
        /^Cannot reach proxy http:\/\/127.0.0.1:\d+: cannot connect to tcp .*refused/,
      );
    }));

  it("speaks TLS to a proxy, and TLS inside the tunnel (R-HTP-1, R-HTP-2)", async () => {
    const listener = listenTls(await listenTcp({ hostname: "127.0.0.1", port: 0 }), identity("server"));
    const proxy = runProxy(listener, (turn) => serveTunnel(turn));
    const server = listenTls(await listenTcp({ hostname: "127.0.0.1", port: 0 }), identity("renewed"));
    const accepted = server.connections.getReader().read();
    const query = `?sni=gw.example&proxy=${encodeURIComponent(`https://${formatAddress(listener.address)}`)}`;
    const url = parseCarrierUrl(`tls://${formatAddress(server.address)}${query}`);
    const refusal = await rejection(connectCarrier(url));
    assert.equal(refusal.code, "ERR_TRANSPORT_TLS_CERTIFICATE");
    assert.match(refusal.message, /^Cannot reach proxy https:/);
    const [client, { value: there }] = await Promise.all([
      connectCarrier(url, { tls: { ca: CA } }),
      accepted,
    ]);
    assert.deepEqual(client.layers?.map(({ layer }) => layer), ["tls", "proxy", "tls"]);
    const sent = new Response("hello").body!.pipeTo(client.writable);
    assert.equal(new TextDecoder().decode(await readAll(there!.readable)), "hello");
    await sent;
    await Promise.all([client.close(), there!.close(), server.close(), listener.close()]);
    await proxy;
  });

  it("knows a server by the pin of its URL alone, and a proxy before it by the authorities", async () => {
    const listener = listenTls(await listenTcp({ hostname: "127.0.0.1", port: 0 }), identity("server"));
    const proxy = runProxy(listener, (turn) => serveTunnel(turn));
    const server = listenTls(await listenTcp({ hostname: "127.0.0.1", port: 0 }), identity("stranger"));
    const accepted = server.connections.getReader().read();
    const { raw } = new X509Certificate(identity("stranger").cert);
    const pin = createHash("sha256").update(raw).digest("hex");
    const query = `?pin=${pin}&proxy=${encodeURIComponent(`https://${formatAddress(listener.address)}`)}`;
    const url = parseCarrierUrl(`tls://${formatAddress(server.address)}${query}`);
    const [client, { value: there }] = await Promise.all([
      connectCarrier(url, { tls: { ca: CA } }),
      accepted,
    ]);
    const [, , tls] = client.layers!;
    assert.ok(tls?.layer === "tls" && tls.verified === "pin");
    await Promise.all([client.close(), there!.close(), server.close(), listener.close()]);
    await proxy;
  });
});
