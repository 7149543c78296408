// @ts-check
/** Ends a tool that was started on another runtime than Node: where it starts "node", Bun and Deno mean themselves. */

import process from "node:process";

if (process.versions["bun"] !== undefined || process.versions["deno"] !== undefined) {
  process.stderr.write("Cannot run this on Bun or Deno: expected Node, as by `npm test` and `npm run ok`\n");
  process.exit(2);
}
