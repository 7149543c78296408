/**
 * What an IKE message costs besides its public keys: reading and writing payloads, SK around them, and the choice of a
 * proposal. It runs by itself, too: `node bench/ike_codec_bench.ts --quick --only seal`.
 */

import { encryptionTransform } from "../lib/crypto/mod.ts";
import {
  checkExchange,
  emitIkeMessage,
  EXCHANGE,
  idPayload,
  type IkeMessage,
  NOTIFY,
  notifyPayload,
  parseIkeHeader,
  parseIkeMessage,
  type Payload,
  type TrafficSelector,
  walkPayloads,
} from "../lib/ike/codec/mod.ts";
import {
  IkeProtection,
  parseEspProposals,
  parseIkeProposals,
  selectProposal,
  toSaPayload,
} from "../lib/ike/mod.ts";
import { runtimeCrypto } from "../lib/runtime/mod.ts";
import { Bench, calibrated, Rounds } from "./_harness.ts";

const bench = new Bench();

const everything: TrafficSelector = {
  type: 7,
  protocol: 0,
  startPort: 0,
  endPort: 0xffff,
  startAddress: new Uint8Array(4),
  endAddress: new Uint8Array(4).fill(0xff),
};
const ikeProposals = parseIkeProposals("default");

/** What an initiator with the default proposals, or with a certificate of 1 KiB, sends. */
const messages: Readonly<Record<string, IkeMessage>> = {
  IKE_SA_INIT: messageOf(EXCHANGE.ikeSaInit, 0, [
    toSaPayload(ikeProposals),
    { kind: "KE", group: 31, data: octets(32) },
    { kind: "Nonce", data: octets(32) },
    notifyPayload(NOTIFY.natDetectionSourceIp, octets(20)),
    notifyPayload(NOTIFY.natDetectionDestinationIp, octets(20)),
    notifyPayload(NOTIFY.fragmentationSupported),
    notifyPayload(NOTIFY.signatureHashAlgorithms, octets(8)),
  ]),
  IKE_AUTH: messageOf(EXCHANGE.ikeAuth, 1, [
    idPayload("IDi", 2, octets(20)),
    { kind: "CERT", encoding: 4, data: octets(1024) },
    notifyPayload(NOTIFY.initialContact),
    { kind: "CERTREQ", encoding: 4, data: octets(40) },
    { kind: "AUTH", method: 14, data: octets(270) },
    { kind: "CP", type: 1, attributes: [1, 3, 8, 10].map((type) => ({ type, value: octets(0) })) },
    toSaPayload(parseEspProposals("default"), { spi: octets(4), keyExchange: false }),
    { kind: "TSi", selectors: [everything] },
    { kind: "TSr", selectors: [everything] },
  ]),
  INFORMATIONAL: messageOf(EXCHANGE.informational, 2, []),
};

for (const [name, message] of Object.entries(messages)) await benchCodec(name, message);
await benchProtection();
await benchProposals();

/** Reading and writing payloads in the clear, against a walk over the chain alone. */
async function benchCodec(name: string, message: IkeMessage): Promise<void> {
  const octets = emitIkeMessage(message);
  const nameOf = (what: string) => `ike-codec/${what} ${name}, ${octets.length} B`;
  const names = ["walk", "parse", "parse and check", "emit"] as const;
  await bench.group(names.map(nameOf), async () => {
    const rounds = await Rounds.run({
      walk: await timed(() => {
        for (const _ of walkPayloads(octets, parseIkeHeader(octets)));
      }),
      parse: await timed(() => parseIkeMessage(octets)),
      "parse and check": await timed(() => checkExchange(parseIkeMessage(octets))),
      emit: await timed(() => emitIkeMessage(message)),
    }, bench.rounds);
    for (const what of names) {
      const to = what === "walk" ? undefined : { name: nameOf("walk"), ratio: rounds.ratio(what, "walk") };
      bench.row(nameOf(what), rounds.cost(what) * 1e9, "ns/message", to === undefined ? {} : { to });
    }
  });
}

/** SK around IKE_AUTH, against the bare cipher on as many octets. */
async function benchProtection(): Promise<void> {
  const message = messages.IKE_AUTH!;
  const row = encryptionTransform("aes256gcm16")!;
  const spec = {
    encryption: row,
    encryptionKey: globalThis.crypto.getRandomValues(new Uint8Array(row.keySize + row.saltSize)),
  };
  const crypto = runtimeCrypto();
  const protection = new IkeProtection({
    sealer: crypto.createSealer(spec),
    opener: crypto.createOpener(spec),
  });
  const sealed = protection.seal(message);
  const nameOf = (what: string) => `ike-codec/${what} IKE_AUTH, ${sealed.length} B`;
  const names = ["bare seal", "seal", "bare open", "open", "seal in fragments of 1200 B"] as const;
  await bench.group(names.map(nameOf), async () => {
    const sealer = crypto.createSealer(spec);
    const opener = crypto.createOpener(spec);
    const scratch = sealed.slice();
    const rounds = await Rounds.run({
      "bare seal": await timed(() => sealer.seal(scratch, { headerSize: 32 })),
      seal: await timed(() => protection.seal(message)),
      "bare open": await timed(() => opener.open(sealed.slice(), { headerSize: 32 })),
      open: await timed(() => protection.open(sealed, parseIkeMessage(sealed))),
      "seal in fragments of 1200 B": await timed(() => protection.sealFragments(message, 1200)),
    }, bench.rounds);
    for (const what of names) {
      const base = what.startsWith("bare") ? undefined : what === "open" ? "bare open" : "bare seal";
      const to = base && { to: { name: nameOf(base), ratio: rounds.ratio(what, base) } };
      bench.row(nameOf(what), rounds.cost(what) * 1e9, "ns/message", to ?? {});
    }
    sealer.dispose();
    opener.dispose();
  });
  protection.dispose();
}

/** The choice that a responder makes of the default proposals. */
async function benchProposals(): Promise<void> {
  const name = "ike-codec/select a proposal";
  const offer = toSaPayload(parseIkeProposals("aes256-sha384-prfsha384-modp2048-x25519"));
  await bench.group([name], async () => {
    const rounds = await Rounds.run({
      select: await timed(() => selectProposal(offer, ikeProposals, { spiSize: 0 })),
    }, bench.rounds);
    bench.row(name, rounds.cost("select") * 1e9, "ns/offer");
  });
}

/** Seconds that one call takes. */
function timed(call: () => unknown): Promise<() => Promise<number>> {
  return calibrated((amount) => {
    for (let i = 0; i < amount; i++) call();
    return Promise.resolve();
  }, bench.quick ? 0.02 : 0.1);
}

function messageOf(exchangeType: number, messageId: number, payloads: readonly Payload[]): IkeMessage {
  return {
    spiI: octets(8),
    spiR: octets(8),
    exchangeType,
    initiator: true,
    response: false,
    messageId,
    payloads,
  };
}

function octets(size: number): Uint8Array {
  return new Uint8Array(size).fill(0x5a);
}
