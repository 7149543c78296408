/**
 * ESP (RFC 4303): SAs that send and receive, a table of them, and stages that encrypt and decrypt batches of IP packets.
 *
 * @example From configuration to an SA
 * ```ts
 * import { CryptoProviders, nobleProvider, parseEspProposal } from "iketcp/crypto";
 * import { OutboundSa, tunnelMtu } from "iketcp/esp";
 * import { strictEqual } from "node:assert";
 *
 * const { encryption } = parseEspProposal("aes256gcm16");
 * const sa = new OutboundSa({
 *   spi: 0xc0ffee,
 *   cipher: { encryption: encryption[0]!, encryptionKey: globalThis.crypto.getRandomValues(new Uint8Array(36)) },
 *   crypto: new CryptoProviders([nobleProvider()]),
 * });
 * strictEqual(sa.sizeOf(1400), 1436); // 8 of header, 8 of IV, 4 of padding and trailer, 16 of ICV
 * strictEqual(tunnelMtu(1436, sa.sizes), 1402);
 * sa.dispose();
 * ```
 *
 * @module
 */

export * from "./esp_decrypt_stream.ts";
export * from "./esp_decryptor.ts";
export * from "./esp_encrypt_stream.ts";
export * from "./esp_encryptor.ts";
export * from "./inbound_sa.ts";
export * from "./lifetime.ts";
export * from "./outbound_sa.ts";
export {
  alignmentOf,
  espPacketSize,
  espPayloadLimit,
  NEXT_HEADER,
  type PacketChunk,
  tunnelMtu,
} from "./packet.ts";
export * from "./replay_window.ts";
export * from "./sa_table.ts";
export * from "./slab_pool.ts";
export * from "./traffic_selector.ts";
export { type PacketCore, PacketStageStream } from "./_stage_stream.ts";
export type { AddressPair, InnerPacket } from "../ip/mod.ts";
