/**
 * What every provider of algorithms must do, on every runtime: published vectors, every length, every flipped bit, batches
 * like single messages, and the same octets as the slow, obvious provider.
 */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { inspect } from "node:util";
import fc from "fast-check";
import { fromHex, toHex } from "../../lib/bytes/mod.ts";
import {
  type AeadAlgorithm,
  type CipherSpec,
  type CryptoAlgorithm,
  type CryptoProvider,
  CryptoProviders,
  ENCRYPTION_TRANSFORMS,
  encryptionTransform,
  INTEGRITY_TRANSFORMS,
  integrityTransform,
  type MacAlgorithm,
  MessageBatch,
  nobleProvider,
  PACKET_ALGORITHMS,
} from "../../lib/crypto/mod.ts";
import { createMac } from "../../lib/crypto/macs.ts";
import { ciphertextVectors, espVectors } from "../_support/esp_vectors.ts";
import { sharedVectors } from "../_support/vectors.ts";

const HEADER_SIZE = 8;

/** Of the examples of RFC 4493 and RFC 3566. */
const CMAC_KEY = "2b7e151628aed2a6abf7158809cf4f3c";
const CMAC_MESSAGE = fromHex(
  "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51" +
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
);
const XCBC_KEY = "000102030405060708090a0b0c0d0e0f";

/** What a provider lacks on this runtime for packets; what handshakes need is the matter of `handshake_suite.ts`. */
export function lackedBy(provider: CryptoProvider): CryptoAlgorithm[] {
  const crypto = new CryptoProviders([provider]);
  return PACKET_ALGORITHMS.filter((algorithm) => !crypto.has(algorithm));
}

/** Holds a provider to the suite. What it lacks on this runtime is skipped: {@linkcode lackedBy} says what. */
export function describeCiphers(provider: CryptoProvider): void {
  const crypto = new CryptoProviders([provider]);
  const lacked = lackedBy(provider);
  const has = (algorithm: CryptoAlgorithm | null | undefined): boolean =>
    algorithm === null || algorithm === undefined || !lacked.includes(algorithm);

  describe("the published vectors", () => describeVectors(provider, crypto, has));

  for (const spec of specs()) {
    const skip = !has(spec.encryption.algorithm) || !has(spec.integrity?.algorithm);
    describe(nameOf(spec), { skip }, () => describeCipher(crypto, spec));
  }
}

/** Every encryption transform, those that need a MAC with each of some, with and without extended sequence numbers. */
function specs(): CipherSpec[] {
  const made: CipherSpec[] = [];
  for (const encryption of ENCRYPTION_TRANSFORMS) {
    const macs = encryption.icvSize > 0
      ? [null]
      : encryption.keyword === "aes256"
      ? INTEGRITY_TRANSFORMS
      : [integrityTransform("sha256")!];
    for (const integrity of macs) {
      made.push({
        encryption,
        encryptionKey: counting(1, encryption.keySize + encryption.saltSize),
        integrity,
        integrityKey: counting(101, integrity?.keySize ?? 0),
        esn: made.length % 2 === 1,
      });
    }
  }
  return made;
}

function nameOf({ encryption, integrity, esn }: CipherSpec): string {
  return [encryption.keyword, integrity?.keyword, esn ? "esn" : undefined].filter(Boolean).join("-");
}

