import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ProxyError, TransportError } from "../../lib/errors.ts";
import {
  type Connection,
  connectThroughProxy,
  memoryPair,
  openHttpTunnel,
  parseProxyUrl,
} from "../../lib/transport/mod.ts";
import { type ProxyTurn, serveProxy } from "../_support/scripted_proxy.ts";
import { readAll, rejection, settlesWithin, sleep } from "../_support/streams.ts";
import { testConnection } from "../compliance/connection_suite.ts";

const TARGET = { hostname: "gw.example", port: 443 };
const PROXY = parseProxyUrl("http://me:geheim@proxy.example:3128");
const ASKS = 'HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic realm="x"\r\n';

/** Opens connections to a proxy in memory that follows a script; counts them. */
function proxyOf(script: (turn: ProxyTurn) => Promise<void>) {
  const ends: Promise<void>[] = [];
  const opened: Connection[] = [];
  return {
    opened,
    open: () => {
      const [here, there] = memoryPair();
      ends.push(serveProxy(there, opened.length, script));
      opened.push(here);
      return Promise.resolve(here);
    },
    /** Everything is over at both ends. */
    ended: () => Promise.all([...opened.map((each) => each.closed.catch(() => {})), ...ends]),
  };
}

const text = async (readable: ReadableStream<Uint8Array>) =>
  new TextDecoder().decode(await readAll(readable));

// Octets in the same chunk as the head, so that the readable is the one with octets put back in front (R-HTP-3).
testConnection("A tunnel through a proxy in memory", {
  pair: async () => {
    const [far, target] = memoryPair();
    const [here, there] = memoryPair();
    void serveProxy(there, 0, async (turn) => {
      await turn.request();
      await turn.send("HTTP/1.1 200 OK\r\n\r\n\0");
      await turn.join(far);
    });
    const tunnel = await connectThroughProxy(TARGET, { proxy: PROXY, open: () => Promise.resolve(here) });
    // The suite expects nothing before what it sends.
    const reader = tunnel.readable.getReader();
    assert.deepEqual([...(await reader.read()).value!], [0]);
    reader.releaseLock();
    return [tunnel, target];
  },
  aborts: "reset",
  capacity: 4 * 65536 + 400_000,
  addresses: "of a hop",
  streamsOnly: true,
  programs: 10,
});

describe("openHttpTunnel", () => {
  it("runs on any duplex, and gives octets that came with the head first", async () => {
    const up = new TransformStream<Uint8Array, Uint8Array>();
    const down = new TransformStream<Uint8Array, Uint8Array>();
    const opening = openHttpTunnel({ readable: down.readable, writable: up.writable }, TARGET);
    const request = up.readable.getReader();
    assert.match(
      new TextDecoder().decode((await request.read()).value),
      /^CONNECT gw.example:443 HTTP\/1.1\r\n/,
    );
    const answer = down.writable.getWriter();
    const answered = answer.write(new TextEncoder().encode("HTTP/1.0 200 OK\r\n\r\nfirst "));
    const { readable, writable, status } = await opening;
    await answered;
    void answer.write(new TextEncoder().encode("then")).then(() => answer.close());
    assert.equal(await text(readable), "first then");
    assert.equal(status, 200);
    const writer = writable.getWriter();
    const sent = writer.write(Uint8Array.of(1));
    assert.deepEqual([...(await request.read()).value!], [1]);
    await sent;
  });

  it("says that it needs another connection where it cannot open one", async () => {
    const proxy = proxyOf(async (turn) => {
      await turn.request();
      await turn.send(`${ASKS}Connection: close\r\n\r\n`);
    });
    const credentials = { username: "me", password: "geheim" };
    const error = await rejection(openHttpTunnel(await proxy.open(), TARGET, { credentials }));
    assert.equal(error.code, "ERR_TRANSPORT_CLOSED");
    assert.match(error.message, /the proxy closed the connection when it asked for credentials/);
    await proxy.ended();
  });
});

