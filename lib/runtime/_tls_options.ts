/** Settings of TLS as options of `node:tls`, after a look at what this runtime can do. */

import { createPrivateKey, X509Certificate } from "node:crypto";
import type { ConnectionOptions, SecureContext, SecureContextOptions } from "node:tls";
import { createSecureContext } from "node:tls";
import { ConfigError, TransportError } from "../errors.ts";
import { isIpAddress } from "../transport/address.ts";
import { parsePin } from "../transport/pin.ts";
import type { CarrierListenOptions } from "../transport/types.ts";
import type {
  TlsClientSettings,
  TlsServerSettings,
  TlsSettings,
  TlsVersion,
} from "../transport/tls_settings.ts";
import { detectRuntime, runtimeName } from "./detect.ts";

/** What each runtime's `node:tls` lacks although it takes the option. */
const LACKS = {
  nullCipher: ["deno", "bun"],
  onKeyLog: ["deno"],
} as const;

/**
 * Suites without encryption, of TLS 1.2, for either kind of key. OpenSSL lets them through at security level 0 only.
 * RFC 9329, appendix A.
 */
const NULL_SUITES = "ECDHE-ECDSA-NULL-SHA:ECDHE-RSA-NULL-SHA:NULL-SHA256";
const NULL_LEVEL = "@SECLEVEL=0";

/** What RFC 9325, section 4.2, recommends for TLS 1.2, and its successors; suites of TLS 1.3 are not chosen. */
const SUITES = [
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
].join(":");
const TLS13_SUITES = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";

/** Throws for what cannot be done: settings that contradict each other, or that this runtime ignores. */
export function checkTls(settings: TlsSettings, action: string): void {
  const { name } = detectRuntime();
  for (const option of ["nullCipher", "onKeyLog"] as const) {
    if (!settings[option] || !(LACKS[option] as readonly string[]).includes(name)) continue;
    const what = option === "nullCipher" ? "a NULL cipher" : "a key log";
    throw new TransportError(
      "ERR_TRANSPORT_UNSUPPORTED",
      `Cannot ${action} with ${what}: ${runtimeName()} has none; Node has`,
    );
  }
  const { minVersion = "TLSv1.2", maxVersion = "TLSv1.3", cert, key } = settings;
  const refuse = (expected: string, actual: string): never => {
    throw new ConfigError("ERR_CONFIG_OPTION", `Cannot ${action}: expected ${expected}, got ${actual}`);
  };
  for (const version of [minVersion, maxVersion]) {
    if (version !== "TLSv1.2" && version !== "TLSv1.3") refuse("TLSv1.2 or TLSv1.3", JSON.stringify(version));
  }
  if (minVersion > maxVersion) refuse("a range of versions", `${minVersion} to ${maxVersion}`);
  if (settings.nullCipher && minVersion === "TLSv1.3") {
    refuse("TLSv1.2 for a NULL cipher", "TLSv1.3 at least");
  }
  if ((cert === undefined) !== (key === undefined)) {
    refuse("a certificate and its key", cert === undefined ? "a key alone" : "a certificate alone");
  }
  for (const protocol of settings.alpn ?? []) {
    const length = new TextEncoder().encode(protocol).length;
    if (length < 1 || length > 255) refuse("ALPN protocols of 1 to 255 octets", JSON.stringify(protocol));
  }
}

/** As {@linkcode checkTls}, for the end that accepts. */
export function checkTlsServer(settings: TlsServerSettings | undefined, action: string): void {
  if (settings?.cert === undefined || settings.key === undefined) {
    throw new ConfigError(
      "ERR_CONFIG_OPTION",
      `Cannot ${action}: expected a certificate and its key, got ${
        settings?.cert === undefined ? "no certificate" : "no key"
      }`,
    );
  }
  checkTls(settings, action);
  serverContext(settings, undefined, action);
}

/** What a listener's options say of its TLS. */
export function tlsServerSettings(options: CarrierListenOptions): TlsServerSettings {
  const { tls, handshakeTimeout, maxHandshakes, maxHandshakesPerSource } = options;
  return {
    ...(handshakeTimeout !== undefined && { handshakeTimeout }),
    ...(maxHandshakes !== undefined && { maxHandshakes }),
    ...(maxHandshakesPerSource !== undefined && { maxHandshakesPerSource }),
    ...tls,
  };
}

