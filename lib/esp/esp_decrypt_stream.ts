import { PacketStageStream } from "./_stage_stream.ts";
import { EspDecryptor, type EspDecryptorOptions } from "./esp_decryptor.ts";
import type { PacketChunk } from "./packet.ts";

/**
 * ESP packets, or batches of them, to IP packets in kind; the SA is found by SPI. **Packets are decrypted where they lie**,
 * and given on as views of the same octets, unless `copy` is set: who writes a chunk gives it away. What is dropped is
 * counted and told of, and never an error.
 *
 * @example What nobody has an SA for is dropped and counted
 * ```ts
 * import { EspDecryptStream, SaTable } from "iketcp/esp";
 * import { deepStrictEqual } from "node:assert";
 *
 * const drops: string[] = [];
 * const stage = new EspDecryptStream({ table: new SaTable(), onDrop: ({ reason }) => drops.push(reason) });
 * const writer = stage.writable.getWriter();
 * writer.write([new Uint8Array(40)]);
 * writer.close();
 * for await (const _ of stage.readable) throw new Error("a packet");
 * deepStrictEqual(drops, ["unknown_spi"]);
 * ```
 */
export class EspDecryptStream<C extends PacketChunk = Uint8Array[]>
  extends PacketStageStream<C, EspDecryptor> {
  /** Makes the stage. */
  constructor(options: EspDecryptorOptions) {
    super(new EspDecryptor(options));
  }
}
