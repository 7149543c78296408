/** The keys of a run as the two tables that Wireshark and `iketcp decode --keys` read, each a file. */

import { closeSync, openSync, writeSync } from "node:fs";
import { ConfigError } from "../errors.ts";
import type { KeyLogEntry } from "../ike/mod.ts";
import { KEY_TABLE_HEADER, keyTableLines, type KeyTableName } from "../inspect/mod.ts";

const TABLES: readonly KeyTableName[] = ["ikev2_decryption_table", "esp_sa"];

/** Two files that nobody else may read. */
export class KeyLogFiles {
  /** Where they are. */
  readonly paths: readonly string[];
  readonly #files: ReadonlyMap<KeyTableName, number>;

  /** Creates the files, or empties them: `STEM.ikev2_decryption_table` and `STEM.esp_sa`. */
  constructor(stem: string) {
    this.paths = TABLES.map((table) => `${stem}.${table}`);
    this.#files = new Map(TABLES.map((table, i) => [table, open(this.paths[i]!)]));
    for (const file of this.#files.values()) writeSync(file, KEY_TABLE_HEADER);
  }

  /** Writes the lines of an entry, at once: a key that comes late opens nothing. */
  add(entry: KeyLogEntry): void {
    const { table, text } = keyTableLines(entry);
    writeSync(this.#files.get(table)!, text);
  }

  /** Closes the files. */
  close(): void {
    for (const file of this.#files.values()) closeSync(file);
  }
}

function open(path: string): number {
  try {
    return openSync(path, "w", 0o600);
  } catch (error) {
    throw new ConfigError("ERR_CONFIG_FILE", `Cannot write keys to ${path}: ${(error as Error).message}`);
  }
}
