import { PacketStageStream } from "./_stage_stream.ts";
import { EspEncryptor, type EspEncryptorOptions } from "./esp_encryptor.ts";
import type { PacketChunk } from "./packet.ts";

/**
 * IP packets, or batches of them, to ESP packets in kind; the SA is picked by its selectors. Packets are copied into one
 * slab for each batch and never changed, so they may be used again. What cannot be sent is dropped, counted and told of.
 *
 * @example A packet there and back
 * ```ts
 * import { CryptoProviders, encryptionTransform, nobleProvider } from "iketcp/crypto";
 * import {
 *   EspDecryptStream, EspEncryptStream, InboundSa, OutboundSa, parseTrafficSelector, SaTable,
 * } from "iketcp/esp";
 * import { deepStrictEqual } from "node:assert";
 *
 * const cipher = {
 *   encryption: encryptionTransform("aes256gcm16")!,
 *   encryptionKey: globalThis.crypto.getRandomValues(new Uint8Array(36)), // key and salt
 *   esn: true,
 * };
 * const crypto = new CryptoProviders([nobleProvider()]); // or runtimeCrypto() of iketcp/runtime
 * const everything = [parseTrafficSelector("0.0.0.0/0")];
 * const here = new SaTable();
 * here.addOutbound(new OutboundSa({ spi: 0x1001, cipher, crypto }), { local: everything, remote: everything });
 * const there = new SaTable();
 * there.addInbound(new InboundSa({ spi: 0x1001, cipher, crypto }));
 *
 * const packet = new Uint8Array(20); // an IPv4 header and nothing behind it
 * packet.set([0x45, 0, 0, 20, 0, 0, 0, 0, 64, 59, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
 * const packets = new ReadableStream<Uint8Array[]>({
 *   start(controller) {
 *     controller.enqueue([packet]);
 *     controller.close();
 *   },
 * });
 * const received = packets
 *   .pipeThrough(new EspEncryptStream({ table: here }))
 *   .pipeThrough(new EspDecryptStream({ table: there }));
 * for await (const batch of received) deepStrictEqual(batch, [packet]);
 * here.dispose();
 * there.dispose();
 * ```
 */
export class EspEncryptStream<C extends PacketChunk = Uint8Array[]>
  extends PacketStageStream<C, EspEncryptor> {
  /** Makes the stage. */
  constructor(options: EspEncryptorOptions) {
    super(new EspEncryptor(options));
  }
}
