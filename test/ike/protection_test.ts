import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import fc from "fast-check";
import { concat, toHex } from "../../lib/bytes/mod.ts";
import {
  type CipherSpec,
  CryptoProviders,
  ENCRYPTION_TRANSFORMS,
  encryptionTransform,
  INTEGRITY_TRANSFORMS,
  integrityTransform,
  nobleProvider,
} from "../../lib/crypto/mod.ts";
import {
  emitPayloads,
  ikeCodecLimits,
  type IkeMessage,
  notifyPayload,
  parseIkeMessage,
  parsePayloads,
  type Payload,
} from "../../lib/ike/codec/mod.ts";
import { FragmentReassembly, IkeProtection, type IkeProtectionOptions } from "../../lib/ike/mod.ts";
import { IkeError } from "../../lib/errors.ts";
import { runtimeCrypto } from "../../lib/runtime/mod.ts";
import { sealedVectors } from "../_support/ike_vectors.ts";
import { sharedVectorsFolder } from "../_support/vectors.ts";

const skip = !existsSync(sharedVectorsFolder);
const vectors = sealedVectors();
const crypto = runtimeCrypto();
const noble = new CryptoProviders([nobleProvider()]);

const message: IkeMessage = {
  spiI: new Uint8Array(8).fill(0x11),
  spiR: new Uint8Array(8).fill(0x22),
  exchangeType: 35,
  initiator: true,
  response: false,
  messageId: 1,
  payloads: [
    { kind: "EAP", data: new Uint8Array([2, 1, 0, 5, 1]) },
    notifyPayload(16384),
    { kind: "V", data: new Uint8Array(3000).map((_, i) => i) },
  ],
};

/** A cipher of the row with keys that repeat one octet. */
function specFor(encryption: string, integrity?: string): CipherSpec {
  const row = encryptionTransform(encryption)!;
  const mac = integrity === undefined ? undefined : integrityTransform(integrity)!;
  return {
    encryption: row,
    encryptionKey: new Uint8Array(row.keySize + row.saltSize).fill(7),
    ...(mac === undefined ? {} : { integrity: mac, integrityKey: new Uint8Array(mac.keySize).fill(8) }),
  };
}

/** Both directions with the same cipher, so that it opens what it sealed. */
function withProtection<T>(
  spec: CipherSpec,
  use: (protection: IkeProtection) => T,
  options: Partial<IkeProtectionOptions> = {},
  providers = noble,
): T {
  const protection = new IkeProtection({
    sealer: providers.createSealer(spec),
    opener: providers.createOpener(spec),
    random: (octets) => octets.fill(0x5a),
    ...options,
  });
  try {
    return use(protection);
  } finally {
    protection.dispose();
  }
}

function open(protection: IkeProtection, octets: Uint8Array): Payload[] | "not_authentic" {
  return protection.open(octets, parseIkeMessage(octets));
}

/** Every cipher for IKE, with integrity where it needs one. */
const suites: (readonly [encryption: string, integrity?: string])[] = ENCRYPTION_TRANSFORMS
  .filter(({ mode, implicitIv }) => mode !== "null" && mode !== "gmac" && !implicitIv)
  .flatMap(({ keyword, icvSize }): (readonly [string, string?])[] =>
    icvSize > 0 ? [[keyword]] : INTEGRITY_TRANSFORMS.map((integrity) => [keyword, integrity.keyword])
  );

