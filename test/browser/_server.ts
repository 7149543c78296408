/** The example's program as a child, on any runtime. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { fileURLToPath } from "node:url";

const file = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** As the head of `examples/browser/serve.ts` says. */
const COMMANDS: Readonly<Record<"node" | "deno" | "bun", readonly string[]>> = {
  node: [process.execPath, file("dist/examples/browser/serve.js")],
  deno: [
    file("node_modules/.bin/deno"),
    "run",
    "-A",
    "--config",
    file("deno.json"),
    file("examples/browser/serve.ts"),
  ],
  bun: [file("node_modules/.bin/bun"), file("examples/browser/serve.ts")],
};

/** A server that runs. */
export class PageServer {
  /** The page's address. */
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #lines: string[];

  private constructor(child: ChildProcess, lines: string[], url: string) {
    this.#child = child;
    this.#lines = lines;
    this.url = url;
  }

  /** Starts it; its gateway, and by itself the page, too, are at ports that are free. */
  static async start(runtime: keyof typeof COMMANDS, port = "0"): Promise<PageServer> {
    const [command, ...args] = COMMANDS[runtime];
    const child = spawn(command!, [...args, "--port", port], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1" },
    });
    const lines: string[] = [];
    return await new Promise((resolve, reject) => {
      let text = "";
      const handle = (piece: string) => {
        text += piece;
        const complete = text.split("\n");
        text = complete.pop()!;
        for (const line of complete) {
          lines.push(line);
          const url = /^open (\S+)$/.exec(line)?.[1];
          if (url !== undefined) resolve(new PageServer(child, lines, url));
        }
      };
      child.stdout!.setEncoding("utf8").on("data", handle);
      child.stderr!.setEncoding("utf8").on("data", handle);
      child.once("error", reject);
      child.once("close", () => reject(new Error(`The server ended: ${lines.join("\n")}${text}`)));
    });
  }

  /** What it has printed. */
  get output(): string {
    return this.#lines.join("\n");
  }

  /** Ends it; SIGKILL leaves it no time to say so to anybody. Gives its status, null behind a signal. */
  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<number | null> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return this.#child.exitCode;
    const ended = once(this.#child, "close");
    this.#child.kill(signal);
    const [status] = await ended;
    return status as number | null;
  }
}
