import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConfigError } from "../../lib/errors.ts";
import { CARRIERS, connectCarrier, listenCarrier, openCarrier } from "../../lib/runtime/mod.ts";
import { CARRIER_SCHEMES, parseCarrierUrl } from "../../lib/transport/mod.ts";
import { readAll, rejection } from "../_support/streams.ts";

const listenUrl = (text: string) => parseCarrierUrl(text, { listen: true });

describe("CARRIERS", () => {
  it("has a row for every scheme, with the scheme's port and parameters", () => {
    assert.deepEqual(Object.keys(CARRIERS), Object.keys(CARRIER_SCHEMES));
    for (const [scheme, rules] of Object.entries(CARRIER_SCHEMES)) {
      const carrier = CARRIERS[scheme as keyof typeof CARRIERS];
      assert.equal(carrier.defaultPort, rules.defaultPort);
      assert.deepEqual(carrier.parameters, rules.parameters);
      assert.equal(carrier.kind, rules.kind);
    }
  });

  it("carries tcp by URL", async () => {
    const listener = await listenCarrier(listenUrl("tcp://[::1]:0"));
    const client = await connectCarrier(parseCarrierUrl(`tcp://[::1]:${listener.address.port}`));
    for await (const server of listener.connections) {
      const sent = new Response("hello").body!.pipeTo(client.writable);
      assert.equal(new TextDecoder().decode(await readAll(server.readable)), "hello");
      await Promise.all([sent, server.close(), client.close()]);
      break;
    }
    await listener.close();
  });

  it("carries udp by URL", async () => {
    const server = await openCarrier(listenUrl("udp://127.0.0.1:0"));
    const to = parseCarrierUrl(`udp://127.0.0.1:${server.localAddress.port}`);
    const client = await openCarrier(to, { remote: to });
    client.send(Uint8Array.of(1));
    const { value: batch } = await server.readable.getReader().read();
    assert.equal(batch!.length, 1);
    await Promise.all([server.close(), client.close()]);
  });

  it("refuses to listen with a parameter for connecting, without showing a password", async () => {
    const url = parseCarrierUrl("tcp://gw.example?proxy=http%3A%2F%2Fme%3Asecret%40proxy.example");
    const error = await rejection(listenCarrier(url));
    assert.equal(error.code, "ERR_CONFIG_URL");
    assert.match(error.message, /expected no parameter proxy/);
    assert.ok(!error.message.includes("secret"));
  });

  it("refuses datagrams for streams and streams for datagrams", async () => {
    const cases = [
      connectCarrier(parseCarrierUrl("udp://gw.example")),
      listenCarrier(parseCarrierUrl("udp://127.0.0.1")),
      openCarrier(parseCarrierUrl("tcp://127.0.0.1")),
    ].map(rejection);
    for (const error of await Promise.all(cases)) {
      assert.ok(error instanceof ConfigError);
      assert.equal(error.code, "ERR_CONFIG_URL");
    }
  });
});
