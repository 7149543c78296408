/** Every value that strongSwan wrote down while two of its daemons talked, computed anew from what went over the wire. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { concat, fromHex, toHex } from "../../lib/bytes/mod.ts";
import {
  type EncryptionTransform,
  encryptionTransformById,
  type IntegrityTransform,
  integrityTransformById,
  type Prf,
  prfTransform,
} from "../../lib/crypto/mod.ts";
import {
  deriveChildKeys,
  deriveIkeKeys,
  deriveSkeyseed,
  type IkeKeys,
  natDetectionHash,
} from "../../lib/ike/keymat.ts";
import { runtimeCrypto } from "../../lib/runtime/mod.ts";
import { sharedVectors } from "../_support/vectors.ts";

const crypto = runtimeCrypto({ prefer: "node" });

interface LogValue {
  readonly group: "IKE" | "CHD";
  readonly what: string;
  readonly hex: string;
}

interface RecordedPayload {
  readonly type: number;
  readonly raw: string;
  readonly data?: string;
  readonly inner?: readonly RecordedPayload[];
  readonly proposals?: readonly { readonly protocol: number; readonly spi: string }[];
}

interface Recording {
  readonly ike_keys: readonly {
    readonly encr: { readonly id: number; readonly key_bits: number };
    readonly integ: { readonly id: number };
  }[];
  readonly packets: readonly {
    readonly hex: string;
    readonly expected: {
      readonly header: { readonly exchange_type: number; readonly spi_i: string; readonly spi_r: string };
      readonly payloads: readonly RecordedPayload[];
    };
  }[];
  readonly daemon_log_values: readonly LogValue[];
}

/** Payload types. */
const SA = 33;
const NONCE = 40;
const GENERIC_HEADER_SIZE = 4;

/** The recordings, with the function of their proposal and the cipher of their child SAs. */
const RECORDINGS: readonly (readonly [
  name: string,
  prf: string,
  esp: readonly [id: number, bits: number | undefined, integ: number | null],
])[] = [
  ["psk-cbc-gcm", "prfsha256", [20, 128, null]],
  ["ecdsa384-pfs", "prfsha384", [20, 256, null]],
  ["mschapv2", "prfsha256", [12, 128, 2]],
  ["ed25519-chacha", "prfsha256", [28, undefined, null]],
];

describe("Recorded key material", () => {
  for (const [name, prfKeyword, [id, bits, integ]] of RECORDINGS) {
    const recording = sharedVectors(`ike-live/strongswan-${name}.json`) as Recording | null;
    const skip = recording === null;
    const prf = () => crypto.createPrf(prfTransform(prfKeyword)!);
    it(
      `is found again in ${name}: NAT detection`,
      { skip },
      () => checkNatDetection(recording!.daemon_log_values),
    );
    it(
      `is found again in ${name}: SKEYSEED and SK_*, of the first IKE SA and of its rekey`,
      { skip },
      () => checkIkeKeys(recording!, prf()),
    );
    it(
      `is found again in ${name}: the octets that AUTH covers, and AUTH by a shared key`,
      { skip },
      () => checkAuth(recording!.daemon_log_values, prf()),
    );
    it(
      `is found again in ${name}: keys of child SAs, with and without a key exchange of their own`,
      { skip },
      () =>
        checkChildKeys(recording!.daemon_log_values, prf(), {
          encryption: encryptionTransformById(id, bits)!,
          integrity: integ === null ? null : integrityTransformById(integ)!,
        }),
    );
  }
});

function checkNatDetection(log: readonly LogValue[]): void {
  let seen = 0;
  log.forEach(({ what, hex }, i) => {
    if (what !== "natd_chunk") return;
    seen++;
    const chunk = fromHex(hex);
    const port = chunk[chunk.length - 2]! << 8 | chunk[chunk.length - 1]!;
    const [spiI, spiR, address] = [chunk.subarray(0, 8), chunk.subarray(8, 16), chunk.subarray(16, -2)];
    assert.equal(toHex(natDetectionHash(crypto, { spiI, spiR, address, port })), log[i + 1]!.hex);
  });
  assert.equal(seen, 4);
}

/** SPIs and nonces of the exchanges that made an IKE SA, in order. */
function ikeExchanges({ packets }: Recording) {
  const made: { spiI: string; spiR: string; nonces: Uint8Array[] }[] = [];
  for (const { expected: { header, payloads } } of packets) {
    const inside = payloads.flatMap((payload) => payload.inner ?? [payload]);
    const proposal = inside.find(({ type }) => type === SA)?.proposals?.[0];
    const nonce = inside.find(({ type }) => type === NONCE);
    if (proposal?.protocol !== 1 || nonce === undefined) continue;
    const octets = fromHex(nonce.raw).subarray(GENERIC_HEADER_SIZE);
    const last = made.at(-1);
    const first = header.exchange_type === 34;
    if (last?.nonces.length === 1) {
      last.nonces.push(octets);
      last.spiR = first ? header.spi_r : proposal.spi;
    } else made.push({ spiI: first ? header.spi_i : proposal.spi, spiR: "", nonces: [octets] });
  }
  return made;
}