function describeCipher(crypto: CryptoProviders, spec: CipherSpec): void {
  const sealer = crypto.createSealer(spec);
  const opener = crypto.createOpener(spec);
  const { ivSize, icvSize, blockSize } = sealer;
  const bodyStart = HEADER_SIZE + ivSize;

  /** A message with counting octets in header, IV and body, and room for the ICV. */
  const message = (bodySize: number, from = 0): Uint8Array<ArrayBuffer> => {
    const octets = counting(from, bodyStart + bodySize + icvSize);
    octets.fill(0, bodyStart + bodySize);
    return octets;
  };
  const sealed = (bodySize: number, sequenceHigh = 7): Uint8Array<ArrayBuffer> => {
    const octets = message(bodySize);
    sealer.seal(octets, { sequenceHigh });
    return octets;
  };

  it("seals and opens bodies of every length, where they lie, and touches nothing else", () => {
    for (let bodySize = 0; bodySize <= 8 * blockSize + 64; bodySize += blockSize) {
      const plain = message(bodySize);
      const slab = new Uint8Array(plain.length + 10).fill(0xee);
      slab.set(plain, 5);
      const batch = new MessageBatch(1);
      batch.add(5, plain.length, { sequenceHigh: 7 });
      sealer.sealBatch(slab, batch);
      assert.deepEqual(slab.subarray(5, 5 + bodyStart), plain.subarray(0, bodyStart), "header and IV stay");
      assert.deepEqual([...slab.subarray(0, 5), ...slab.subarray(-5)], new Array(10).fill(0xee));
      assert.equal(opener.openBatch(slab, batch), 1, `${bodySize} octets`);
      assert.deepEqual(
        slab.subarray(5, 5 + plain.length - icvSize),
        plain.subarray(0, plain.length - icvSize),
      );
      assert.deepEqual([...slab.subarray(0, 5), ...slab.subarray(-5)], new Array(10).fill(0xee));
    }
  });

  it("seals as the portable provider does", () => {
    const reference = new CryptoProviders([nobleProvider()]).createSealer(spec);
    for (const blocks of [0, 1, 2, 3, 15, 16, 17, 88]) {
      const expected = message(blocks * blockSize);
      reference.seal(expected, { sequenceHigh: 7 });
      assert.equal(toHex(sealed(blocks * blockSize)), toHex(expected));
    }
    reference.dispose();
  });

  it("refuses a message with any bit flipped, and leaves zeros of its body", () => {
    const good = sealed(2 * 16);
    const icvStart = good.length - icvSize;
    for (let bit = 0; bit < 8 * good.length; bit++) {
      const octets = good.slice();
      octets[bit >> 3]! ^= 1 << (bit & 7);
      const expected = octets.slice().fill(0, bodyStart, icvStart);
      assert.equal(opener.open(octets, { sequenceHigh: 7 }), false, `bit ${bit}`);
      assert.deepEqual(octets, expected, `bit ${bit}`);
    }
    assert.equal(opener.open(good, { sequenceHigh: 7 }), true);
  });

  it("refuses a message that is cut short or too long, whatever its length", () => {
    const good = sealed(2 * 16);
    for (let size = 0; size < good.length; size++) {
      assert.equal(opener.open(good.slice(0, size), { sequenceHigh: 7 }), false, `${size} octets`);
    }
    const longer = new Uint8Array(good.length + blockSize);
    longer.set(good);
    assert.equal(opener.open(longer, { sequenceHigh: 7 }), false);
  });

  it(
    spec.esn
      ? "authenticates the upper half of the sequence number"
      : "ignores the upper half of the sequence number",
    () => {
      for (const sequenceHigh of [0, 6, 0x80000007, 0xffffffff]) {
        assert.equal(opener.open(sealed(32), { sequenceHigh }), !spec.esn);
      }
      const high = 0xfedcba98;
      assert.equal(opener.open(sealed(32, high), { sequenceHigh: high }), true);
    },
  );

  it("treats a batch as it treats its messages one by one", () => {
    const size = fc.record({ blocks: fc.nat(12), gap: fc.nat(3), damaged: fc.boolean(), high: fc.nat(3) });
    fc.assert(
      fc.property(fc.array(size, { minLength: 1, maxLength: 12 }), (rows) => {
        const batch = new MessageBatch(1);
        const singles: Uint8Array[] = [];
        let end = 0;
        rows.forEach(({ blocks, gap, high }, i) => {
          singles.push(message(blocks * blockSize, i));
          batch.add(end + gap, singles[i]!.length, { sequenceHigh: high });
          end += gap + singles[i]!.length;
        });
        const slab = new Uint8Array(end);
        const inSlab = (i: number) => slab.subarray(batch.starts[i]!, batch.starts[i]! + batch.sizes[i]!);
        singles.forEach((single, i) => inSlab(i).set(single));

        sealer.sealBatch(slab, batch);
        singles.forEach((single, i) => {
          sealer.seal(single, { sequenceHigh: rows[i]!.high });
          assert.deepEqual(inSlab(i), single);
          if (rows[i]!.damaged) {
            single[single.length - 1]! ^= 1;
            inSlab(i).set(single);
          }
        });

        const accepted = opener.openBatch(slab, batch);
        const verdicts = singles.map((single, i) => opener.open(single, { sequenceHigh: rows[i]!.high }));
        assert.deepEqual(verdicts, rows.map(({ damaged }) => !damaged));
        assert.deepEqual([...batch.accepted.subarray(0, rows.length)], verdicts.map(Number));
        assert.equal(accepted, verdicts.filter(Boolean).length);
        singles.forEach((single, i) => assert.deepEqual(inSlab(i), single));
      }),
      { numRuns: 20 },
    );
  });

  const needsEspHeader = spec.encryption.icvSize > 0 && (spec.esn || spec.encryption.implicitIv);
  if (!needsEspHeader) {
    it("takes the messages of other protocols, with a header of another size", () => {
      for (const headerSize of [0, 32, 300]) {
        const octets = counting(3, headerSize + ivSize + 48 + icvSize);
        const plain = octets.slice(0, octets.length - icvSize);
        sealer.seal(octets, { headerSize });
        // A MAC covers the same octets however they are called; an AEAD has another nonce.
        const misread = opener.open(octets.slice(), { headerSize: headerSize + 1 });
        if (spec.integrity === null) assert.equal(misread, false);
        assert.equal(opener.open(octets, { headerSize }), true);
        assert.deepEqual(octets.subarray(0, plain.length), plain);
      }
    });
  }

  it("opens nothing with another key", () => {
    for (const part of ["encryptionKey", "integrityKey"] as const) {
      const key = spec[part]!.slice();
      if (key.length === 0) continue;
      key[0]! ^= 1;
      const other = crypto.createOpener({ ...spec, [part]: key });
      const octets = sealed(32);
      // The wrong key to a cipher with a MAC beside it goes unnoticed by the MAC, and gives another plaintext.
      const authentic = part === "encryptionKey" && spec.integrity !== null;
      assert.equal(other.open(octets, { sequenceHigh: 7 }), authentic);
      assert.notDeepEqual(octets.subarray(bodyStart, -icvSize), message(32).subarray(bodyStart, -icvSize));
      other.dispose();
    }
  });

  it("refuses to leave the slab", () => {
    const slab = message(32);
    const code = "ERR_CRYPTO_MESSAGE_RANGE";
    for (const [start, size] of [[-1, 40], [1, slab.length], [0, slab.length + 1], [0, -1], [2 ** 31, 1]]) {
      const batch = new MessageBatch();
      batch.add(start!, size!);
      assert.throws(() => sealer.sealBatch(slab, batch), { name: "RangeError", code });
      assert.throws(() => opener.openBatch(slab, batch), { name: "RangeError", code });
    }
    const tooMany = new MessageBatch(1);
    tooMany.count = 2;
    assert.throws(() => opener.openBatch(slab, tooMany), { code });
    assert.throws(() => sealer.seal(new Uint8Array(bodyStart + icvSize - 1)), { code });
    assert.deepEqual(slab, message(32), "nothing was touched");
  });

  if (needsEspHeader) {
    it("takes no header but that of ESP, whose sequence number it must know", () => {
      const code = "ERR_CRYPTO_MESSAGE_RANGE";
      assert.throws(() => sealer.seal(message(32), { headerSize: 12 }), { code });
      assert.throws(() => opener.open(message(32), { headerSize: 4 }), { code });
    });
  }

  it("shows no key, and has none any more after its end", () => {
    const own = { sealer: crypto.createSealer(spec), opener: crypto.createOpener(spec) };
    const keys = [spec.encryptionKey, spec.integrityKey!].filter((key) => key.length > 0);
    for (const cipher of [own.sealer, own.opener]) {
      const shown = [inspect(cipher, { showHidden: true, depth: 9 }), JSON.stringify(cipher), String(cipher)]
        .join("\n").replaceAll(/\s/g, "");
      for (const key of keys) {
        const octets = [...key.subarray(0, 6)];
        assert.ok(!shown.includes(octets.join(",")), "as numbers");
        assert.ok(!shown.includes(toHex(key.subarray(0, 6))), "as hexadecimal");
      }
      cipher.dispose();
      cipher.dispose();
    }
    const code = "ERR_CRYPTO_DISPOSED";
    assert.throws(() => own.sealer.seal(message(32)), { name: "TypeError", code });
    assert.throws(() => own.opener.open(message(32)), { name: "TypeError", code });
  });
}

