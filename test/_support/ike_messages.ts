/** Any IKE message that can be written, for properties. */

import fc from "fast-check";
import {
  CONFIGURATION_ATTRIBUTE_SIZES,
  idPayload,
  type IkeMessage,
  NOTIFY_DATA_SIZES,
  type Payload,
  payloadCodec,
  type PayloadKind,
  type TrafficSelector,
  type Transform,
} from "../../lib/ike/codec/mod.ts";

/** Plain objects, as the codec gives them; all keys, unless only some are required. */
function record<T>(model: { readonly [Key in keyof T]: fc.Arbitrary<T[Key]> }): fc.Arbitrary<T>;
function record<T, Required extends keyof T>(
  model: { readonly [Key in keyof T]: fc.Arbitrary<T[Key]> },
  required: Required[],
): fc.Arbitrary<Partial<T> & Pick<T, Required>>;
function record<T>(model: { [Key in keyof T]: fc.Arbitrary<T[Key]> }, required?: (keyof T)[]): unknown {
  const requiredKeys = required ?? Object.keys(model) as (keyof T)[];
  return fc.record(model, { noNullPrototype: true, requiredKeys });
}

const octet = fc.integer({ min: 0, max: 0xff });
const uint16 = fc.integer({ min: 0, max: 0xffff });

function octets(minLength: number, maxLength: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength, maxLength });
}

const transform: fc.Arbitrary<Transform> = record({
  type: octet,
  id: uint16,
  keyLength: uint16,
  attributes: fc.array(
    // Attribute 14 with a number is the Key Length itself.
    record({ type: fc.integer({ min: 15, max: 0x7fff }), value: fc.oneof(uint16, octets(0, 9)) }),
    { minLength: 1, maxLength: 2 },
  ),
}, ["type", "id"]);

const proposal = record({
  number: octet,
  protocol: octet,
  spi: octets(0, 9),
  transforms: fc.array(transform, { maxLength: 4 }),
});

const selector: fc.Arbitrary<TrafficSelector> = fc.constantFrom([7, 4] as const, [8, 16] as const)
  .chain(([type, size]) =>
    record({
      type: fc.constant(type),
      protocol: octet,
      startPort: uint16,
      endPort: uint16,
      startAddress: octets(size, size),
      endAddress: octets(size, size),
    })
  );

function ts<Kind extends "TSi" | "TSr">(kind: Kind) {
  return fc.tuple(
    fc.array(selector, { maxLength: 4 }),
    fc.array(record({ type: fc.integer({ min: 9, max: 255 }), protocol: octet, data: octets(0, 9) }), {
      maxLength: 2,
    }),
    fc.nat(),
  ).map(([selectors, strangers, seed]) => {
    const count = selectors.length + strangers.length;
    // Anywhere among the others, in the order of their places.
    const first = count === 0 ? 0 : seed % (count - strangers.length + 1);
    const others = strangers.map((other, i) => ({ ...other, position: first + i }));
    return { kind, selectors, ...(others.length === 0 ? {} : { others }) };
  });
}

const notify = fc.tuple(
  fc.oneof(uint16, fc.constantFrom(...Object.keys(NOTIFY_DATA_SIZES).map(Number))),
  octet,
  octets(0, 9),
).chain(([type, protocol, spi]) => {
  const { least, most, even } = NOTIFY_DATA_SIZES[type] ?? { least: 0, most: 80, even: false };
  const data = octets(least, Math.min(most, 80))
    .map((value) => even === true ? value.subarray(value.length % 2) : value);
  return data.map((value) => ({ kind: "N" as const, type, protocol, spi, data: value }));
});

const attribute = fc.integer({ min: 0, max: 0x7fff }).chain((type) =>
  fc.constantFrom(...(CONFIGURATION_ATTRIBUTE_SIZES[type] ?? [0, 3, 9])).chain((size) =>
    octets(size, size).map((value) => ({ type, value }))
  )
);

const eap = octets(0, 40).map((body) => {
  const data = new Uint8Array(4 + body.length);
  data.set([2, 7, 0, data.length]);
  data.set(body, 4);
  return { kind: "EAP" as const, data };
});

const spis = fc.integer({ min: 1, max: 9 }).chain((size) => fc.array(octets(size, size), { maxLength: 5 }));

/** What each payload may be, but for those that are sealed. The compiler lists what is missing. */
const PAYLOADS: { readonly [Kind in Exclude<PayloadKind, "SK" | "SKF">]: fc.Arbitrary<Payload> } = {
  SA: fc.array(proposal, { minLength: 1, maxLength: 3 }).map((proposals) => ({ kind: "SA", proposals })),
  KE: record({ kind: fc.constant("KE"), group: uint16, data: octets(1, 64) }),
  IDi: fc.tuple(octet, octets(0, 20)).map(([type, data]) => idPayload("IDi", type, data)),
  IDr: fc.tuple(octet, octets(0, 20)).map(([type, data]) => idPayload("IDr", type, data)),
  CERT: record({ kind: fc.constant("CERT"), encoding: octet, data: octets(0, 64) }),
  CERTREQ: record({ kind: fc.constant("CERTREQ"), encoding: octet, data: octets(0, 60) }),
  AUTH: record({ kind: fc.constant("AUTH"), method: octet, data: octets(0, 64) }),
  Nonce: octets(16, 256).map((data) => ({ kind: "Nonce", data })),
  N: notify,
  D: fc.tuple(octet, spis).map(([protocol, list]) => ({ kind: "D", protocol, spis: list })),
  V: octets(0, 32).map((data) => ({ kind: "V", data })),
  TSi: ts("TSi"),
  TSr: ts("TSr"),
  CP: fc.tuple(octet, fc.array(attribute, { maxLength: 5 }))
    .map(([type, attributes]) => ({ kind: "CP", type, attributes })),
  EAP: eap,
  unknown: fc.tuple(octet.filter((type) => type > 0 && payloadCodec(type) === undefined), octets(0, 20))
    .map(([type, data]) => ({ kind: "unknown", type, critical: false, data })),
};

/** Any payload that is not sealed. */
export const anyPayload: fc.Arbitrary<Payload> = fc.oneof(...Object.values(PAYLOADS));

/** Any message without sealed payloads. */
export const anyMessage: fc.Arbitrary<IkeMessage> = record({
  spiI: octets(8, 8),
  spiR: octets(8, 8),
  exchangeType: octet,
  initiator: fc.boolean(),
  response: fc.boolean(),
  messageId: fc.integer({ min: 0, max: 0xffffffff }),
  payloads: fc.array(anyPayload, { maxLength: 8 }),
});

/** Any message with an SK or SKF payload at its end. */
export const anySealedMessage: fc.Arbitrary<IkeMessage> = fc.tuple(
  anyMessage,
  octet,
  octets(0, 64),
  fc.option(fc.tuple(fc.integer({ min: 1, max: 0xffff }), fc.nat(9))),
).map(([message, nextPayload, body, fragment]) => {
  const outer = { ...message, payloads: [] };
  const sealed: Payload = fragment === null ? { kind: "SK", nextPayload, body, offset: 32 } : {
    kind: "SKF",
    nextPayload,
    number: fragment[0],
    total: Math.min(0xffff, fragment[0] + fragment[1]),
    body,
    offset: 36,
  };
  return { ...outer, payloads: [sealed] };
});
