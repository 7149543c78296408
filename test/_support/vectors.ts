/**
 * Where the project lies, and the vectors that lie beside it. The vectors made by others are no part of the project: a
 * test that reads them skips where they are absent (`{ skip: sharedVectors(path) === null }`).
 */

import { existsSync, readFileSync } from "node:fs";

/** The project's root folder, with a slash at its end. */
export const projectRoot: URL = new URL("../../", import.meta.url);

/** The folder with vectors made by others, beside the project; it need not exist. */
export const sharedVectorsFolder: URL = new URL("../shared/vectors/", projectRoot);

/** A JSON file of `../shared/vectors`, such as `tcp/framing.json`; null when it is absent. */
export function sharedVectors(path: string): unknown | null {
  const file = new URL(path, sharedVectorsFolder);
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : null;
}

/** A file of `../shared/vectors` as octets, such as `pcap/iketcp-1.pcap`; null when it is absent. */
export function sharedVectorBytes(path: string): Uint8Array | null {
  const file = new URL(path, sharedVectorsFolder);
  return existsSync(file) ? new Uint8Array(readFileSync(file)) : null;
}