interface WycheproofAead {
  readonly testGroups: readonly {
    readonly keySize: number;
    readonly tests: readonly {
      readonly tcId: number;
      readonly key: string;
      readonly iv: string;
      readonly aad: string;
      readonly msg: string;
      readonly ct: string;
      readonly tag: string;
      readonly result: "valid" | "invalid" | "acceptable";
    }[];
  }[];
}

interface WycheproofMac {
  readonly testGroups: readonly {
    readonly keySize: number;
    readonly tests: readonly {
      readonly tcId: number;
      readonly key: string;
      readonly msg: string;
      readonly tag: string;
      readonly result: "valid" | "invalid" | "acceptable";
    }[];
  }[];
}

function describeVectors(
  provider: CryptoProvider,
  crypto: CryptoProviders,
  has: (algorithm: CryptoAlgorithm) => boolean,
): void {
  for (const name of ["aes_gcm", "aes_ccm", "chacha20_poly1305"]) {
    const vectors = sharedVectors(`wycheproof/${name}.json`) as WycheproofAead | null;
    it(`are obeyed: Wycheproof, ${name}`, { skip: vectors === null }, () => {
      let seen = 0;
      for (const { keySize, tests } of vectors!.testGroups) {
        const algorithm = (name === "chacha20_poly1305"
          ? "chacha20-poly1305"
          : `aes-${keySize}-${name.slice(4)}`) as AeadAlgorithm;
        if (!has(algorithm)) {
          continue;
        }
        for (const test of tests) {
          seen++;
          checkAead(provider, algorithm, test);
        }
      }
      assert.ok(seen > 0 || !has("aes-128-ccm"), "a file without a test");
    });
  }

  const cmac = sharedVectors("wycheproof/aes_cmac.json") as WycheproofMac | null;
  it("are obeyed: Wycheproof, aes_cmac", { skip: cmac === null || !has("aes-128-cmac") }, () => {
    const tests = cmac!.testGroups.flatMap((group) => group.keySize === 128 ? group.tests : []);
    assert.ok(tests.length > 0);
    for (const test of tests) checkMac(provider, "aes-128-cmac", test);
  });

  it("are obeyed: RFC 4493, section 4, and RFC 3566, section 4: AES-CMAC and AES-XCBC-MAC", () => {
    const rows: [MacAlgorithm, string, Uint8Array, string][] = [
      ["aes-128-cmac", CMAC_KEY, new Uint8Array(0), "bb1d6929e95937287fa37d129b756746"],
      ["aes-128-cmac", CMAC_KEY, CMAC_MESSAGE.subarray(0, 16), "070a16b46b4d4144f79bdd9dd04a287c"],
      ["aes-128-cmac", CMAC_KEY, CMAC_MESSAGE.subarray(0, 40), "dfa66747de9ae63030ca32611497c827"],
      ["aes-128-cmac", CMAC_KEY, CMAC_MESSAGE, "51f0bebf7e3b9d92fc49741779363cfe"],
      ["aes-128-xcbc", XCBC_KEY, new Uint8Array(0), "75f0251d528ac01c4573dfd584d79f29"],
      ["aes-128-xcbc", XCBC_KEY, counting(0, 3), "5b376580ae2f19afe7219ceef172756f"],
      ["aes-128-xcbc", XCBC_KEY, counting(0, 16), "d2a246fa349b68a79998a4394ff7a263"],
      ["aes-128-xcbc", XCBC_KEY, counting(0, 20), "47f51b4564966215b8985c63055ed308"],
      ["aes-128-xcbc", XCBC_KEY, counting(0, 32), "f54f0ec8d2b9f3d36807734bd5283fd4"],
      ["aes-128-xcbc", XCBC_KEY, new Uint8Array(1000), "f0dafee895db30253761103b5d84528f"],
    ];
    for (const [algorithm, key, message, expected] of rows) {
      const mac = createMac(provider, algorithm, fromHex(key));
      mac.bind(message);
      mac.compute(0, message.length, 0);
      assert.equal(toHex(mac.digest), expected, `${algorithm} of ${message.length} octets`);
      mac.dispose();
    }
  });

  for (const hash of ["sha1", "sha256", "sha384", "sha512"] as const) {
    const vectors = sharedVectors(`wycheproof/hmac_${hash}.json`) as WycheproofMac | null;
    it(`are obeyed: Wycheproof, hmac_${hash}`, { skip: vectors === null }, () => {
      const tests = vectors!.testGroups.flatMap((group) => group.tests);
      assert.ok(tests.length > 0);
      for (const test of tests) checkMac(provider, `hmac-${hash}`, test);
    });
  }

  for (const { file, vectors } of espVectors()) {
    const served = vectors.filter(({ spec }) =>
      [spec.encryption.algorithm, spec.integrity?.algorithm].every((algorithm) =>
        algorithm === null || algorithm === undefined || has(algorithm)
      )
    );
    it(`are obeyed: ESP packets of ${file}`, { skip: served.length === 0 }, () => {
      for (const { name, accept, spec, sequenceHigh, packet, body } of served) {
        const opener = crypto.createOpener(spec);
        const octets = packet.slice();
        assert.equal(opener.open(octets, { sequenceHigh }), accept, name);
        opener.dispose();
        if (body === null) continue;
        const bodyStart = HEADER_SIZE + opener.ivSize;
        assert.equal(toHex(octets.subarray(bodyStart, bodyStart + body.length)), toHex(body), name);
        const sealer = crypto.createSealer(spec);
        octets.fill(0, octets.length - sealer.icvSize);
        sealer.seal(octets, { sequenceHigh });
        assert.equal(toHex(octets), toHex(packet), name);
        sealer.dispose();
      }
    });
  }

  for (const { name, algorithm, key, iv, ciphertext, body } of ciphertextVectors()) {
    if (!has(algorithm)) continue;
    it(`are obeyed: the ciphertext of ${name}`, () => {
      const octets = ciphertext.slice();
      for (const direction of ["open", "seal"] as const) {
        const cipher = provider.createCipher(algorithm, key, { direction });
        cipher.iv.set(iv);
        cipher.bind(octets);
        cipher.apply(0, octets.length);
        cipher.dispose();
        assert.equal(toHex(octets), toHex(direction === "open" ? body : ciphertext));
      }
    });
  }

  it("are obeyed: RFC 3602, section 4, case 4: AES-CBC of 64 octets", () => {
    const cipher = provider.createCipher("aes-128-cbc", fromHex("56e47a38c5598974bc46903dba290349"), {
      direction: "seal",
    });
    cipher.iv.set(fromHex("8ce82eefbea0da3c44699ed7db51b7d9"));
    const octets = counting(0xa0, 64);
    cipher.bind(octets);
    cipher.apply(0, octets.length);
    cipher.dispose();
    const expected = "c30e32ffedc0774e6aff6af0869f71aa0f3af07a9a31a9c684db207eb0ef8e4e" +
      "35907aa632c3ffdf868bb7b29d3d46ad83ce9f9a102ee99d49a53e87f4c3da55";
    assert.equal(toHex(octets), expected);
  });

  it("are obeyed: RFC 4231, section 4.2: HMAC", () => {
    const mac = provider.createMac("hmac-sha256", new Uint8Array(20).fill(0x0b));
    mac.bind(new TextEncoder().encode("Hi There"));
    mac.compute(0, 8, 0);
    assert.equal(
      toHex(mac.digest),
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    );
    mac.dispose();
  });

  it(
    "are obeyed: RFC 7634, appendix A: ChaCha20-Poly1305 in ESP",
    { skip: !has("chacha20-poly1305") },
    () => {
      const key = "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f" + "a0a1a2a3";
      const spec = { encryption: encryptionTransform("chacha20poly1305")!, encryptionKey: fromHex(key) };
      const body = "45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec10" +
        "0007362708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223" +
        "2425262728292a2b2c2d2e2f3031323334353637" + "01020204";
      const packet = fromHex(`0102030400000005${"1011121314151617"}${body}${"00".repeat(16)}`);
      const sealer = crypto.createSealer(spec);
      sealer.seal(packet);
      sealer.dispose();
      assert.equal(
        toHex(packet.subarray(16)),
        "24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c6" +
          "14ee8099d52844eb61aa95dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3" +
          "cbec163fac469b502773f6fb94e664da9165b82829f641e076aaa8266b7fb0f7" +
          "b11b369907e1ad43",
      );
    },
  );
}

