/** Files of keys on the command line. */

import { readFileSync, statSync } from "node:fs";
import { InspectError } from "../errors.ts";
import { type KeyLog, MAX_KEY_TABLE_SIZE, MessageDecryptor, parseKeyTables } from "../inspect/mod.ts";
import { runtimeCrypto } from "../runtime/mod.ts";
import { resolvePath } from "./_program.ts";

/** Reads Wireshark's tables; tells on standard error which lines are of no use here. */
export function readKeys(files: readonly string[]): MessageDecryptor {
  const tables = files.map((file): KeyLog => {
    const table = parseKeyTables(readText(file), file);
    for (const { line, reason } of table.unused) {
      console.error(`iketcp: ${file}, line ${line}, is not used: ${reason}`);
    }
    return table;
  });
  return new MessageDecryptor(runtimeCrypto(), tables);
}

function readText(file: string): string {
  const refuse = (reason: string): never => {
    throw new InspectError("ERR_INSPECT_FILE", `Cannot read keys ${file}: ${reason}`);
  };
  const path = resolvePath(file);
  try {
    const { size } = statSync(path);
    if (size > MAX_KEY_TABLE_SIZE) refuse(`expected at most ${MAX_KEY_TABLE_SIZE} octets, got ${size}`);
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof InspectError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    return refuse(fileReason(code, message));
  }
}

/** Why a file cannot be read, in words. */
export function fileReason(code: string | undefined, message: string): string {
  return REASONS[code ?? ""] ?? message;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EISDIR: "it is a directory",
  EACCES: "permission denied",
};
