/** `--limit NAME=VALUE`, checked against the table of limits. */

import { ConfigError } from "../errors.ts";
import { type LimitUnit, RELAY_LIMITS, type RelayLimitName, type RelayLimits } from "../relay/mod.ts";
import { formatSize, parseCount, parseDuration, parseSize } from "./_units.ts";

const PARSERS: Readonly<Record<LimitUnit, (text: string) => number>> = {
  milliseconds: parseDuration,
  octets: parseSize,
  count: parseCount,
};

/** Adds one `NAME=VALUE` to the limits read before it, as a repeatable option of a command does. */
export function collectLimit(text: string, before: Partial<RelayLimits> = {}): Partial<RelayLimits> {
  const [name, value] = text.split(/=(.*)/s);
  if (name === undefined || !Object.hasOwn(RELAY_LIMITS, name)) {
    throw new ConfigError(
      "ERR_CONFIG_LIMIT",
      `Cannot set limit ${JSON.stringify(name)}: expected one of ${Object.keys(RELAY_LIMITS).join(", ")}`,
    );
  }
  if (value === undefined || value === "") {
    throw new ConfigError(
      "ERR_CONFIG_LIMIT",
      `Cannot set limit ${name}: expected ${name}=VALUE, got no value`,
    );
  }
  const { unit, most } = RELAY_LIMITS[name as RelayLimitName];
  const number = parseValue(name, unit, value);
  if (number < 1 || number > most) {
    throw new ConfigError(
      "ERR_CONFIG_LIMIT",
      `Cannot set limit ${name}: expected at least 1 and at most ${most} ${unit}, got ${value}`,
    );
  }
  return { ...before, [name]: number };
}

function parseValue(name: string, unit: LimitUnit, value: string): number {
  try {
    return PARSERS[unit](value);
  } catch (error) {
    throw new ConfigError("ERR_CONFIG_LIMIT", `Cannot set limit ${name}: ${(error as Error).message}`);
  }
}

/** The table for the help text: each default as `--limit` takes it. */
export function describeLimits(): string {
  const rows = Object.entries(RELAY_LIMITS).map(([name, { unit, default: value, bounds }]) =>
    `  ${name.padEnd(27)} ${describeValue(unit, value).padEnd(8)} ${bounds}`
  );
  return `Limits, with their defaults:\n${rows.join("\n")}`;
}

function describeValue(unit: LimitUnit, value: number): string {
  if (unit === "milliseconds") return value % 1000 === 0 ? `${value / 1000}s` : `${value}ms`;
  return unit === "octets" && value % 1024 === 0 ? formatSize(value).replace(/(?:\.0)? /, "") : String(value);
}
