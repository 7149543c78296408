/** SAs that come and go for a long time leave nothing behind: not in the heap, and not in OpenSSL's memory. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import process from "node:process";
import { CryptoProviders } from "../../lib/crypto/mod.ts";
import { EspDecryptor, EspEncryptor, InboundSa, OutboundSa, SaTable } from "../../lib/esp/mod.ts";
import { nodeCryptoProvider } from "../../lib/runtime/node_crypto.ts";
import { opensslProvider } from "../../lib/runtime/openssl_ffi.ts";
import { ANY_TRAFFIC, cipherSpec, udpPacket } from "../_support/esp_scene.ts";
import { collectGarbage } from "../_support/gc.ts";

/** SAs that were made, used and dropped before the first look, and between that and the second. */
const WARM = 10_000;
const TURNS = 100_000;

/** Octets that may be left of all those SAs: 80 of each would be eight times as much. */
const MOST_GROWTH = 1 << 20;

/** What the process itself may grow by; a leak of every context made it grow by 200 MiB and more. */
const MOST_RESIDENT_GROWTH = 96 << 20;

const openssl = opensslProvider();
// Without FFI the work is the same, and takes half a minute: the tables and SAs are looked at with a tenth of the turns.
const runs = [
  { name: "OpenSSL through foreign functions", provider: openssl, turns: TURNS },
  { name: "node:crypto", provider: nodeCryptoProvider(), turns: TURNS / 10 },
];

describe("SAs that are made, carry a packet each and are dropped", () => {
  for (const { name, provider, turns } of runs) {
    const skip = provider === null || typeof provider === "string"
      ? provider ?? "this runtime has none"
      : false;
    it(`leave a flat heap, ${turns} times: ${name}`, { skip, timeout: 110_000 }, async () => {
      if (provider === null || typeof provider === "string") return;
      const crypto = new CryptoProviders([provider]);
      const [here, there] = [new SaTable(), new SaTable()];
      const encryptor = new EspEncryptor({ table: here });
      const decryptor = new EspDecryptor({ table: there });
      const packet = udpPacket(100);
      const ciphers = [cipherSpec("aes256gcm16", undefined, true), cipherSpec("aes128", "sha256")];
      let spi = 256;
      const churn = (times: number): void => {
        for (let i = 0; i < times; i++) {
          spi++;
          const cipher = ciphers[i % 8 === 7 ? 1 : 0]!;
          const outbound = new OutboundSa({ spi, cipher, crypto });
          here.addOutbound(outbound, ANY_TRAFFIC);
          there.addInbound(new InboundSa({ spi, cipher, crypto }));
          encryptor.handle(packet, (esp) => decryptor.handle(esp, () => {}));
          here.removeOutbound(outbound);
          there.removeInbound(spi);
        }
      };
      churn(WARM);
      const before = await liveOctets();
      const { rss } = process.memoryUsage();
      // A pause now and then, as a daemon has: finalizers run between turns of the event loop.
      for (let i = 0; i < 10; i++) {
        churn(turns / 10);
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
      const growth = await liveOctets() - before;
      assert.equal(decryptor.counters.packets, WARM + turns);
      assert.deepEqual([here.outboundCount, there.inboundCount], [0, 0]);
      assert.ok(growth < MOST_GROWTH, `${growth} octets are left`);
      // Contexts that nobody frees are not in the heap: two for each turn, of some hundred octets and more.
      const resident = process.memoryUsage().rss - rss;
      assert.ok(resident < MOST_RESIDENT_GROWTH, `the process grew by ${resident} octets`);
    });
  }
});

/** Octets of heap and of buffers outside it, after collections. */
async function liveOctets(): Promise<number> {
  for (let i = 0; i < 3; i++) await collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
