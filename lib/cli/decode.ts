/** `iketcp decode`: the IKE messages and ESP packets of a capture file, one line each. */

import { Command } from "commander";
import { createReadStream } from "node:fs";
import process from "node:process";
import { InspectError } from "../errors.ts";
import {
  CaptureDecoder,
  type CaptureItem,
  CaptureReader,
  type DecodedRow,
  type MessageDecryptor,
  RowFormatter,
} from "../inspect/mod.ts";
import { fileReason, readKeys } from "./_key_files.ts";
import { gunzip, GZIP_MAGIC } from "./_gunzip.ts";
import { LineOutput } from "./_line_output.ts";
import { resolvePath } from "./_program.ts";

const EXPLANATION = `
Reads pcap and pcapng, also packed with gzip. TCP is decoded when it begins with the prefix IKETCP, on any port, or when
either port is 4500, then also from the middle; UDP on ports 500 and 4500, and on others from the first IKE message on that
stands behind a non-ESP marker; ESP in IP wherever it is.

A line has the seconds since the first one, the number of the conversation, both ends (the one that spoke first on the
left), and the message. What is damaged gives a line "error" and decoding goes on. With --json each line is an object:

  n          counts the lines
  time       seconds since the epoch at which the last octet arrived
  transport, stream, from, to
             tcp, udp or ip (ESP alone), number of the conversation, address and port of sender and receiver
  kind       prefix, ike, esp, keepalive (the octet ff), runt (1 to 3 other octets), empty, or error
  length     octets without length field and non-ESP marker
  ike        spiI, spiR, version, exchange, flags, messageId, payloads; with keys decrypted (whether it is authentic) and
             inner (the payloads inside SK; of SKF in the line of the last fragment)
  esp        spi, seq; with keys decrypted, nextHeader and inner
  error      code, message

Keys are read from Wireshark's tables ikev2_decryption_table and esp_sa: those of Wireshark's configuration folder, of
strongSwan's plugin save-keys, or of the key log of this program. Fields esp_sa has none for, such as the upper half of 64-bit
sequence numbers, are found by trying; addresses in it are not looked at.

Example:
  iketcp decode wire.pcapng
  iketcp decode wire.pcapng --keys ikev2_decryption_table --keys esp_sa
  tcpdump -w - port 4500 | iketcp decode --json - | jq 'select(.kind == "ike")'
`;

interface DecodeOptions {
  readonly json: boolean;
  readonly keys: readonly string[];
}

/** The command. */
export function decodeCommand(): Command {
  return new Command("decode")
    .description("show the IKE messages and ESP packets of a capture")
    .argument("<file>", "pcap or pcapng, also gzipped; - for standard input")
    .option("--json", "one JSON object a line", false)
    .option("--keys <file>", "table of keys as Wireshark writes it; may be given more than once", collect, [])
    .addHelpText("after", EXPLANATION)
    .action(runDecode);
}

function collect(file: string, files: readonly string[]): readonly string[] {
  return [...files, file];
}

async function runDecode(file: string, { json, keys: keyFiles }: DecodeOptions): Promise<void> {
  const keys = keyFiles.length === 0 ? undefined : readKeys(keyFiles);
  const output = new LineOutput(process.stdout);
  const formatter = new RowFormatter();
  const format = json ? (row: DecodedRow) => JSON.stringify(row) : (row: DecodedRow) => formatter.format(row);
  try {
    for await (const rows of decode(readFile(file), keys)) {
      // Nobody reads any more: as with `| head`, that is a good end.
      if (!await output.write(rows.map(format))) return;
    }
  } finally {
    keys?.dispose();
    output.end();
  }
}

/** The rows of a capture, in batches; what came before a failure of the file comes before its throw. */
async function* decode(
  file: AsyncIterable<Uint8Array>,
  keys: MessageDecryptor | undefined,
): AsyncGenerator<DecodedRow[], void, undefined> {
  const reader = new CaptureReader();
  const decoder = new CaptureDecoder(keys === undefined ? {} : { keys });
  let rows: DecodedRow[] = [];
  const toDecoder = (items: CaptureItem[]) => decoder.handle(items, hold);
  const hold = (batch: DecodedRow[]) => void (rows = rows.concat(batch));
  const take = () => {
    const taken = rows;
    rows = [];
    return taken;
  };
  try {
    for await (const chunk of unpack(file)) {
      reader.handle(chunk, toDecoder);
      if (rows.length > 0) yield take();
      if (reader.stopped) break;
    }
    reader.handleEnd(toDecoder);
  } catch (error) {
    if (!(error instanceof InspectError) || error.code !== "ERR_INSPECT_RECORD") throw error;
    reader.handleFailure(error, toDecoder);
  }
  decoder.handleEnd(hold);
  if (rows.length > 0) yield take();
}

/** The octets of the file, unpacked when they are gzip. */
async function* unpack(file: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const chunks = file[Symbol.asyncIterator]();
  let opening = new Uint8Array(0);
  while (opening.length < GZIP_MAGIC.length) {
    const { value, done } = await chunks.next();
    if (done) break;
    const longer = new Uint8Array(opening.length + value.length);
    longer.set(opening);
    longer.set(value, opening.length);
    opening = longer;
  }
  const all = (async function* () {
    yield opening;
    yield* { [Symbol.asyncIterator]: () => chunks };
  })();
  yield* GZIP_MAGIC.every((octet, i) => opening[i] === octet) ? gunzip(all) : all;
}

async function* readFile(file: string): AsyncGenerator<Uint8Array, void, undefined> {
  const source: AsyncIterable<Uint8Array> = file === "-"
    ? process.stdin
    : createReadStream(resolvePath(file));
  try {
    yield* source;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new InspectError("ERR_INSPECT_FILE", `Cannot read capture ${file}: ${fileReason(code, message)}`);
  }
}
