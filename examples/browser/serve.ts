/**
 * A tunnel in a web page: serves the page, and beside it the gateway that its tunnel ends at. One command, no root, no network
 * but this machine's own:
 *
 *     npm run browser                                    Node
 *     npx deno run -A examples/browser/serve.ts          Deno, which has WebTransport, too
 *     npx bun examples/browser/serve.ts                  Bun
 *
 * `--port NUMBER` for the page (default: 14580, 0 for any), `--secret TEXT` for another pre-shared key.
 */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { parseArgs } from "node:util";
import { bundlePage, sizeOf } from "./bundle.ts";
import { startGateway } from "./gateway.ts";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "14580" },
    secret: { type: "string", default: "an example's secret" },
  },
});
const hostname = "127.0.0.1";

const files = await bundlePage();
const server = createServer((request, response) => {
  const path = (request.url ?? "/").replace(/[?#].*$/s, "");
  const file = files.get(path === "/" ? "/index.html" : path);
  if (file === undefined) {
    response.writeHead(404, { "content-type": "text/plain" }).end("Not found\n");
    return;
  }
  response.writeHead(200, {
    "content-type": file.type,
    "cache-control": "no-store",
    // The page needs nothing but this server and its gateway, and the browser sees to it.
    "content-security-policy":
      `default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self' ws://${hostname}:* https://${hostname}:*`,
  }).end(file.contents);
});
const port = await new Promise<number>((resolve, reject) => {
  server.once("error", reject);
  server.listen(Number(values.port), hostname, () => resolve((server.address() as AddressInfo).port));
});

const gateway = await startGateway({
  hostname,
  secret: values.secret,
  origins: [`http://${hostname}:${port}`, `http://localhost:${port}`],
  log: (line) => console.log(line),
});
files.set("/carriers.json", {
  type: "application/json",
  contents: new TextEncoder().encode(JSON.stringify(gateway.carriers)),
});

const { minified, zipped } = sizeOf(files.get("/main.js")!.contents);
console.log(`page: ${kibibytes(minified)} of JavaScript, ${kibibytes(zipped)} compressed`);
const { webTransport } = gateway.carriers;
console.log(
  "url" in webTransport ? `WebTransport: ${webTransport.url}` : webTransport.reason,
);
console.log(`open http://${hostname}:${port}/`);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, async () => {
    server.close();
    server.closeAllConnections();
    await gateway.close();
    process.exit(0);
  });
}

function kibibytes(octets: number): string {
  return `${(octets / 1024).toFixed(0)} KiB`;
}
