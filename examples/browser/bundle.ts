/** The page as it is sent: its TypeScript and its style sheet, each bundled into one file by esbuild. */

import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, stop } from "esbuild";

/** What is served at a path. */
export interface PageFile {
  /** Content-Type. */
  readonly type: string;
  /** The file. */
  readonly contents: Uint8Array;
}

/** Octets of a script. */
export interface ScriptSize {
  /** Minified. */
  readonly minified: number;
  /** Minified and compressed by gzip -9. */
  readonly zipped: number;
}

/** Browsers that have what the page uses; all have WebTransport or do without it. */
const BROWSERS = ["chrome110", "firefox115", "safari16.4"];

/** The files of the page by their paths. The sources are read, also where this runs from `dist/`. */
export async function bundlePage(): Promise<Map<string, PageFile>> {
  const page = new URL("examples/browser/page/", projectFolder());
  const inPage = (name: string) => fileURLToPath(new URL(name, page));
  try {
    const { outputFiles } = await build({
      entryPoints: [inPage("main.ts"), inPage("style.css")],
      outdir: inPage("."),
      ...{ bundle: true, minify: true, write: false, format: "esm", platform: "browser", target: BROWSERS },
    });
    const file = (ending: string) =>
      outputFiles.find(({ path }) => path.endsWith(ending))!.contents as Uint8Array;
    return new Map([
      ["/index.html", { type: "text/html; charset=utf-8", contents: readFileSync(inPage("index.html")) }],
      ["/main.js", { type: "text/javascript; charset=utf-8", contents: file(".js") }],
      ["/style.css", { type: "text/css; charset=utf-8", contents: file(".css") }],
    ]);
  } finally {
    await stop();
  }
}

/** How large a script is, as it is and on its way. */
export function sizeOf(script: Uint8Array): ScriptSize {
  return { minified: script.byteLength, zipped: gzipSync(script, { level: 9 }).byteLength };
}

/** The nearest folder above this file that has a manifest. */
function projectFolder(): URL {
  let folder = new URL(".", import.meta.url);
  while (!existsSync(new URL("package.json", folder))) folder = new URL("..", folder);
  return folder;
}
