/**
 * What a browser has to load: entry points and the page of `examples/browser`, bundled and minified by esbuild, and
 * compressed. It runs by itself, too: `node bench/browser_bench.ts --only page`.
 */

import { bundlePage, sizeOf } from "../examples/browser/bundle.ts";
import { measureBundle } from "./_bundle.ts";
import { Bench } from "./_harness.ts";

const bench = new Bench();

/** Rooms that run in a browser. `./crypto` is what all but `./encap` bring with them. */
const ENTRIES = ["encap", "transport", "crypto", "esp", "ike", "tunnel"] as const;

for (const entry of ENTRIES) {
  await benchSize(`./${entry}`, () => measureBundle(`lib/${entry}/mod.ts`));
}
await benchSize("page", async () => sizeOf((await bundlePage()).get("/main.js")!.contents));

async function benchSize(
  what: string,
  measure: () => Promise<{ readonly minified: number; readonly zipped: number }>,
): Promise<void> {
  const names = [`browser/${what}, minified`, `browser/${what}, minified and gzip -9`] as const;
  await bench.group(names, async () => {
    const { minified, zipped } = await measure();
    bench.row(names[0], minified / 1024, "KiB");
    bench.row(names[1], zipped / 1024, "KiB");
  });
}