function checkAead(
  provider: CryptoProvider,
  algorithm: AeadAlgorithm,
  { tcId, key, iv, aad, msg, ct, tag, result }: WycheproofAead["testGroups"][0]["tests"][0],
): void {
  const [header, body, sealedBody, icv] = [aad, msg, ct, tag].map(fromHex) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const bodyStart = header.length;
  const run = (direction: "seal" | "open", content: Uint8Array, behind: Uint8Array) => {
    const aead = provider.createAead(algorithm, fromHex(key), { direction, icvSize: icv.length });
    const slab = new Uint8Array(bodyStart + content.length + icv.length);
    slab.set(header);
    slab.set(content, bodyStart);
    slab.set(behind, bodyStart + content.length);
    aead.nonce.set(fromHex(iv));
    aead.bind(slab);
    const range = [0, 0, bodyStart, bodyStart, bodyStart + content.length] as const;
    const authentic = direction === "seal" ? aead.seal(...range) === undefined : aead.open(...range);
    aead.dispose();
    return { authentic, octets: slab.subarray(bodyStart) };
  };
  const opened = run("open", sealedBody, icv);
  assert.equal(opened.authentic, result !== "invalid", `case ${tcId}`);
  if (result === "invalid") return;
  assert.equal(toHex(opened.octets.subarray(0, body.length)), msg, `case ${tcId}`);
  assert.equal(toHex(run("seal", body, new Uint8Array(0)).octets), ct + tag, `case ${tcId}`);
}

function checkMac(
  provider: CryptoProvider,
  algorithm: MacAlgorithm,
  { tcId, key, msg, tag, result }: WycheproofMac["testGroups"][0]["tests"][0],
): void {
  const mac = createMac(provider, algorithm, fromHex(key));
  const octets = fromHex(msg);
  mac.bind(octets);
  mac.compute(0, octets.length, 0);
  const same = toHex(mac.digest).startsWith(tag);
  mac.dispose();
  assert.equal(same, result !== "invalid", `case ${tcId}`);
}

function counting(from: number, size: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: size }, (_, i) => from + i);
}
