/** How large an entry point is in somebody's web page: bundled and minified by esbuild, then gzip -9. */

import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, stop } from "esbuild";

/** Octets of a bundle. */
export interface BundleSize {
  /** Minified. */
  readonly minified: number;
  /** Minified and compressed. */
  readonly zipped: number;
}

/** Bundles a file of the project. */
export async function measureBundle(path: string): Promise<BundleSize> {
  try {
    const { outputFiles } = await build({
      entryPoints: [fileURLToPath(new URL(`../${path}`, import.meta.url))],
      ...{ bundle: true, minify: true, write: false, format: "esm", platform: "browser", target: "es2022" },
    });
    const code = outputFiles![0]!.contents;
    return { minified: code.byteLength, zipped: gzipSync(code, { level: 9 }).byteLength };
  } finally {
    await stop();
  }
}
