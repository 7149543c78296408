// @ts-check
/**
 * Removes from `dist/` what was built from sources that are gone: the compiler adds and replaces, it never removes.
 *
 * @module
 */

import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

/** @param {string} root The project's folder. */
export function pruneBuild(root) {
  const dist = join(root, "dist");
  if (!existsSync(dist)) return;
  for (const path of readdirSync(dist, { recursive: true, encoding: "utf8" })) {
    const source = path.replace(/\.d\.ts$|\.js$/, ".ts");
    if (source !== path && !existsSync(join(root, source))) rmSync(join(dist, path));
  }
}
