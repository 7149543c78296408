/** How long an SA may be used (RFC 4301, section 4.4.2.1): a soft limit is told once, a hard one ends the SA. */

import { putOff } from "./_work.ts";

/** What a limit counts. */
export type LimitKind = "octets" | "packets" | "seconds" | "sequence";

/** Limits of one hardness; what is absent has no limit. */
export type SaLimits = Readonly<Partial<Record<LimitKind, number>>>;

/** A limit was reached. */
export interface LimitEvent {
  /** `soft`: it is time to rekey. `hard`: the SA carries nothing more. */
  readonly hardness: "soft" | "hard";
  /** What was counted. */
  readonly limit: LimitKind;
  /** The SA's SPI. */
  readonly spi: number;
}

/** What a {@linkcode Lifetime} takes. */
export interface LifetimeOptions {
  /** Limits that are told of, once: the first one reached. */
  readonly soft?: SaLimits;
  /** Limits that end the SA. */
  readonly hard?: SaLimits;
  /** Told when a limit is reached; after the chunk in whose middle it was. */
  readonly onLimit?: (event: LimitEvent) => void;
}

/** Counts what an SA has carried against its limits. */
export class Lifetime {
  /** Packets so far. */
  packets: number = 0;
  /** Octets of payload so far. */
  octets: number = 0;
  readonly #spi: number;
  readonly #soft: SaLimits;
  readonly #hard: SaLimits;
  readonly #onLimit: ((event: LimitEvent) => void) | undefined;
  readonly #softPackets: number;
  readonly #softOctets: number;
  readonly #softSequence: number;
  readonly #hardPackets: number;
  readonly #hardOctets: number;
  readonly #hardSequence: number;
  /** Whether time limits it. Asked for each SA of each chunk, so that those without are let alone. */
  readonly #timed: boolean;
  #start: number | undefined;
  #told = false;
  #ended = false;

  /** Takes the limits. */
  constructor(spi: number, options: LifetimeOptions = {}) {
    const { soft = {}, hard = {} } = options;
    this.#spi = spi;
    this.#soft = soft;
    this.#hard = hard;
    this.#onLimit = options.onLimit;
    this.#softPackets = soft.packets ?? Infinity;
    this.#softOctets = soft.octets ?? Infinity;
    this.#softSequence = soft.sequence ?? Infinity;
    this.#hardPackets = hard.packets ?? Infinity;
    this.#hardOctets = hard.octets ?? Infinity;
    this.#hardSequence = hard.sequence ?? Infinity;
    this.#timed = soft.seconds !== undefined || hard.seconds !== undefined;
  }

  /** Whether a hard limit was reached. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * Takes the time in milliseconds, from any start; the first call begins the SA's life. Gives the time at which it wants
   * to be called next, or `Infinity`.
   */
  handleTime(now: number): number {
    if (!this.#timed) return Infinity;
    this.#start ??= now;
    const soft = this.#start + (this.#soft.seconds ?? Infinity) * 1000;
    const hard = this.#start + (this.#hard.seconds ?? Infinity) * 1000;
    if (now >= hard) this.end("seconds");
    else if (now >= soft) this.#tell("seconds");
    if (this.#ended) return Infinity;
    return this.#told ? hard : Math.min(soft, hard);
  }

  /** Counts a packet that is about to be used; false when a hard limit forbids it. */
  admit(octets: number, sequence: number): boolean {
    if (this.#ended) return false;
    const packets = this.packets + 1;
    const total = this.octets + octets;
    if (packets > this.#hardPackets) return this.end("packets");
    if (total > this.#hardOctets) return this.end("octets");
    if (sequence > this.#hardSequence) return this.end("sequence");
    this.packets = packets;
    this.octets = total;
    if (!this.#told) {
      if (packets >= this.#softPackets) this.#tell("packets");
      else if (total >= this.#softOctets) this.#tell("octets");
      else if (sequence >= this.#softSequence) this.#tell("sequence");
    }
    return true;
  }

  /** Ends the SA because of a limit; always false. */
  end(limit: LimitKind): false {
    if (!this.#ended) {
      this.#ended = true;
      this.#report("hard", limit);
    }
    return false;
  }

  #tell(limit: LimitKind): void {
    if (this.#told) return;
    this.#told = true;
    this.#report("soft", limit);
  }

  #report(hardness: LimitEvent["hardness"], limit: LimitKind): void {
    const onLimit = this.#onLimit;
    if (onLimit !== undefined) putOff(() => onLimit({ hardness, limit, spi: this.#spi }));
  }
}
