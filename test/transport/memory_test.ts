import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoryNetwork, memoryPair } from "../../lib/transport/mod.ts";
import { rejection, settlesWithin } from "../_support/streams.ts";
import { testConnection } from "../compliance/connection_suite.ts";
import { testListener } from "../compliance/listener_suite.ts";

testConnection("Memory pair", {
  pair: () => Promise.resolve(memoryPair()),
  aborts: "reset",
  capacity: 65536,
});

testListener("Memory network", { ...networkFunctions(), address: { hostname: "gw.example", port: 0 } });

function networkFunctions(): Pick<MemoryNetwork, "connect" | "listen"> {
  const { connect, listen } = new MemoryNetwork();
  return { connect, listen };
}

describe("memoryPair", () => {
  it("holds one direction back at its highWaterMark, and one slice", async () => {
    const [here, there] = memoryPair({ highWaterMark: 1000 });
    const writer = here.writable.getWriter();
    const written = writer.write(new Uint8Array(100_000));
    assert.equal(await settlesWithin(written, 20), false);
    const reader = there.readable.getReader();
    const sizes: number[] = [];
    while (sizes.reduce((sum, size) => sum + size, 0) < 100_000) {
      const { value } = await reader.read();
      sizes.push(value!.byteLength);
    }
    await written;
    assert.ok(sizes.every((size) => size <= 16384), `${sizes}`);
    await Promise.all([here.close(), there.close()]);
  });

  it("refuses a highWaterMark that would stop everything", () => {
    for (const highWaterMark of [0, -1, NaN]) {
      assert.throws(() => memoryPair({ highWaterMark }), { code: "ERR_OPTION_RANGE" });
    }
  });
});

describe("MemoryNetwork", () => {
  it("refuses connections past the backlog", async () => {
    const { connect, listen } = new MemoryNetwork();
    const address = { hostname: "gw.example", port: 4500 };
    const listener = await listen(address, { backlog: 1 });
    const first = await connect(address);
    assert.equal((await rejection(connect(address))).code, "ERR_TRANSPORT_REFUSED");
    const { value: server } = await listener.connections.getReader().read();
    const second = await connect(address);
    await listener.close();
    assert.equal((await rejection(second.closed)).code, "ERR_TRANSPORT_RESET");
    await Promise.all([first.close(), server!.close()]);
  });
});
