/** Messages opened with keys: of every cipher, in fragments, with sequence numbers of which only one half is sent. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import {
  ENCRYPTION_TRANSFORMS,
  type EncryptionTransform,
  encryptionTransform,
  ESP_HEADER_SIZE,
  INTEGRITY_TRANSFORMS,
  type IntegrityTransform,
  integrityTransform,
} from "../../lib/crypto/mod.ts";
import { type IkeMessage, notifyPayload } from "../../lib/ike/codec/mod.ts";
import { IkeProtection } from "../../lib/ike/mod.ts";
import { type EspSaKeys, type IkeSaKeys, MessageDecryptor } from "../../lib/inspect/mod.ts";
import { runtimeCrypto } from "../../lib/runtime/mod.ts";

const crypto = runtimeCrypto();
const SPI_I = new Uint8Array(8).fill(1);
const SPI_R = new Uint8Array(8).fill(2);

function key(from: number, size: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: size }, (_, i) => from + i);
}

function ikeKeys(encryption: EncryptionTransform, integrity: IntegrityTransform | null): IkeSaKeys {
  const size = encryption.keySize + encryption.saltSize;
  const macSize = integrity?.keySize ?? 0;
  return {
    spiI: SPI_I,
    spiR: SPI_R,
    encryption,
    integrity,
    skEi: key(1, size),
    skEr: key(2, size),
    skAi: key(3, macSize),
    skAr: key(4, macSize),
  };
}

/** What seals as one side does. */
function sealerOf(keys: IkeSaKeys, side: "initiator" | "responder"): IkeProtection {
  const { encryption, integrity } = keys;
  const [encryptionKey, integrityKey] = side === "initiator"
    ? [keys.skEi, keys.skAi]
    : [keys.skEr, keys.skAr];
  const spec = { encryption, integrity, encryptionKey, integrityKey };
  return new IkeProtection({
    sealer: crypto.createSealer(spec),
    opener: crypto.createOpener(spec),
    random: (octets) => void globalThis.crypto.getRandomValues(octets),
  });
}

function message(side: "initiator" | "responder", messageId = 2, count = 1): IkeMessage {
  return {
    spiI: SPI_I,
    spiR: SPI_R,
    exchangeType: 37,
    initiator: side === "initiator",
    response: false,
    messageId,
    payloads: Array.from({ length: count }, () => notifyPayload(16384)),
  };
}