/** As {@linkcode checkTls}, for the end that connects. */
export function checkTlsClient(settings: TlsClientSettings, action: string): void {
  checkTls(settings, action);
  settings.pin?.forEach(parsePin);
  if (settings.ca !== undefined || settings.cert !== undefined) clientContext(settings, action);
}

/** Which checks the server's certificate has to pass. */
export function verification(settings: TlsClientSettings): "ca" | "pin" | "ca and pin" | "no" {
  const pinned = (settings.pin?.length ?? 0) > 0;
  if (settings.insecure) return pinned ? "pin" : "no";
  if (pinned) return settings.ca === undefined ? "pin" : "ca and pin";
  return "ca";
}

/** Who may vouch for a server, of all that TLS is to do with another one. */
export function authorities({ ca }: TlsClientSettings = {}): TlsClientSettings {
  return ca === undefined ? {} : { ca };
}

/** Options for `tls.connect`, without the socket. */
export function clientOptions(settings: TlsClientSettings, host: string, action: string): ConnectionOptions {
  const { alpn, sni } = settings;
  const name = sni ?? host;
  return {
    ...versions(settings, settings.nullCipher ? "TLSv1.2" : undefined),
    secureContext: clientContext(settings, action),
    // RFC 6066, section 3: an address is no server name; it is still looked for in the certificate.
    host: name,
    servername: isIpAddress(name) ? "" : name,
    rejectUnauthorized: verification(settings).includes("ca"),
    ...(alpn !== undefined && alpn.length > 0 && { ALPNProtocols: [...alpn] }),
  };
}

/**
 * Contexts of clients, since reading the authorities costs more than a handshake: by what they were made of, the newest last.
 * A session is resumed under its settings alone, whatever shares its context.
 */
const CONTEXTS: Map<string, SecureContext> = new Map();
const MAX_CONTEXTS = 16;

function clientContext(settings: TlsClientSettings, action: string): SecureContext {
  const { ca, cert, key, minVersion, maxVersion, nullCipher } = settings;
  const name = JSON.stringify([ca, cert, key, minVersion, maxVersion, nullCipher]);
  const made = CONTEXTS.get(name) ?? makeClientContext(settings, action);
  CONTEXTS.delete(name);
  CONTEXTS.set(name, made);
  if (CONTEXTS.size > MAX_CONTEXTS) CONTEXTS.delete(CONTEXTS.keys().next().value!);
  return made;
}

function makeClientContext(settings: TlsClientSettings, action: string): SecureContext {
  return context({
    ...versions(settings, settings.nullCipher ? "TLSv1.2" : undefined),
    ...material(settings),
    ...(settings.ca !== undefined && { ca: settings.ca }),
    ciphers: settings.nullCipher ? `${NULL_SUITES}:${NULL_LEVEL}` : `${TLS13_SUITES}:${SUITES}`,
  }, action);
}

/** The context of a server, shared by its connections, so that sessions can be resumed. */
export function serverContext(
  settings: TlsServerSettings,
  ticketKeys: Uint8Array | undefined,
  action: string,
): SecureContext {
  const ciphers = `${TLS13_SUITES}:${SUITES}`;
  return context({
    ...versions(settings),
    ...material(settings),
    ...(ticketKeys !== undefined &&
      { ticketKeys: ticketKeys as NonNullable<SecureContextOptions["ticketKeys"]> }),
    ciphers: settings.nullCipher ? `${NULL_SUITES}:${ciphers}:${NULL_LEVEL}` : ciphers,
    honorCipherOrder: true,
  }, action);
}

function versions(
  settings: TlsSettings,
  most?: TlsVersion,
): { minVersion: TlsVersion; maxVersion: TlsVersion } {
  return {
    minVersion: settings.minVersion ?? "TLSv1.2",
    maxVersion: most ?? settings.maxVersion ?? "TLSv1.3",
  };
}

function material({ cert, key }: TlsSettings): SecureContextOptions {
  return cert === undefined ? {} : { cert, key };
}

function context(options: SecureContextOptions, action: string): SecureContext {
  try {
    // Deno looks at neither before the first handshake.
    if (options.cert !== undefined && !belongTogether(options.cert as string, options.key as string)) {
      throw new Error("they do not belong together");
    }
    return createSecureContext(options);
  } catch (error) {
    throw new ConfigError(
      "ERR_CONFIG_OPTION",
      `Cannot ${action}: the certificate or key cannot be used (${(error as Error).message})`,
    );
  }
}

function belongTogether(cert: string, key: string): boolean {
  return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
}