describe("connectThroughProxy", () => {
  it("authenticates on the same connection where the proxy keeps it (R-HTP-5)", async () => {
    const requests: string[] = [];
    const proxy = proxyOf(async (turn) => {
      requests.push(await turn.request());
      await turn.send(`${ASKS}Transfer-Encoding: chunked\r\n\r\n3\r\n`);
      await turn.send("abc\r\n0\r\n\r\n");
      requests.push(await turn.request());
      await turn.send("HTTP/1.1 200 OK\r\n\r\nhello");
    });
    const tunnel = await connectThroughProxy(TARGET, { proxy: PROXY, open: proxy.open });
    assert.equal(await text(tunnel.readable), "hello");
    assert.ok(tunnel.authenticated);
    assert.deepEqual(tunnel.layers, [{ layer: "proxy", proxy: "http://proxy.example:3128" }]);
    assert.equal(proxy.opened.length, 1);
    assert.deepEqual(requests.map((each) => each.includes("Proxy-Authorization")), [false, true]);
    await tunnel.close();
    await proxy.ended();
  });

  it("authenticates on another connection where the proxy closes, also when it says so too late", async () => {
    const closing: ((turn: ProxyTurn) => Promise<void>)[] = [
      (turn) => turn.send(ASKS.replace("1.1", "1.0") + "\r\nexplanation to the end"),
      (turn) => turn.send(`${ASKS}Content-Length: 3\r\n\r\nab`),
      (turn) => turn.send(`${ASKS}Content-Length: 3\r\n\r\nabc`).then(() => turn.reset()),
    ];
    for (const close of closing) {
      const proxy = proxyOf(async (turn) => {
        const request = await turn.request();
        if (turn.connection === 0) return await close(turn);
        assert.match(request, /Proxy-Authorization: Basic bWU6Z2VoZWlt\r\n/);
        await turn.send("HTTP/1.1 200 OK\r\n\r\nhello");
      });
      const tunnel = await connectThroughProxy(TARGET, { proxy: PROXY, open: proxy.open });
      assert.equal(await text(tunnel.readable), "hello");
      assert.equal(proxy.opened.length, 2);
      await tunnel.close();
      await proxy.ended();
    }
  });

  it("names target, proxy, status and reason when it is refused, never credentials, and leaves nothing open", async () => {
    const proxy = proxyOf(async (turn) => {
      await turn.request();
      await turn.send("HTTP/1.1 403 Port not allowed\r\nContent-Length: 100000\r\n\r\n");
      await turn.request(); // waits for the client's end
    });
    const error = await rejection(connectThroughProxy(TARGET, { proxy: PROXY, open: proxy.open }));
    assert.ok(error instanceof ProxyError);
    assert.equal(error.code, "ERR_TRANSPORT_PROXY_REFUSED");
    assert.equal(error.status, 403);
    assert.equal(error.reason, "Port not allowed");
    assert.equal(
      error.message,
      "Cannot connect to gw.example:443 through proxy http://proxy.example:3128: the proxy answered 403 Port not allowed",
    );
    await proxy.ended();
  });

  it("says that it was the proxy that could not be reached", async () => {
    const refused = new TransportError(
      "ERR_TRANSPORT_REFUSED",
      "Cannot connect to tcp x: connection refused",
    );
    const error = await rejection(
      connectThroughProxy(TARGET, { proxy: PROXY, open: () => Promise.reject(refused) }),
    );
    assert.equal(error.code, "ERR_TRANSPORT_REFUSED");
    assert.match(error.message, /^Cannot reach proxy http:\/\/proxy.example:3128: cannot connect to tcp x/);
    assert.equal(error.cause, refused);
  });

  const hostile: [string, (turn: ProxyTurn) => Promise<void>, string, RegExp][] = [
    ["ends at once", () => Promise.resolve(), "ERR_TRANSPORT_HTTP", /got the end/],
    [
      "ends inside its head",
      (turn) => turn.send("HTTP/1.1 200 OK\r\n"),
      "ERR_TRANSPORT_HTTP",
      /inside its head/,
    ],
    ["resets", (turn) => turn.reset(), "ERR_TRANSPORT_RESET", /./],
    ["speaks another protocol", (turn) => turn.send("SSH-2.0-x\r\n"), "ERR_TRANSPORT_HTTP", /something else/],
    [
      "sends a head without an end",
      async (turn) => {
        await turn.send("HTTP/1.1 200 OK\r\n");
        for (;;) await turn.send(`X-Bomb: ${"x".repeat(1000)}\r\n`);
      },
      "ERR_TRANSPORT_HTTP",
      /at most 16384 octets/,
    ],
    [
      "sends interim responses without an end",
      async (turn) => {
        for (;;) await turn.send("HTTP/1.1 100 Continue\r\n\r\n");
      },
      "ERR_TRANSPORT_HTTP",
      /at most 16384 octets/,
    ],
    [
      "asks again whatever it is given",
      async (turn) => {
        for (;;) {
          await turn.send(`${ASKS}Content-Length: 0\r\n\r\n`);
          if (await turn.request() === "") return;
        }
      },
      "ERR_TRANSPORT_PROXY_AUTH",
      /did not take/,
    ],
  ];
  for (const [what, act, code, message] of hostile) {
    it(`fails, and leaves nothing open, when the proxy ${what}`, async () => {
      const proxy = proxyOf(async (turn) => {
        if (what !== "ends at once") await turn.request();
        await act(turn);
      });
      const error = await rejection(connectThroughProxy(TARGET, { proxy: PROXY, open: proxy.open }));
      assert.equal(error.code, code);
      assert.match(error.message, message);
      assert.match(error.message, /^Cannot connect to gw.example:443 through proxy /);
      assert.doesNotMatch(error.message, /geheim/);
      assert.ok(await settlesWithin(proxy.ended(), 5000), "expected both ends to be over");
    });
  }

  it("gives up on a slow head after its time, and when its signal aborts", async () => {
    const drip = () =>
      proxyOf(async (turn) => {
        await turn.request();
        await turn.send("HTTP/1.1 200 OK\r\nX: ");
        for (;;) {
          await turn.send("y"); // throws once the client is gone
          await sleep(5);
        }
      });
    const slow = drip();
    const error = await rejection(
      connectThroughProxy(TARGET, { proxy: PROXY, open: slow.open, timeout: 60 }),
    );
    assert.equal(error.code, "ERR_TRANSPORT_TIMEOUT");
    assert.match(error.message, /through proxy http:\/\/proxy.example:3128: no answer within 0.06 s/);
    await slow.ended();

    const controller = new AbortController();
    const reason = new Error("why");
    const other = drip();
    const attempt = connectThroughProxy(TARGET, {
      proxy: PROXY,
      open: other.open,
      signal: controller.signal,
    });
    setTimeout(() => controller.abort(reason), 20);
    assert.equal(await rejection(attempt), reason);
    await other.ended();
  });
});