describe("An IKE message", () => {
  for (const encryption of ENCRYPTION_TRANSFORMS) {
    if (encryption.mode === "null" || encryption.mode === "gmac" || encryption.implicitIv) continue;
    const macs = encryption.icvSize > 0 ? [null] : INTEGRITY_TRANSFORMS;
    it(`of ${encryption.keyword} is opened in both directions, and stays as it is`, () => {
      for (const integrity of macs) {
        const keys = ikeKeys(encryption, integrity);
        const decryptor = new MessageDecryptor(crypto, [{ ike: [keys], esp: [] }]);
        for (const side of ["initiator", "responder"] as const) {
          const sealer = sealerOf(keys, side);
          const octets = sealer.seal(message(side));
          const before = octets.slice();
          assert.deepEqual(decryptor.openIke(octets), { decrypted: true, inner: ["N(INITIAL_CONTACT)"] });
          assert.deepEqual(octets, before);
          octets[octets.length - 1]! ^= 1;
          assert.deepEqual(decryptor.openIke(octets), { decrypted: false });
          sealer.dispose();
        }
        decryptor.dispose();
      }
    });
  }

  const keys = ikeKeys(encryptionTransform("aes128gcm16")!, null);

  it("is opened by the second row for its SPIs, when the first one's keys are wrong", () => {
    const other = { ...keys, skEi: key(99, 20) };
    const octets = sealerOf(keys, "initiator").seal(message("initiator"));
    const decryptor = new MessageDecryptor(crypto, [{ ike: [other], esp: [] }, { ike: [keys], esp: [] }]);
    assert.equal(decryptor.openIke(octets)?.decrypted, true);
  });

  it("is left alone without keys for its SPIs or its direction, and when it is not sealed", () => {
    const octets = sealerOf(keys, "responder").seal(message("responder"));
    const opens = (ike: IkeSaKeys[], what = octets) =>
      new MessageDecryptor(crypto, [{ ike, esp: [] }]).openIke(what);
    assert.equal(opens([]), undefined);
    assert.equal(opens([{ ...keys, spiR: SPI_I }]), undefined);
    assert.equal(opens([{ ...keys, skEr: new Uint8Array(0) }]), undefined);
    assert.equal(opens([{ ...keys, skEi: new Uint8Array(0) }])?.decrypted, true);
    const clear = new Uint8Array(28);
    clear.set(octets.subarray(0, 16));
    clear.set([0, 0x20, 37, 0], 16);
    clear.set([28], 27);
    assert.equal(opens([keys], clear), undefined);
  });

  it("in fragments tells what is inside with the fragment that was the last to come", () => {
    const decryptor = new MessageDecryptor(crypto, [{ ike: [keys], esp: [] }]);
    const sealer = sealerOf(keys, "initiator");
    const fragments = sealer.sealFragments(message("initiator", 3, 40), 200);
    assert.ok(fragments.length >= 3);
    const order = [...fragments.slice(1), fragments[0]!];
    order.forEach((fragment, i) => {
      const last = i === order.length - 1;
      const opened = decryptor.openIke(fragment);
      assert.deepEqual(
        opened,
        last ? { decrypted: true, inner: new Array(40).fill("N(INITIAL_CONTACT)") } : { decrypted: true },
      );
    });
    // Of another message: nothing is mixed up.
    const [first] = sealer.sealFragments(message("initiator", 4, 40), 200);
    assert.deepEqual(decryptor.openIke(first!), { decrypted: true });
  });

  it("with nonsense inside is authentic, and tells what is wrong", () => {
    const spec = { encryption: keys.encryption, encryptionKey: keys.skEi };
    const sealer = crypto.createSealer(spec);
    /** A message around whatever body. */
    const seal = (body: readonly number[]): Uint8Array => {
      const octets = new Uint8Array(32 + 8 + body.length + 16);
      octets.set(SPI_I);
      octets.set(SPI_R, 8);
      octets.set([46, 0x20, 37, 0x08, 0, 0, 0, 9], 16);
      octets.set([octets.length], 27);
      octets.set([41, 0, 0, octets.length - 28], 28);
      octets.set(body, 40);
      sealer.seal(octets, { headerSize: 32 });
      return octets;
    };
    const decryptor = new MessageDecryptor(crypto, [{ ike: [keys], esp: [] }]);
    const cut = decryptor.openIke(seal([0, 0, 0, 99, 0, 0, 0x40, 0, 0]));
    assert.equal(cut?.decrypted, true);
    assert.equal(cut?.error?.code, "ERR_IKE_PAYLOAD");
    assert.deepEqual(cut?.inner, []);
    const padding = decryptor.openIke(seal([0, 0, 0, 200]));
    assert.equal(padding?.decrypted, true);
    assert.equal(padding?.error?.code, "ERR_IKE_PAYLOAD");
  });
});

const SPI = 0xc0000001;

function espKeys(
  encryption: EncryptionTransform | readonly EncryptionTransform[],
  integrity: IntegrityTransform | null = null,
  more: Partial<EspSaKeys> = {},
): EspSaKeys {
  const rows = [encryption].flat() as EncryptionTransform[];
  return {
    spi: SPI,
    encryption: rows,
    encryptionKey: key(1, rows[0]!.keySize + rows[0]!.saltSize),
    integrity,
    integrityKey: key(50, integrity?.keySize ?? 0),
    uncheckedIcvSize: 0,
    esn: null,
    sequenceHigh: 0,
    ...more,
  };
}

/** A whole IPv4 packet of 40 octets with the protocol UDP. */
const INNER: Uint8Array = Uint8Array.of(
  0x45,
  0,
  0,
  40,
  0,
  0,
  0,
  0,
  64,
  17,
  0,
  0,
  10,
  1,
  0,
  1,
  10,
  2,
  0,
  2,
  ...new Uint8Array(20),
);

