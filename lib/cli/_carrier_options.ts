/** The options of carriers, the same for every command that opens or accepts streams. */

import type { Command } from "commander";
import { readFileSync } from "node:fs";
import process from "node:process";
import { ConfigError } from "../errors.ts";
import {
  type CarrierConnectOptions,
  type CarrierListenOptions,
  type CarrierUrl,
  parseProxyUrl,
  proxyFromEnvironment,
  type ProxySettings,
} from "../transport/mod.ts";
import { resolvePath } from "./_program.ts";

/** What the command line says of carriers. */
export interface CarrierCommandOptions {
  /** The proxy of every stream carrier that names none in its URL; false: none, whatever the environment says. */
  readonly proxy?: ProxySettings | false;
  /** Authorities, as PEM. */
  readonly ca?: string;
  /** This end's certificates, as PEM. */
  readonly cert?: string;
  /** The private key of `cert`, as PEM. */
  readonly key?: string;
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
    .option("--cert <file>", "certificate chain (PEM) to listen with", readFile)
    .option("--key <file>", "private key (PEM) of --cert", readFile)
    .option(
      "--header <field>",
      "NAME: VALUE for carriers that open with HTTP; may be repeated",
      collectHeader,
    );
}

/** For connecting to a URL: what the command line says, and for the proxy, where that says nothing, the environment. */
export function connectOptions(options: CarrierCommandOptions, url: CarrierUrl): CarrierConnectOptions {
  const { ca, header } = options;
  const proxy = options.proxy ?? proxyFromEnvironment(url, (name) => process.env[name]);
  return {
    ...(ca !== undefined && { tls: { ca } }),
    ...(proxy && { proxy }),
    ...(header !== undefined && { headers: header }),
  };
}

/** For listening. */
export function listenOptions({ cert, key }: CarrierCommandOptions): CarrierListenOptions {
  return { tls: { ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) } };
}

function readFile(path: string): string {
  try {
    return readFileSync(resolvePath(path), "utf8");
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
