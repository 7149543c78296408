/** Reads a section of a configuration word by word, and refuses what nobody read: a misspelt word must not be passed over. */

import { ConfigError } from "../errors.ts";

const SECONDS: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, h: 3600, d: 86_400 };
const UNITS: Readonly<Record<string, number>> = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** A section, which may hold anything: it comes out of a file. */
export class Words {
  readonly #section: Readonly<Record<string, unknown>>;
  readonly #path: string;
  readonly #read: Set<string> = new Set();

  /** Takes a section, and what people call it: `connections.home.local`. */
  constructor(section: unknown, path: string) {
    this.#path = path;
    if (typeof section !== "object" || section === null || Array.isArray(section)) {
      throw this.refused("", "a section", section);
    }
    this.#section = section as Record<string, unknown>;
  }

  /** The value of a word that takes text. */
  text(word: string): string | undefined {
    const value = this.#value(word);
    if (value !== undefined && typeof value !== "string") throw this.refused(word, "text", value);
    return value;
  }

  /** The values of a word that takes a list: an array, or text with commas. */
  list(word: string): string[] | undefined {
    const value = this.#value(word);
    if (value === undefined) return undefined;
    const items = typeof value === "string" ? value.split(",") : value;
    if (!Array.isArray(items) || !items.every((item) => typeof item === "string")) {
      throw this.refused(word, "text or a list of texts", value);
    }
    return items.map((item: string) => item.trim()).filter((item) => item !== "");
  }

  /** The values of a word that takes contents of files: text or octets, or a list of them. */
  files(word: string): (string | Uint8Array)[] {
    const value = this.#value(word) ?? [];
    const files: unknown[] = Array.isArray(value) ? value : [value];
    const wrong = files.find((file) => typeof file !== "string" && !(file instanceof Uint8Array));
    if (wrong !== undefined) throw this.refused(word, "the contents of files, text or octets", wrong);
    return files as (string | Uint8Array)[];
  }

  /** The value of a word that takes one of a few. */
  oneOf<Choice extends string>(word: string, choices: readonly Choice[], usual: Choice): Choice {
    const value = this.#value(word);
    if (value === undefined) return usual;
    if (!choices.includes(value as Choice)) throw this.refused(word, choices.join(", "), value);
    return value as Choice;
  }

  /** The value of a word that is true or false; `yes` and `no` as swanctl.conf has them. */
  flag(word: string, usual: boolean): boolean {
    const value = this.#value(word);
    if (value === undefined) return usual;
    if (value === true || value === "yes") return true;
    if (value === false || value === "no") return false;
    throw this.refused(word, "true or false", value);
  }

  /** Milliseconds of a word that takes a time. */
  time(word: string, usual: number): number {
    const value = this.#value(word);
    if (value === undefined) return usual;
    const match = /^(\d+(?:\.\d+)?)\s*([smhd]?)$/.exec(String(value).trim());
    const seconds = match === null ? NaN : Number(match[1]) * SECONDS[match[2]!]!;
    // Timers of runtimes hold 2^31 milliseconds; no SA should live for 24 days without a rekey.
    if (!(seconds >= 0 && seconds * 1000 < 2 ** 31)) {
      throw this.refused(word, "a time of less than 24 days, such as 30s, 5m or 4h", value);
    }
    return Math.round(seconds * 1000);
  }

  /** Octets or packets of a word that takes an amount. */
  amount(word: string, usual: number): number {
    const value = this.#value(word);
    if (value === undefined) return usual;
    const match = /^(\d+)\s*([kmg]?)$/i.exec(String(value).trim());
    const amount = match === null ? NaN : Number(match[1]) * UNITS[match[2]!.toLowerCase()]!;
    if (!Number.isSafeInteger(amount)) {
      throw this.refused(word, "a number such as 5000000, 500k or 1G", value);
    }
    return amount;
  }

  /** A section inside; empty where there is none. */
  section(word: string): Words {
    return new Words(this.#value(word) ?? {}, this.#pathOf(word));
  }

  /** The sections inside a section, by name. */
  sections(word: string): [name: string, section: Words][] {
    const inside = this.section(word);
    return Object.keys(inside.#section).map((name) => [name, inside.section(name)]);
  }

  /** Whether a word is there. */
  has(word: string): boolean {
    return this.#section[word] !== undefined;
  }

  /** Refuses words that nobody read. */
  end(): void {
    const unknown = Object.keys(this.#section).find((word) =>
      !this.#read.has(word) && this.#section[word] !== undefined
    );
    if (unknown === undefined) return;
    throw new ConfigError(
      "ERR_CONFIG_OPTION",
      `Cannot use ${this.#pathOf(unknown)}: expected one of ${[...this.#read].sort().join(", ")}`,
    );
  }

  /** Runs a reader of another room; what it refuses is told with the path of the word. */
  convert<V, T>(word: string, value: V, read: (value: V) => T): T {
    try {
      return read(value);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      throw new ConfigError(error.code, `Cannot use ${this.#pathOf(word)}: ${error.message}`, {
        cause: error,
      });
    }
  }

  /** An error about a word. */
  refused(word: string, expected: string, got: unknown): ConfigError {
    const shown = JSON.stringify(got) ?? String(got);
    return new ConfigError(
      "ERR_CONFIG_OPTION",
      `Cannot use ${this.#pathOf(word)}: expected ${expected}, got ${shown.slice(0, 80)}`,
    );
  }

  #value(word: string): unknown {
    this.#read.add(word);
    return this.#section[word];
  }

  #pathOf(word: string): string {
    return word === "" ? this.#path : `${this.#path}.${word}`;
  }
}