function espPacket(
  keys: EspSaKeys,
  {
    sequence = 1,
    sequenceHigh = 0,
    esn = false,
    payload = INNER,
    nextHeader = 4,
    encryption = keys.encryption[0]!,
  } = {},
): Uint8Array {
  const { encryptionKey, integrity, integrityKey } = keys;
  const sealer = crypto.createSealer({ encryption, encryptionKey, integrity, integrityKey, esn });
  const alignment = Math.max(4, sealer.blockSize);
  const bodySize = Math.ceil((payload.length + 2) / alignment) * alignment;
  const bodyStart = ESP_HEADER_SIZE + sealer.ivSize;
  const packet = new Uint8Array(bodyStart + bodySize + sealer.icvSize);
  const view = new DataView(packet.buffer);
  view.setUint32(0, SPI);
  view.setUint32(4, sequence);
  packet.set(key(7, sealer.ivSize), ESP_HEADER_SIZE);
  packet.set(payload, bodyStart);
  const padLength = bodySize - 2 - payload.length;
  for (let i = 0; i < padLength; i++) packet[bodyStart + payload.length + i] = i + 1;
  packet.set([padLength, nextHeader], bodyStart + bodySize - 2);
  sealer.seal(packet, { sequenceHigh });
  sealer.dispose();
  return packet;
}

function opener(...esp: EspSaKeys[]): MessageDecryptor {
  return new MessageDecryptor(crypto, [{ ike: [], esp }]);
}

const OPENED = { decrypted: true, nextHeader: 4, inner: "IPv4 10.1.0.1 > 10.2.0.2 UDP" } as const;

