/**
 * How much one IKE message may hold. A length field alone would let a message of 64 KiB become a hundred thousand
 * objects; with these limits what a message costs is bounded by its octets and a few hundred of them.
 */

import { CodedRangeError } from "../../errors.ts";

/** Names of the limits. */
export type IkeCodecLimitName =
  | "message_size"
  | "payloads"
  | "proposals"
  | "transforms"
  | "traffic_selectors"
  | "spis"
  | "configuration_attributes"
  | "fragments";

/** A value for every limit. */
export type IkeCodecLimits = Readonly<Record<IkeCodecLimitName, number>>;

/** A row of the table. */
export interface IkeCodecLimit {
  /** What holds unless told otherwise. */
  readonly default: number;
  /** The most that it can be set to. */
  readonly most: number;
  /** What it bounds, in words. */
  readonly bounds: string;
}

/** Every limit, with its default. */
export const IKE_CODEC_LIMITS: Readonly<Record<IkeCodecLimitName, IkeCodecLimit>> = {
  // 65536 is what fragments may make together; one message in a frame or a datagram has at most 65533.
  message_size: { default: 65_536, most: 1_048_576, bounds: "octets of an IKE message" },
  payloads: { default: 128, most: 16_384, bounds: "payloads of a message, and again of its SK payload" },
  proposals: { default: 64, most: 255, bounds: "proposals of an SA payload" },
  transforms: { default: 256, most: 65_025, bounds: "transforms of an SA payload" },
  traffic_selectors: { default: 64, most: 255, bounds: "traffic selectors of a TS payload" },
  spis: { default: 256, most: 16_384, bounds: "SPIs of a D payload" },
  // Split tunnels name their networks here, one attribute each.
  configuration_attributes: { default: 1024, most: 16_384, bounds: "attributes of a CP payload" },
  fragments: { default: 64, most: 65_535, bounds: "fragments of a message" },
};

/**
 * All limits, with some of them set; throws a `RangeError` for one that is none or cannot be so.
 *
 * @example
 * ```ts
 * import { ikeCodecLimits } from "iketcp/ike/codec";
 * import { strictEqual, throws } from "node:assert";
 *
 * const limits = ikeCodecLimits({ payloads: 20 });
 * strictEqual(limits.payloads, 20);
 * strictEqual(limits.proposals, 64);
 * throws(() => ikeCodecLimits({ proposals: 256 }), RangeError);
 * ```
 */
export function ikeCodecLimits(settings: Partial<IkeCodecLimits> = {}): IkeCodecLimits {
  const limits: Record<string, number> = {};
  for (const [name, row] of Object.entries(IKE_CODEC_LIMITS)) limits[name] = row.default;
  for (const [name, value] of Object.entries(settings)) {
    if (value === undefined) continue;
    const row = Object.hasOwn(IKE_CODEC_LIMITS, name)
      ? IKE_CODEC_LIMITS[name as IkeCodecLimitName]
      : undefined;
    if (row === undefined || !Number.isInteger(value) || value < 1 || value > row.most) {
      throw new CodedRangeError(
        "ERR_OPTION_RANGE",
        `Cannot set limit ${name}: expected ${
          row === undefined
            ? `one of ${Object.keys(IKE_CODEC_LIMITS).join(", ")}`
            : `an integer from 1 to ${row.most}`
        }, got ${row === undefined ? name : value}`,
      );
    }
    limits[name] = value;
  }
  return limits as IkeCodecLimits;
}

/** The limits that hold unless told otherwise. */
export const DEFAULT_IKE_CODEC_LIMITS: IkeCodecLimits = ikeCodecLimits();
