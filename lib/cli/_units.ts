/** Durations, sizes and counts as people write them on a command line. */

import { ConfigError } from "../errors.ts";

const MILLISECONDS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const OCTETS: Readonly<Record<string, number>> = {
  "": 1,
  k: 1024,
  kib: 1024,
  m: 1024 ** 2,
  mib: 1024 ** 2,
  g: 1024 ** 3,
  gib: 1024 ** 3,
};

/** Milliseconds from `500ms`, `10s`, `5m`, `1h`; a bare number is seconds, as in swanctl.conf. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text);
  if (match === null) throw refused(text, "a duration such as 500ms, 10s, 5m or 1h");
  return Math.round(Number(match[1]) * MILLISECONDS[match[2] ?? "s"]!);
}

/** Octets from `65536`, `256KiB`, `1MiB`; a bare `k` or `m` counts in 1024 too. */
export function parseSize(text: string): number {
  const match = /^(\d+)([kmg](?:ib)?)?$/i.exec(text);
  if (match === null) throw refused(text, "a size such as 65536, 256KiB or 1MiB");
  return Number(match[1]) * OCTETS[(match[2] ?? "").toLowerCase()]!;
}

/** A whole number. */
export function parseCount(text: string): number {
  if (!/^\d+$/.test(text)) throw refused(text, "a whole number");
  return Number(text);
}

/** `1.4 GiB`, `870 KiB`, `12 octets`. */
export function formatSize(octets: number): string {
  for (const [unit, size] of [["GiB", 1024 ** 3], ["MiB", 1024 ** 2], ["KiB", 1024]] as const) {
    if (octets >= size) return `${(octets / size).toFixed(octets >= 100 * size ? 0 : 1)} ${unit}`;
  }
  return `${octets} octets`;
}

/** `2 Gbit/s`, `870 Mbit/s`. */
export function formatRate(octets: number, milliseconds: number): string {
  const megabits = octets * 8 / 1000 / Math.max(1, milliseconds);
  return megabits >= 1000
    ? `${(megabits / 1000).toFixed(2)} Gbit/s`
    : `${megabits.toFixed(megabits >= 100 ? 0 : 1)} Mbit/s`;
}

function refused(text: string, expected: string): ConfigError {
  return new ConfigError("ERR_CONFIG_OPTION", `Cannot read ${JSON.stringify(text)}: expected ${expected}`);
}