describe("An ESP packet", () => {
  for (const encryption of ENCRYPTION_TRANSFORMS) {
    const macs = encryption.icvSize > 0 ? [null] : INTEGRITY_TRANSFORMS;
    it(`of ${encryption.keyword} is opened, with sequence numbers of either kind, and stays as it is`, () => {
      for (const integrity of macs) {
        for (const esn of [false, true]) {
          const keys = espKeys(encryption, integrity);
          const decryptor = opener(keys);
          for (const sequence of [1, 2, 7]) {
            const packet = espPacket(keys, { sequence, esn });
            const before = packet.slice();
            assert.deepEqual(decryptor.openEsp(packet), OPENED);
            assert.deepEqual(packet, before);
          }
          const forged = espPacket(keys, { esn });
          forged[forged.length - 1]! ^= 1;
          assert.deepEqual(decryptor.openEsp(forged), { decrypted: false });
          decryptor.dispose();
        }
      }
    });
  }

  const gcm = encryptionTransform("aes128gcm16")!;

  it("is followed when its sequence number goes over 32 bits, with others late and lost", () => {
    const keys = espKeys(gcm);
    const decryptor = opener(keys);
    const top = 0xffffffff;
    const numbers: readonly (readonly [high: number, low: number])[] = [
      [0, 1],
      [0, 0x70000000],
      [0, top - 1],
      [1, 3],
      [0, top], // late
      [1, 0x80000000],
      [2, 5],
    ];
    for (const [sequenceHigh, sequence] of numbers) {
      const packet = espPacket(keys, { sequence, sequenceHigh, esn: true });
      assert.deepEqual(decryptor.openEsp(packet), OPENED, `${sequenceHigh} ${sequence}`);
    }
  });

  it("is found where the table says that its sequence numbers begin", () => {
    const keys = espKeys(gcm, null, { esn: true, sequenceHigh: 7 });
    const packet = espPacket(keys, { sequence: 9, sequenceHigh: 7, esn: true });
    assert.deepEqual(opener(keys).openEsp(packet), OPENED);
    assert.deepEqual(opener({ ...keys, sequenceHigh: 0 }).openEsp(packet), { decrypted: false });
    assert.deepEqual(opener({ ...keys, esn: false }).openEsp(packet), { decrypted: false });
  });

  it("is opened whatever the size of its ICV, where the table leaves that open", () => {
    const rows = [16, 12, 8].map((size) => encryptionTransform(`aes128gcm${size}`)!);
    for (const encryption of rows) {
      const keys = espKeys(rows);
      const decryptor = opener(keys);
      for (const sequence of [1, 2]) {
        assert.deepEqual(decryptor.openEsp(espPacket(keys, { encryption, sequence, esn: true })), OPENED);
      }
    }
  });

  it("is opened by whichever of several SAs with its SPI, or with any, has its key", () => {
    const keys = espKeys(gcm);
    const other = { ...keys, encryptionKey: key(90, 20) };
    const packet = espPacket(keys);
    assert.deepEqual(opener(other, keys).openEsp(packet), OPENED);
    assert.deepEqual(opener(other, { ...keys, spi: null }).openEsp(packet), OPENED);
    assert.deepEqual(opener(other).openEsp(packet), { decrypted: false });
    assert.equal(opener({ ...keys, spi: 5 }).openEsp(packet), undefined);
    assert.equal(opener(keys).openEsp(packet.subarray(0, 7)), undefined);
    for (let size = 8; size < packet.length; size++) {
      assert.deepEqual(opener(keys).openEsp(packet.slice(0, size)), { decrypted: false });
    }
  });

  it("with a MAC that nobody has named, or none, is opened and not checked, if its padding is right", () => {
    for (const keyword of ["aes256", "aes192ctr", "null"]) {
      const encryption = encryptionTransform(keyword)!;
      const checked = espKeys(encryption, integrityTransform("sha1")!);
      const packet = espPacket(checked);
      const unchecked = {
        ...checked,
        integrity: null,
        integrityKey: new Uint8Array(0),
        uncheckedIcvSize: 12,
      };
      assert.deepEqual(opener(unchecked).openEsp(packet), OPENED, keyword);
      const bare = packet.slice(0, packet.length - 12);
      assert.deepEqual(opener({ ...unchecked, uncheckedIcvSize: 0 }).openEsp(bare), OPENED, keyword);
      // Without a cipher anything may look padded.
      if (keyword === "null") continue;
      for (let size = 8; size < 30; size++) {
        assert.equal(
          opener(unchecked).openEsp(packet.slice(0, size))?.decrypted,
          false,
          `${keyword}, ${size} octets`,
        );
      }
      const wrongKey = { ...unchecked, encryptionKey: key(77, unchecked.encryptionKey.length) };
      assert.deepEqual(opener(wrongKey).openEsp(packet), { decrypted: false }, keyword);
    }
  });

  it("tells what it carries, in tunnel and transport mode, and whatever an authentic peer has put there", () => {
    const keys = espKeys(gcm);
    const inner = (nextHeader: number, payload: Uint8Array) => {
      const opened = opener(keys).openEsp(espPacket(keys, { nextHeader, payload }));
      assert.equal(opened?.decrypted, true);
      assert.equal(opened!.decrypted && opened!.nextHeader, nextHeader);
      return opened!.decrypted ? opened!.inner : "";
    };
    const ipv6 = new Uint8Array(40);
    ipv6.set([0x60, 0, 0, 0, 0, 0, 58, 64, 0x20, 0x01, 0x0d, 0xb8]);
    ipv6[39] = 1;
    assert.equal(inner(41, ipv6), "IPv6 2001:db8:: > ::1 ICMPv6");
    assert.equal(inner(6, new Uint8Array(20)), "TCP");
    assert.equal(inner(17, new Uint8Array(8)), "UDP");
    assert.equal(inner(59, new Uint8Array(5)), "dummy packet");
    assert.equal(inner(253, new Uint8Array(5)), "protocol 253");
    assert.equal(inner(4, new Uint8Array(0)), "IPv4 that cannot be read");
    assert.equal(inner(4, ipv6), "IPv4 that cannot be read");
    // With TFC padding behind it (RFC 4303, section 2.7).
    const longer = new Uint8Array(100);
    longer.set(INNER);
    assert.equal(inner(4, longer), OPENED.inner);
  });
});
