/**
 * Looking at what crosses the network: captures read, decoded and written.
 *
 * Reading goes in two steps, each a core and a stage: {@linkcode CaptureReader} takes the bytes of a pcap or pcapng file
 * and gives packets, {@linkcode CaptureDecoder} takes packets and gives one row for each IKE message, ESP packet and fault.
 * {@linkcode CaptureWriter} goes the other way: it records what a program sends and receives as a pcapng file.
 *
 * @example Count the IKE messages of a capture
 * ```ts
 * import { CaptureDecoderStream, CaptureReaderStream, CaptureWriter } from "iketcp/inspect";
 * import { strictEqual } from "node:assert";
 *
 * async function countIkeMessages(capture: ReadableStream<Uint8Array>): Promise<number> {
 *   const rows = capture.pipeThrough(new CaptureReaderStream()).pipeThrough(new CaptureDecoderStream());
 *   let count = 0;
 *   for await (const batch of rows) count += batch.filter((row) => row.kind === "ike").length;
 *   return count;
 * }
 *
 * const parts: Uint8Array<ArrayBuffer>[] = [];
 * const writer = new CaptureWriter((chunk) => parts.push(chunk));
 * const message = new Uint8Array(28);
 * message.set([0, 0x20, 37, 0x08], 16);
 * message.set([28], 27);
 * writer.udp({ hostname: "192.0.2.10", port: 500 }, { hostname: "198.51.100.10", port: 500 }, message);
 * strictEqual(await countIkeMessages(new Blob(parts).stream()), 1);
 * ```
 *
 * @module
 */
export * from "./capture.ts";
export * from "./capture_decoder.ts";
export * from "./capture_decoder_stream.ts";
export * from "./capture_reader.ts";
export * from "./capture_reader_stream.ts";
export * from "./capture_stream.ts";
export * from "./capture_writer.ts";
export { EspDecryptor, type OpenedEsp } from "./esp_decryptor.ts";
export { IkeDecryptor, type OpenedIke } from "./ike_decryptor.ts";
export * from "./key_log.ts";
export * from "./key_table_reader.ts";
export * from "./key_table_writer.ts";
export * from "./message_decryptor.ts";
export * from "./pcapng_writer.ts";
export * from "./row_formatter.ts";
export * from "./rows.ts";
export * from "./synthetic.ts";
export type { Side } from "./_side.ts";