const NAMES: readonly (readonly [name: keyof IkeKeys, logged: string])[] = [
  ["skD", "Sk_d secret"],
  ["skAi", "Sk_ai secret"],
  ["skAr", "Sk_ar secret"],
  ["skEi", "Sk_ei secret"],
  ["skEr", "Sk_er secret"],
  ["skPi", "Sk_pi secret"],
  ["skPr", "Sk_pr secret"],
];

function checkIkeKeys(recording: Recording, prf: Prf): void {
  const log = recording.daemon_log_values.filter(({ group }) => group === "IKE");
  const values = (what: string) => log.filter((value) => value.what === what).map(({ hex }) => hex);
  const secrets = values("shared Diffie Hellman secret");
  const exchanges = ikeExchanges(recording);
  assert.equal(exchanges.length, secrets.length);
  assert.equal(recording.ike_keys.length, secrets.length);
  let old: { prf: Prf; skD: Uint8Array } | undefined;
  exchanges.forEach(({ spiI, spiR, nonces: [nonceI, nonceR] }, i) => {
    const { encr, integ } = recording.ike_keys[i]!;
    const input = {
      prf,
      nonceI: nonceI!,
      nonceR: nonceR!,
      spiI: fromHex(spiI),
      spiR: fromHex(spiR),
      sharedSecret: fromHex(secrets[i]!),
      encryption: encryptionTransformById(encr.id, encr.id === 28 ? undefined : encr.key_bits)!,
      integrity: integ.id === 0 ? null : integrityTransformById(integ.id)!,
      ...(old === undefined ? {} : { old }),
    };
    assert.equal(toHex(deriveSkeyseed(input)), values("SKEYSEED")[i]);
    const keys = deriveIkeKeys(input);
    for (const [name, logged] of NAMES) {
      const expected = values(logged)[i] ?? "";
      assert.equal(toHex(keys[name]), expected, `${logged} of IKE SA ${i}`);
    }
    old = { prf, skD: keys.skD };
  });
}

function checkAuth(log: readonly LogValue[], prf: Prf): void {
  let [bodies, auths] = [0, 0];
  log.forEach(({ what, hex }, i) => {
    if (what.startsWith("octets = ")) {
      bodies++;
      const [id, skP] = [log[i - 2]!, log[i - 1]!];
      assert.deepEqual([id.what, skP.what], ["IDx'", "SK_p"]);
      assert.ok(hex.endsWith(toHex(prf.compute(fromHex(skP.hex), fromHex(id.hex)))));
      // What precedes it is the message, whose header tells its length, and the other end's nonce.
      const messageSize = parseInt(hex.slice(48, 56), 16);
      assert.equal(hex.length / 2 - messageSize - prf.size, 32);
    }
    if (!what.startsWith("AUTH = ")) return;
    auths++;
    const octets = log.slice(0, i).findLast((value) => value.what.startsWith("octets = "))!.hex;
    const [secret, padded] = [log[i - 2]!.hex, log[i - 1]!.hex];
    const key = prf.compute(fromHex(secret), new TextEncoder().encode("Key Pad for IKEv2"));
    assert.equal(toHex(key), padded);
    assert.equal(toHex(prf.compute(key, fromHex(octets))), hex);
  });
  assert.ok(bodies >= 2);
  assert.equal(auths > 0, log.some(({ what }) => what === "secret"));
}

function checkChildKeys(
  log: readonly LogValue[],
  prf: Prf,
  suite: { readonly encryption: EncryptionTransform; readonly integrity: IntegrityTransform | null },
): void {
  const skD = fromHex(log.find(({ what }) => what === "Sk_d secret")!.hex);
  let seen = 0;
  log.forEach(({ group, what, hex }, i) => {
    if (group !== "CHD" || what !== "seed") return;
    seen++;
    const shared = log[i - 1]!.what === "DH secret" ? fromHex(log[i - 1]!.hex) : undefined;
    const nonces = fromHex(hex).subarray(shared?.length ?? 0);
    const [nonceI, nonceR] = [nonces.subarray(0, 32), nonces.subarray(32)];
    const keys = deriveChildKeys({
      prf,
      skD,
      nonceI,
      nonceR,
      ...suite,
      ...(shared ? { sharedSecret: shared } : {}),
    });
    const logged = (name: string) => log.slice(i + 1, i + 5).find((value) => value.what === name)?.hex ?? "";
    const { initiatorToResponder, responderToInitiator } = keys;
    assert.equal(toHex(initiatorToResponder.encryptionKey), logged("encryption initiator key"));
    assert.equal(toHex(responderToInitiator.encryptionKey), logged("encryption responder key"));
    assert.equal(toHex(initiatorToResponder.integrityKey), logged("integrity initiator key"));
    assert.equal(toHex(responderToInitiator.integrityKey), logged("integrity responder key"));
    assert.equal(toHex(concat([shared ?? new Uint8Array(0), nonces])), hex);
  });
  assert.ok(seen > 0);
}
