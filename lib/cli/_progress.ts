/** How far something is, over the last line of a terminal, or as a line a second elsewhere. */

import process from "node:process";

const BAR_WIDTH = 30;

/** To the beginning of the line, and nothing to its end (ECMA-48: CR, EL). */
const ERASE_LINE = "\r\u001b[K";

/** Draws a bar. */
export class Progress {
  readonly #name: string;
  #drawn = -Infinity;

  /** Takes what is written in front of the bar. */
  constructor(name: string) {
    this.#name = name;
  }

  /** Draws `part` of the whole, 0 to 1, and some words behind it. */
  draw(part: number, words: string, last = false): void {
    const now = performance.now();
    const terminal = process.stdout.isTTY === true;
    if (!last && now - this.#drawn < (terminal ? 100 : 1000)) return;
    this.#drawn = now;
    const full = Math.min(BAR_WIDTH, Math.round(BAR_WIDTH * part));
    const line = `  ${this.#name} ${"█".repeat(full)}${"░".repeat(BAR_WIDTH - full)} ${words.padStart(12)}`;
    process.stdout.write(terminal ? `\r${line}${last ? "\n" : ""}` : `${line}\n`);
  }

  /** Takes the bar away for a line of text; the next `draw` brings it back. */
  clear(): void {
    if (process.stdout.isTTY !== true || this.#drawn === -Infinity) return;
    this.#drawn = -Infinity;
    process.stdout.write(ERASE_LINE);
  }
}
