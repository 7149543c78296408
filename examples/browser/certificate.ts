/**
 * A certificate that a browser takes by its fingerprint alone (`serverCertificateHashes` of WebTransport): for a P-256 key, for
 * no longer than 14 days. Made anew at each start, and nobody has to trust an authority.
 */

/** A certificate with its key, as PEM. */
export interface CertificateAndKey {
  /** The certificate. */
  readonly cert: string;
  /** The key, PKCS#8. */
  readonly key: string;
  /** SHA-256 of the certificate, as hexadecimal digits. */
  readonly fingerprint: string;
}

const DAY = 86_400_000;

/** Makes a key and a certificate that it signs itself (RFC 5280, section 4.1). */
export async function makeCertificate(host: string): Promise<CertificateAndKey> {
  const { subtle } = globalThis.crypto;
  const ecdsa = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
  const keys = await subtle.generateKey(ecdsa, true, ["sign", "verify"]) as CryptoKeyPair;

  const algorithm = sequence(object(ECDSA_WITH_SHA256));
  const name = sequence(set(sequence(object(COMMON_NAME), utf8(host))));
  const serial = globalThis.crypto.getRandomValues(new Uint8Array(16));
  const extension = sequence(object(SUBJECT_ALT_NAME), element(0x04, sequence(element(0x82, ascii(host)))));
  const body = sequence(
    element(0xa0, unsigned(Uint8Array.of(2))), // version 3
    unsigned(serial),
    algorithm,
    name,
    sequence(time(Date.now() - DAY), time(Date.now() + 12 * DAY)),
    name,
    new Uint8Array(await subtle.exportKey("spki", keys.publicKey)),
    element(0xa3, sequence(extension)),
  );
  const signature = new Uint8Array(await subtle.sign(ecdsa, keys.privateKey, body));
  const certificate = sequence(
    body,
    algorithm,
    bits(sequence(unsigned(signature.subarray(0, 32)), unsigned(signature.subarray(32)))),
  );
  return {
    cert: pem("CERTIFICATE", certificate),
    key: pem("PRIVATE KEY", new Uint8Array(await subtle.exportKey("pkcs8", keys.privateKey))),
    fingerprint: Array.from(
      new Uint8Array(await subtle.digest("SHA-256", certificate)),
      (octet) => octet.toString(16).padStart(2, "0"),
    ).join(""),
  };
}

// 1.2.840.10045.4.3.2, 2.5.4.3 and 2.5.29.17.
const ECDSA_WITH_SHA256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const COMMON_NAME = [0x55, 0x04, 0x03];
const SUBJECT_ALT_NAME = [0x55, 0x1d, 0x11];

/** A tag, a length, and what it holds (X.690, section 8.1). */
function element(tag: number, ...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  const head = size < 0x80
    ? [tag, size]
    : size < 0x100
    ? [tag, 0x81, size]
    : [tag, 0x82, size >> 8, size & 0xff];
  const octets = new Uint8Array(head.length + size);
  octets.set(head);
  let offset = head.length;
  for (const part of parts) {
    octets.set(part, offset);
    offset += part.length;
  }
  return octets;
}

function sequence(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return element(0x30, ...parts);
}

function set(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return element(0x31, ...parts);
}

function object(octets: readonly number[]): Uint8Array<ArrayBuffer> {
  return element(0x06, Uint8Array.from(octets));
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return element(0x0c, ascii(text));
}

function bits(octets: Uint8Array): Uint8Array<ArrayBuffer> {
  return element(0x03, Uint8Array.of(0), octets);
}

/** An INTEGER that is not negative: no zeros in front, but for one where the first bit is set. */
function unsigned(octets: Uint8Array): Uint8Array<ArrayBuffer> {
  let start = 0;
  while (start < octets.length - 1 && octets[start] === 0) start++;
  const digits = octets.subarray(start);
  return element(0x02, ...(digits[0]! >= 0x80 ? [Uint8Array.of(0)] : []), digits);
}

/** UTCTime, `YYMMDDhhmmssZ`. */
function time(milliseconds: number): Uint8Array<ArrayBuffer> {
  return element(0x17, ascii(new Date(milliseconds).toISOString().replace(/^20|[-:T]|\.\d+/g, "")));
}

function ascii(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function pem(label: string, octets: Uint8Array): string {
  const lines = btoa(String.fromCharCode(...octets)).match(/.{1,64}/g)!;
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}
