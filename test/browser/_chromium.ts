/** Debian's Chromium, driven by playwright-core, which brings none of its own. */

import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";
import { type BrowserContext, chromium, type Page } from "playwright-core";

/** Where it is; undefined where there is none. `CHROMIUM` names another one. */
const PROGRAM = process.env["CHROMIUM"] ||
  (process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, "chromium")).find(isProgram);

/**
 * Why the tests in it are passed over: playwright-core is for Node; or there is no Chromium, and nobody promised one. What a clean
 * checkout is proven with (`CI`) must have it, and fails.
 */
export const SKIP: string | false =
  process.versions["deno"] !== undefined || process.versions["bun"] !== undefined
    ? "Chromium is driven from Node"
    : PROGRAM === undefined && !process.env["CI"] &&
      'Chromium is not here: "apt-get install chromium" brings it, and CHROMIUM names another one';

/** It says nothing to anybody. WebTransport needs QUIC, so that one stays. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A Chromium that runs. */
export class Browser {
  readonly #context: BrowserContext;
  readonly #profile: string;
  /** What the pages asked for, and what they complained of. */
  readonly requests: string[] = [];
  readonly complaints: string[] = [];

  private constructor(context: BrowserContext, profile: string) {
    this.#context = context;
    this.#profile = profile;
    context.setDefaultTimeout(15_000);
    context.on("request", (request) => this.requests.push(request.url()));
    context.on("weberror", (error) => this.complaints.push(String(error.error())));
  }

  /** Starts it with an empty profile. */
  static async start(): Promise<Browser> {
    if (PROGRAM === undefined) throw new Error("Cannot find chromium: apt-get install chromium");
    const profile = mkdtempSync(join(tmpdir(), "iketcp-chromium-"));
    const settings = { executablePath: PROGRAM, headless: true, args: FLAGS, colorScheme: "light" } as const;
    return new Browser(await chromium.launchPersistentContext(profile, settings), profile);
  }

  /** Opens a page. */
  async open(url: string, size = { width: 1280, height: 900 }): Promise<Page> {
    const page = await this.#context.newPage();
    page.on("console", (message) => message.type() === "error" && this.complaints.push(message.text()));
    await page.setViewportSize(size);
    await page.goto(url);
    return page;
  }

  /** Ends it. */
  async close(): Promise<void> {
    await this.#context.close();
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