describe("IkeProtection", () => {
  it("opens every recorded message whose algorithms the toolkit has, and what is inside is the same", {
    skip,
  }, () => {
    const algorithms = new Set<string>();
    let opened = 0;
    for (const { name, spec, octets, nextPayload, plaintext, authentic } of vectors) {
      if (spec === null) continue;
      withProtection(
        spec,
        (protection) => {
          const before = toHex(octets);
          const outer = parseIkeMessage(octets);
          const content = protection.openContent(octets, outer);
          assert.equal(toHex(octets), before, `${name}: the octets are as they were`);
          if (!authentic) return assert.equal(content, "not_authentic", name);
          assert.ok(content !== "not_authentic", name);
          assert.equal(toHex(content), plaintext, name);
          const payloads = protection.open(octets, outer);
          assert.deepEqual(payloads, parsePayloads(nextPayload, content), name);
          algorithms.add(spec.encryption.keyword);
          opened++;
        },
        {},
        crypto,
      );
    }
    assert.ok(opened >= 85, `${opened} messages`);
    assert.deepEqual([...algorithms].sort(), [
      "aes128",
      "aes128ccm12",
      "aes192ctr",
      "aes256",
      "aes256gcm16",
      "chacha20poly1305",
    ]);
  });

  it("does not open a recorded message with any one octet changed", { skip }, () => {
    const { spec, octets } = vectors.find(({ spec, authentic }) =>
      authentic && spec?.encryption.keyword === "aes256gcm16"
    )!;
    withProtection(
      spec!,
      (protection) => {
        for (let i = 0; i < octets.length; i++) {
          // The exchange type tells nothing about where things are; lengths and types do, and are the codec's to refuse.
          if (i === 16 || i === 17 || (i >= 24 && i < 28) || i === 30 || i === 31) continue;
          const changed = octets.slice();
          changed[i]! ^= 0x01;
          assert.equal(open(protection, changed), "not_authentic", `octet ${i}`);
        }
      },
      {},
      crypto,
    );
  });

  for (const [encryption, integrity] of suites) {
    const suite = integrity === undefined ? encryption : `${encryption}-${integrity}`;
    it(`opens what it sealed, whole and in fragments: ${suite}`, () => {
      withProtection(
        specFor(encryption, integrity),
        (protection) => {
          const sealed = protection.seal(message);
          assert.equal(sealed.length, protection.sizeOf(emitPayloads(message.payloads).length));
          assert.deepEqual(open(protection, sealed), message.payloads);

          const fragments = protection.sealFragments(message, 1200);
          assert.equal(fragments.length, 3);
          const reassembly = new FragmentReassembly();
          const results = fragments.map((octets) => {
            assert.ok(octets.length <= 1200);
            const fragment = protection.openFragment(octets, parseIkeMessage(octets));
            assert.ok(fragment !== "not_authentic");
            return reassembly.add(fragment);
          });
          assert.deepEqual(results.slice(0, 2), ["incomplete", "incomplete"]);
          const whole = results[2]!;
          assert.ok(typeof whole === "object");
          assert.deepEqual(parsePayloads(whole.nextPayload, whole.content), message.payloads);
        },
        {},
        crypto,
      );
    });
  }

  it("fills fragments as far as the limit allows, the last one excepted", () => {
    for (const [encryption, integrity] of [["aes256gcm16"], ["aes256", "sha256"]] as const) {
      withProtection(specFor(encryption, integrity), (protection) => {
        for (const maxSize of [150, 576, 1280, 1281, 1295]) {
          const sizes = protection.sealFragments(message, maxSize).map(({ length }) => length);
          assert.ok(sizes.every((size) => size <= maxSize));
          const blockSize = encryption === "aes256" ? 16 : 1;
          assert.ok(sizes.slice(0, -1).every((size) => size > maxSize - blockSize), `${sizes}`);
        }
      });
    }
  });

  it("sends one SK payload where the message fits (R-FRG-2)", () => {
    withProtection(specFor("aes256gcm16"), (protection) => {
      const size = protection.sizeOf(emitPayloads(message.payloads).length);
      const [whole, ...more] = protection.sealFragments(message, size);
      assert.equal(more.length, 0);
      assert.deepEqual(open(protection, whole!), message.payloads);
      assert.equal(protection.sealFragments(message, size - 1).length, 2);
    });
  });

  it("never sends nothing: it says so where not even a message without payloads fits", () => {
    withProtection(specFor("aes256gcm16"), (protection) => {
      const empty = { ...message, payloads: [] };
      const size = protection.sizeOf(0);
      assert.equal(protection.sealFragments(empty, size).length, 1);
      assert.throws(() => protection.sealFragments(empty, size - 1), { code: "ERR_IKE_SIZE" });
    });
  });

  it("says so when a message needs more fragments than there may be", () => {
    const limits = ikeCodecLimits({ fragments: 2 });
    withProtection(specFor("aes256gcm16"), (protection) => {
      assert.throws(() => protection.sealFragments(message, 1200), {
        name: "RangeError",
        code: "ERR_IKE_SIZE",
        message: /expected at most 2 of 1200 octets, got 3/,
      });
      assert.throws(() => protection.sealFragments(message, 50), { code: "ERR_IKE_SIZE" });
    }, { limits });
  });

  it("never uses a counter IV twice, fragments included", () => {
    withProtection(specFor("chacha20poly1305"), (protection) => {
      const sealed = [
        protection.seal(message),
        ...protection.sealFragments(message, 1200),
        protection.seal(message),
      ];
      const ivs = sealed.map((octets) => {
        const last = parseIkeMessage(octets).payloads.at(-1)!;
        assert.ok(last.kind === "SK" || last.kind === "SKF");
        return toHex(last.body.subarray(0, 8));
      });
      assert.equal(new Set(ivs).size, 5);
    });
  });

  it("takes IVs of CBC from the source of randomness, and wants one", () => {
    const spec = specFor("aes128", "sha256");
    withProtection(spec, (protection) => {
      const sealed = protection.seal(message);
      assert.deepEqual(sealed.subarray(32, 48), new Uint8Array(16).fill(0x5a));
    });
    assert.throws(
      () => new IkeProtection({ sealer: noble.createSealer(spec), opener: noble.createOpener(spec) }),
      { name: "TypeError", message: /expected a source of randomness for IVs of 16 octets/ },
    );
  });

  it("opens an empty SK payload, the liveness check", () => {
    withProtection(specFor("aes256", "sha512"), (protection) => {
      const sealed = protection.seal({ ...message, exchangeType: 37, payloads: [] });
      assert.deepEqual(open(protection, sealed), []);
    });
  });

  it("authenticates what stands in front of SK", () => {
    withProtection(specFor("aes256gcm16"), (protection) => {
      const sealed = protection.seal(message);
      for (const at of [0, 8, 18, 19, 20, 29]) {
        const changed = sealed.slice();
        changed[at]! ^= 0x80;
        assert.equal(open(protection, changed), "not_authentic", `octet ${at}`);
      }
    });
  });

  it("does not open what is too short to be sealed, with any cipher", () => {
    for (const [encryption, integrity] of suites) {
      withProtection(specFor(encryption, integrity), (protection) => {
        for (let size = 0; size < 48; size++) {
          const octets = new Uint8Array(32 + size);
          octets.set([46, 0x20, 35, 0x08], 16);
          octets[27] = octets.length;
          octets[31] = 4 + size;
          assert.equal(open(protection, octets), "not_authentic");
        }
      });
    }
  });

  it("refuses a Pad Length that leaves nothing, though the message is authentic", () => {
    const spec = specFor("aes256gcm16");
    withProtection(spec, (protection) => {
      const sealer = noble.createSealer(spec);
      const octets = new Uint8Array(32 + 8 + 3 + 16);
      octets.set([46, 0x20, 37, 0x08], 16);
      octets[27] = octets.length;
      octets[31] = octets.length - 28;
      octets.set([0, 0, 3], 40); // two octets, then "three octets of padding"
      sealer.seal(octets, { headerSize: 32 });
      sealer.dispose();
      assert.throws(() => open(protection, octets), (error) => {
        assert.ok(error instanceof IkeError && error.code === "ERR_IKE_PAYLOAD");
        assert.deepEqual([error.payload, error.offset, error.notify], ["SK", 32, 7]);
        assert.match(error.message, /expected Pad Length below 3, got 3/);
        return true;
      });
    });
  });

  it("says where in the message a payload inside is wrong (R-ERR-7)", () => {
    withProtection(specFor("aes256gcm16"), (protection) => {
      const nonce = protection.seal({ ...message, payloads: [{ kind: "Nonce", data: new Uint8Array(2) }] });
      assert.throws(() => open(protection, nonce), (error) => {
        assert.ok(error instanceof IkeError);
        assert.deepEqual([error.payload, error.offset, error.notify], ["Nonce", 44, 7]);
        return true;
      });
    });
  });

  it("refuses an unknown critical payload inside SK by its name", () => {
    withProtection(specFor("aes256gcm16"), (protection) => {
      const payload: Payload = { kind: "unknown", type: 200, critical: true, data: new Uint8Array(3) };
      const octets = protection.seal({ ...message, payloads: [notifyPayload(16384), payload] });
      assert.throws(() => open(protection, octets), (error) => {
        assert.ok(error instanceof IkeError && error.code === "ERR_IKE_CRITICAL_PAYLOAD");
        assert.deepEqual([error.payload, error.notify, [...error.notifyData]], ["payload 200", 1, [200]]);
        return true;
      });
    });
  });

  it("refuses SK and SKF inside SK, so that nothing nests", () => {
    withProtection(specFor("aes256gcm16"), (protection) => {
      for (const inner of [{ kind: "SK" }, { kind: "SKF", number: 1, total: 1 }] as const) {
        const payload = { ...inner, nextPayload: 46, body: new Uint8Array(40), offset: 0 } as Payload;
        const octets = protection.seal({ ...message, payloads: [payload] });
        assert.throws(() => open(protection, octets), /expected no encrypted payload inside another/);
      }
    });
  });

  it("opens or refuses any octets, and never says that they are authentic", () => {
    withProtection(specFor("aes256", "sha256"), (protection) => {
      fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
        const header = new Uint8Array(32);
        header.set([46, 0x20, 37, 0x08], 16);
        header[27] = 32 + body.length;
        header[31] = 4 + body.length;
        assert.equal(open(protection, concat([header, body])), "not_authentic");
      }));
    });
  });

  it("wants the payload that it is to open", () => {
    withProtection(specFor("aes256gcm16"), (protection) => {
      const sealed = protection.seal(message);
      assert.throws(() => protection.openFragment(sealed, parseIkeMessage(sealed)), {
        name: "TypeError",
        code: "ERR_IKE_SEALED",
        message: /expected SKF as its last payload, got SK/,
      });
      assert.throws(() => protection.open(sealed, message), { code: "ERR_IKE_SEALED" });
    });
  });
});
