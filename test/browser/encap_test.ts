/// <reference lib="dom" />
/** `iketcp/encap` in a browser by itself: its bundle, a WebSocket of the browser, and our listener at the other end. */

import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { build, stop } from "esbuild";
import { EncapsulationStream } from "../../lib/encap/mod.ts";
import { listenWebSocket } from "../../lib/runtime/mod.ts";
import type { Listener } from "../../lib/transport/mod.ts";
import { Browser, SKIP } from "./_chromium.ts";

describe("Encapsulation alone in Chromium", { skip: SKIP, timeout: 60_000 }, () => {
  let browser: Browser;
  let listener: Listener;
  let web: Server;

  before(async () => {
    const { outputFiles } = await build({
      entryPoints: [fileURLToPath(new URL("_encap_page.ts", import.meta.url))],
      ...{ bundle: true, minify: true, write: false, format: "esm", platform: "neutral" },
    });
    await stop();
    web = createServer((request, response) => {
      const script = request.url === "/encap.js";
      response.writeHead(200, { "content-type": script ? "text/javascript" : "text/html" });
      response.end(script ? outputFiles[0]!.text : "<!DOCTYPE html><title>encap</title>");
    });
    await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
    listener = await listenWebSocket({ hostname: "127.0.0.1", port: 0 }, { path: "/vpn" });
    void echo(listener);
    browser = await Browser.start();
  });

  after(async () => {
    await browser?.close();
    await listener?.close();
    web?.closeAllConnections();
    await new Promise((resolve) => web?.close(resolve));
  });

  it("frames IKE and ESP through a WebSocketStream, and takes what comes back apart", async () => {
    const page = await browser.open(`http://127.0.0.1:${(web.address() as AddressInfo).port}/`);
    const url = `ws://127.0.0.1:${listener.address.port}/vpn`;
    const result = await page.evaluate(
      async ([script, url]) => (await import(script) as typeof import("./_encap_page.ts")).talk(url, 200),
      ["/encap.js", url] as const,
    );
    assert.deepEqual(result, {
      // An IKE message has its marker on the wire, and not here.
      ike: [[1, 2, 3], [4]],
      esp: 200,
      octets: 200 * 1400,
      same: true,
    });
  });
});

/** Sends every IKE message and ESP packet back. */
async function echo(listener: Listener): Promise<void> {
  for await (const connection of listener.connections) {
    const encapsulation = new EncapsulationStream({ role: "responder" });
    connection.readable.pipeThrough(encapsulation).pipeTo(connection.writable).catch(() => {});
    const { ike, esp } = encapsulation;
    ike.readable.pipeTo(ike.writable).catch(() => {});
    esp.readable.pipeTo(esp.writable).catch(() => {});
  }
}
