/** The options of carriers, the same for every command that opens or accepts streams. */

import type { Command } from "commander";
import { appendFileSync, readFileSync } from "node:fs";
import process from "node:process";
import { ConfigError } from "../errors.ts";
import {
  type CarrierConnectOptions,
  type CarrierListenOptions,
  type CarrierUrl,
  type Listener,
  parseProxyUrl,
  proxyFromEnvironment,
  type ProxySettings,
} from "../transport/mod.ts";
import { resolvePath } from "./_program.ts";

/** A file that was read at the start. */
export interface TextFile {
  /** Its path. */
  readonly path: string;
  /** What was in it. */
  readonly text: string;
}

/** What the command line says of carriers. */
export interface CarrierCommandOptions {
  /** The proxy of every stream carrier that names none in its URL; false: none, whatever the environment says. */
  readonly proxy?: ProxySettings | false;
  /** Authorities, as PEM. */
  readonly ca?: TextFile;
  /** This end's certificates, as PEM. */
  readonly cert?: TextFile;
  /** The private key of `cert`, as PEM. */
  readonly key?: TextFile;
  /** Servers' certificates are not looked at. */
  readonly insecure: boolean;
  /** Where the secrets of TLS go. */
  readonly tlsKeyLog?: string;
  /** Header fields for carriers that open with HTTP. */
  readonly header?: Readonly<Record<string, string>>;
}

/** Adds the options to a command. */
export function addCarrierOptions(command: Command): Command {
  return command
    .option(
      "--proxy <url>",
      "HTTP proxy for what connects: http://[USER:PASSWORD@]HOST[:PORT]",
      parseProxyUrl,
    )
    .option("--no-proxy", "do not look for a proxy in HTTPS_PROXY, http_proxy, ALL_PROXY and NO_PROXY")
    .option("--ca <file>", "certificates (PEM) to trust in place of the usual authorities", readFile)
    .option(
      "--insecure",
      "take any server's certificate, but a proxy's: IKE alone tells the peer (RFC 9329, appendix A)",
      false,
    )
    .option("--tls-key-log <file>", "append the secrets of TLS, with which Wireshark decrypts a capture")
    .option("--cert <file>", "certificate chain (PEM) to listen with; read again when it changes", readFile)
    .option("--key <file>", "private key (PEM) of --cert", readFile)
    .option(
      "--header <field>",
      "NAME: VALUE for carriers that open with HTTP; may be repeated",
      collectHeader,
    );
}

/** For connecting to a URL: what the command line says, and for the proxy, where that says nothing, the environment. */
export function connectOptions(options: CarrierCommandOptions, url: CarrierUrl): CarrierConnectOptions {
  const { ca, header, insecure } = options;
  const proxy = options.proxy ?? proxyFromEnvironment(url, (name) => process.env[name]);
  return {
    tls: { ...(ca && { ca: ca.text }), ...(insecure && { insecure }), ...keyLog(options) },
    ...(proxy && { proxy }),
    ...(header !== undefined && { headers: header }),
  };
}

/** For listening. */
export function listenOptions(options: CarrierCommandOptions): CarrierListenOptions {
  const { cert, key } = options;
  return { tls: { ...(cert && { cert: cert.text }), ...(key && { key: key.text }), ...keyLog(options) } };
}

/**
 * Looks every now and then whether the certificate was renewed, and hands it to the listener with its key; what cannot be
 * used, because only one of the files is new yet, is tried again. Gives a function that ends it.
 */
export function watchCertificate(
  { cert, key }: CarrierCommandOptions,
  listener: Listener & { reload?(identity: { cert: string; key: string }): void },
  told: (error?: Error) => void,
  interval: number = WATCH_INTERVAL,
): () => void {
  if (cert === undefined || key === undefined || listener.reload === undefined) return () => {};
  let [used, failed] = [cert.text + key.text, ""];
  const timer = setInterval(() => {
    let files = "";
    try {
      const identity = { cert: readFileSync(cert.path, "utf8"), key: readFileSync(key.path, "utf8") };
      files = identity.cert + identity.key;
      if (files === used || files === failed) return;
      listener.reload!(identity);
      [used, failed] = [files, ""];
      told();
    } catch (error) {
      failed = files;
      told(error as Error);
    }
  }, interval);
  return () => clearInterval(timer);
}

/** Milliseconds between two looks at the certificate. */
const WATCH_INTERVAL = 10_000;

function keyLog({ tlsKeyLog }: CarrierCommandOptions): { onKeyLog?: (line: string) => void } {
  if (tlsKeyLog === undefined) return {};
  const path = resolvePath(tlsKeyLog);
  return { onKeyLog: (line) => appendFileSync(path, `${line}\n`, { mode: 0o600 }) };
}

function readFile(name: string): TextFile {
  const path = resolvePath(name);
  try {
    return { path, text: readFileSync(path, "utf8") };
  } catch (error) {
    throw new ConfigError("ERR_CONFIG_FILE", `Cannot read ${path}: ${(error as Error).message}`);
  }
}

/** RFC 9110, section 5: a name is a token; a value holds no line ends. */
function collectHeader(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*)$/.exec(text);
  if (match !== null) return { ...before, [match[1]!]: match[2]!.trimEnd() };
  throw new ConfigError("ERR_CONFIG_OPTION", "Cannot read header: expected NAME: VALUE, got something else");
}
