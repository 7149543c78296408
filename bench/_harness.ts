/**
 * What all benches share: the command line, the rows they give, and how time is taken on a machine that others use, too.
 *
 * A figure alone means little on such a machine, so whatever has a bar is a ratio of runs that alternate (A B A B ...):
 * the median of at least five ratios. Time is the smaller of wall clock and CPU time of the process, see
 * {@linkcode startClock}.
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { measure } from "mitata";
import { runtimeName } from "../lib/runtime/detect.ts";

/** A figure. */
export interface BenchRow {
  /** What was measured: `encap/framer batch 1400 B`. */
  readonly name: string;
  /** The runtime and its version: `Node 24.21.0`. */
  readonly runtime: string;
  /** The figure. */
  readonly value: number;
  /** Its unit: `GB/s`, `ns/message`. */
  readonly unit: string;
  /** The name of the row that `ratio` compares with. */
  readonly ratioTo?: string;
  /** This row's figure in terms of that one: the median over pairs of runs, not the quotient of the two medians. */
  readonly ratio?: number;
  /** What DESIGN.md, section 6 asks for, in words: `value >= 5`. */
  readonly bar?: string;
  /** Whether the bar holds. */
  readonly holds?: boolean;
}

/** A bench that could not be run. */
export interface BenchFailure {
  /** Its name. */
  readonly name: string;
  /** Where it was to run. */
  readonly runtime: string;
  /** What went wrong. */
  readonly error: string;
}

/** What a row has beside its name, value and unit. */
export interface RowDetails {
  /** What the row is compared with, and how it compares. */
  readonly to?: { readonly name: string; readonly ratio: number };
  /** What must hold. */
  readonly bar?: Bar;
}

/** What one field of a row must be. */
export interface Bar {
  /** Which field. */
  readonly of: "value" | "ratio";
  /** The least that it may be. */
  readonly atLeast?: number;
  /** The most that it may be. */
  readonly atMost?: number;
}

/** Reads the command line, runs what `--only` leaves, and prints rows as they come. */
export class Bench {
  /** Whether a glance is enough. */
  readonly quick: boolean;
  /** The runtime and its version. */
  readonly runtime: string = runtimeName();

  readonly #json: boolean;
  readonly #only: string;

  /** Reads the command line of this process. */
  constructor() {
    const { values } = parseArgs({
      options: {
        quick: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        only: { type: "string", default: "" },
      },
    });
    this.quick = values.quick;
    this.#json = values.json;
    this.#only = values.only;
  }

  /** How often a pair is run. */
  get rounds(): number {
    return this.quick ? 5 : 11;
  }

  /** Whether `--only` leaves rows of that name: it takes any part of one. */
  wants(name: string): boolean {
    return name.includes(this.#only);
  }

  /** Runs one group of rows if any of their names is wanted. A group that throws fails alone. */
  async group(names: readonly string[], run: () => Promise<void> | void): Promise<void> {
    if (!names.some((name) => this.wants(name))) return;
    try {
      await run();
    } catch (error) {
      const text = error instanceof Error ? error.stack ?? error.message : String(error);
      this.#print({ name: names[0]!, runtime: this.runtime, error: text });
      process.exitCode = 1;
    }
  }

  /** Gives out a row, unless `--only` leaves it out. */
  row(name: string, value: number, unit: string, details: RowDetails = {}): void {
    if (!this.wants(name)) return;
    const { to, bar } = details;
    this.#print({
      name,
      runtime: this.runtime,
      value: round(value),
      unit,
      ...(to === undefined ? {} : { ratioTo: to.name, ratio: round(to.ratio) }),
      ...(bar === undefined ? {} : {
        bar: describeBar(bar),
        holds: holds(bar, bar.of === "value" ? value : to?.ratio ?? NaN),
      }),
    });
  }

  #print(row: BenchRow | BenchFailure): void {
    if (this.#json) console.log(JSON.stringify(row));
    else if ("error" in row) console.error(`${row.name} failed: ${row.error}`);
    else console.log(formatRow(row));
  }
}

