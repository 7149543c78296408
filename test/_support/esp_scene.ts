/** IP packets and pairs of SAs for the tests of ESP. */

import { fromHex } from "../../lib/bytes/mod.ts";
import {
  type CipherSpec,
  CryptoProviders,
  encryptionTransform,
  integrityTransform,
  nobleProvider,
} from "../../lib/crypto/mod.ts";
import {
  InboundSa,
  type InboundSaOptions,
  OutboundSa,
  type OutboundSaOptions,
  parseTrafficSelector,
  SaTable,
  type TrafficSelectors,
} from "../../lib/esp/mod.ts";
import { emitTcpPacket, emitUdpPacket, parseIpAddress } from "../../lib/ip/mod.ts";
import { runtimeCrypto } from "../../lib/runtime/crypto.ts";

/** The providers that tests use unless they are about providers. */
export const crypto: CryptoProviders = runtimeCrypto({ prefer: "node" });

/** Plain JavaScript: the same octets on every runtime. */
export const portableCrypto: CryptoProviders = new CryptoProviders([nobleProvider()]);

/** An address as octets. */
export function address(text: string): Uint8Array {
  return parseIpAddress(text)!;
}

/** A UDP packet, 10.0.0.1 to 10.0.0.2 unless said otherwise. */
export function udpPacket(
  size: number,
  from = "10.0.0.1",
  to = "10.0.0.2",
  ports: readonly [number, number] = [5000, 6000],
): Uint8Array<ArrayBuffer> {
  const data = Uint8Array.from({ length: size }, (_, i) => i * 7);
  return emitUdpPacket(address(from), address(to), { sourcePort: ports[0], destinationPort: ports[1], data });
}

/** A TCP SYN with the MSS option, `before` octets of no-operation in front of it. */
export function synPacket(
  mss: number,
  from = "10.0.0.1",
  to = "10.0.0.2",
  before = 0,
): Uint8Array<ArrayBuffer> {
  const options = new Uint8Array(8).fill(1);
  options.set([2, 4, mss >> 8, mss], before);
  return emitTcpPacket(address(from), address(to), {
    sourcePort: 40_000,
    destinationPort: 443,
    seq: 1,
    ack: 0,
    flags: 2,
    window: 65_535,
    options,
    data: new Uint8Array(0),
  });
}

/** A cipher by the keywords of a proposal, its keys made from `seed`. */
export function cipherSpec(encryption: string, integrity?: string, esn = false, seed = 1): CipherSpec {
  const row = encryptionTransform(encryption)!;
  const mac = integrity === undefined ? null : integrityTransform(integrity)!;
  return {
    encryption: row,
    encryptionKey: Uint8Array.from({ length: row.keySize + row.saltSize }, (_, i) => i * 3 + seed),
    integrity: mac,
    integrityKey: Uint8Array.from({ length: mac?.keySize ?? 0 }, (_, i) => i * 5 + seed),
    esn,
  };
}

/** Ciphers of every mode. */
export const CIPHERS: readonly (readonly [encryption: string, integrity?: string])[] = [
  ["aes256gcm16"],
  ["aes128gcm8"],
  ["chacha20poly1305"],
  ["aes256gcm16iiv"],
  ["aes128gmac"],
  ["aes128", "sha1"],
  ["aes256", "sha256"],
  ["aes192ctr", "sha384"],
  ["null", "sha512"],
];

/** Any packet of IPv4 and IPv6. */
export const ANY_TRAFFIC: TrafficSelectors = {
  local: [parseTrafficSelector("0.0.0.0/0"), parseTrafficSelector("::/0")],
  remote: [parseTrafficSelector("0.0.0.0/0"), parseTrafficSelector("::/0")],
};

/** Two tables with one SA from the first to the second. */
export function saPair(
  cipher: CipherSpec,
  options: {
    readonly spi?: number;
    readonly outbound?: Partial<OutboundSaOptions>;
    readonly inbound?: Partial<InboundSaOptions>;
    readonly selectors?: TrafficSelectors;
  } = {},
): { here: SaTable; there: SaTable; outbound: OutboundSa; inbound: InboundSa; dispose(): void } {
  const spi = options.spi ?? 0x1001;
  const here = new SaTable();
  const there = new SaTable();
  const outbound = new OutboundSa({ spi, cipher, crypto, ...options.outbound });
  const inbound = new InboundSa({ spi, cipher, crypto, ...options.inbound });
  here.addOutbound(outbound, options.selectors ?? ANY_TRAFFIC);
  there.addInbound(inbound);
  return {
    here,
    there,
    outbound,
    inbound,
    dispose() {
      here.dispose();
      there.dispose();
    },
  };
}

/** Runs a chunk through a core and gives everything that it emits, in one list. */
export function through(
  core: { handle(chunk: Uint8Array[], emit: (chunk: Uint8Array | Uint8Array[]) => void): void },
  packets: Uint8Array[],
): Uint8Array[] {
  const out: Uint8Array[] = [];
  core.handle(packets, (chunk) => out.push(...Array.isArray(chunk) ? chunk : [chunk]));
  return out;
}

/** Octets of hexadecimal. */
export { fromHex };
