import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { detectRuntime, openUdp } from "../../lib/runtime/mod.ts";
import { testDatagrams } from "../compliance/datagram_suite.ts";

const isDeno = detectRuntime().name === "deno";

testDatagrams("UDP over IPv4", {
  open: openUdp,
  hostname: "127.0.0.1",
  foreign: "198.51.100.77",
  hearsRefusals: !isDeno,
});

testDatagrams("UDP over IPv6", {
  open: openUdp,
  hostname: "::1",
  foreign: "2001:db8::77",
  hearsRefusals: !isDeno,
});

describe("openUdp", () => {
  it("speaks IPv4 and IPv6 on an endpoint for every address, and calls IPv4 by its name", async () => {
    const server = await openUdp({ local: { hostname: "::", port: 0 } });
    const { port } = server.localAddress;
    for (const hostname of ["127.0.0.1", "::1"]) {
      const client = await openUdp({ local: { hostname, port: 0 } });
      client.send(Uint8Array.of(1), { hostname, port });
      const reader = server.readable.getReader();
      const { value: batch } = await reader.read();
      reader.releaseLock();
      assert.deepEqual(batch![0]!.from, client.localAddress);
      server.send(Uint8Array.of(2), batch![0]!.from);
      const { value: answer } = await client.readable.getReader().read();
      assert.deepEqual(answer![0]!.from, { hostname, port });
      await client.close();
    }
    await server.close();
  });

  it("keeps to a remote of IPv4 on an endpoint for every address", async () => {
    const server = await openUdp({ local: { hostname: "127.0.0.1", port: 0 } });
    const client = await openUdp({ local: { hostname: "::", port: 0 }, remote: server.localAddress });
    client.send(Uint8Array.of(1));
    const { value: batch } = await server.readable.getReader().read();
    server.send(Uint8Array.of(2), batch![0]!.from);
    const { value: answer } = await client.readable.getReader().read();
    assert.deepEqual(answer![0]!.from, server.localAddress);
    await Promise.all([client.close(), server.close()]);
  });

  it("looks names up when it opens", async () => {
    const server = await openUdp({ local: { hostname: "localhost", port: 0 } });
    const client = await openUdp({ remote: { hostname: "localhost", port: server.localAddress.port } });
    client.send(Uint8Array.of(1));
    const { value: batch } = await server.readable.getReader().read();
    assert.equal(batch!.length, 1);
    await Promise.all([client.close(), server.close()]);
  });

  it("binds any address of the family of its remote", async () => {
    for (const hostname of ["127.0.0.1", "::1"]) {
      const client = await openUdp({ remote: { hostname, port: 4500 } });
      // Where the system connects the socket it has an address by then.
      const expected = isDeno ? { "127.0.0.1": "0.0.0.0", "::1": "::" }[hostname] : hostname;
      assert.equal(client.localAddress.hostname, expected);
      await client.close();
    }
    const endpoint = await openUdp();
    assert.equal(endpoint.localAddress.hostname, "0.0.0.0");
    await endpoint.close();
  });
});

describe("openUdp without --unstable-net", { skip: isDeno ? false : "only Deno needs it" }, () => {
  it("falls back to node:dgram, and says once that it is slow", async () => {
    const { Deno } = globalThis as unknown as { Deno: { listenDatagram: unknown } };
    const { listenDatagram } = Deno;
    const { error } = console;
    const notices: unknown[] = [];
    Deno.listenDatagram = undefined;
    console.error = (...words) => notices.push(...words);
    try {
      const server = await openUdp({ local: { hostname: "127.0.0.1", port: 0 } });
      const client = await openUdp({ remote: server.localAddress });
      client.send(Uint8Array.of(1));
      const { value: batch } = await server.readable.getReader().read();
      assert.deepEqual([...batch![0]!.data], [1]);
      await Promise.all([client.close(), server.close()]);
    } finally {
      Deno.listenDatagram = listenDatagram;
      console.error = error;
    }
    assert.equal(notices.length, 1);
    assert.match(String(notices[0]), /--unstable-net/);
  });
});