/** A row as a line for people. */
export function formatRow(row: BenchRow): string {
  const { name, value, unit, ratio, ratioTo, bar, holds } = row;
  const figure = `${name.padEnd(52)} ${String(value).padStart(9)} ${unit.padEnd(13)}`;
  const compared = ratio === undefined ? "" : `${ratio.toFixed(2)} x ${ratioTo}`;
  const judged = bar === undefined ? "" : `${holds ? "holds: " : "MISSED:"} ${bar}`;
  return `${figure} ${compared.padEnd(44)} ${judged}`.trimEnd();
}

function describeBar({ of, atLeast, atMost }: Bar): string {
  return atLeast === undefined ? `${of} <= ${atMost}` : `${of} >= ${atLeast}`;
}

function holds({ atLeast = -Infinity, atMost = Infinity }: Bar, figure: number): boolean {
  return figure >= atLeast && figure <= atMost;
}

/** Four digits: more than can be trusted, enough to see on which side of a bar a figure is. */
function round(value: number): number {
  return Number(value.toPrecision(4));
}

/** Seconds that passed since the clock was started. */
export interface Elapsed {
  /** By the wall clock. */
  readonly wall: number;
  /** CPU time of all threads of this process. */
  readonly cpu: number;
  /**
   * The smaller of both. Helper threads (the garbage collector's) make the CPU time the larger one on a quiet machine, where
   * the wall clock is right; waiting for a core makes the wall clock the larger one on a busy machine. Either way this is
   * no less than what the main thread worked.
   */
  readonly busy: number;
}

/** Starts a clock; the function that it gives reads it. */
export function startClock(): () => Elapsed {
  const cpuBefore = process.cpuUsage();
  const wallBefore = performance.now();
  return () => {
    const wall = (performance.now() - wallBefore) / 1e3;
    const { user, system } = process.cpuUsage(cpuBefore);
    const cpu = (user + system) / 1e6;
    return { wall, cpu, busy: cpu > 0 ? Math.min(wall, cpu) : wall };
  };
}

/** The middle one. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Runs of several things that alternate, A B C A B C ..., and how they compare. */
export class Rounds<Name extends string> {
  readonly #costs: Map<Name, number[]> = new Map();

  /** Runs each once to warm up, then all of them so many times. A run gives what it cost, in any unit. */
  static async run<Name extends string>(
    runs: Readonly<Record<Name, () => Promise<number> | number>>,
    rounds: number,
    warm = 1,
  ): Promise<Rounds<Name>> {
    const result = new Rounds<Name>();
    const entries = Object.entries(runs) as [Name, () => Promise<number> | number][];
    for (const [name] of entries) result.#costs.set(name, []);
    for (let i = -warm; i < rounds; i++) {
      for (const [name, run] of entries) {
        const cost = await run();
        if (i >= 0) result.#costs.get(name)!.push(cost);
      }
    }
    return result;
  }

  /** The median cost of one of them. */
  cost(name: Name): number {
    return median(this.#costs.get(name)!);
  }

  /** How many times what `base` costs another one costs: the median over the rounds. */
  ratio(name: Name, base: Name): number {
    const bases = this.#costs.get(base)!;
    return median(this.#costs.get(name)!.map((cost, i) => cost / bases[i]!));
  }
}

/** Nanoseconds that one call takes, by mitata: for functions that return at once. */
export async function callTime(bench: Bench, call: () => unknown): Promise<number> {
  const { p50 } = await measure(call, { min_cpu_time: bench.quick ? 15e6 : 150e6, gc: false });
  return p50;
}

/** Finds how much work makes a run long enough to be timed, then gives a run of that much: seconds per unit of work. */
export async function calibrated(
  work: (amount: number) => Promise<unknown>,
  seconds: number,
): Promise<() => Promise<number>> {
  let amount = 16;
  for (;;) {
    const clock = startClock();
    await work(amount);
    const { wall } = clock();
    if (wall >= seconds / 2) break;
    amount = Math.ceil(amount * Math.min(8, Math.max(1.5, seconds / Math.max(wall, 1e-6))));
  }
  return async () => {
    const clock = startClock();
    await work(amount);
    return clock().busy / amount;
  };
}
