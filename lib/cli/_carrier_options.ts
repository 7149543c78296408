/** The options of carriers, the same for every command that opens or accepts streams. */

import type { Command } from "commander";
import { readFileSync } from "node:fs";
import { ConfigError } from "../errors.ts";
import {
  type CarrierConnectOptions,
  type CarrierListenOptions,
  parseProxyUrl,
  type ProxySettings,
} from "../transport/mod.ts";
import { resolvePath } from "./_program.ts";

/** What the command line says of carriers. */
export interface CarrierCommandOptions {
  /** The proxy of every stream carrier that names none in its URL. */
  readonly proxy?: ProxySettings;
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
    .option("--ca <file>", "certificates (PEM) to trust in place of the usual authorities", readFile)
    .option("--cert <file>", "certificate chain (PEM) to listen with", readFile)
    .option("--key <file>", "private key (PEM) of --cert", readFile)
    .option(
      "--header <field>",
      "NAME: VALUE for carriers that open with HTTP; may be repeated",
      collectHeader,
    );
}

/** For connecting. */
export function connectOptions(options: CarrierCommandOptions): CarrierConnectOptions {
  const { ca, proxy, header } = options;
  return {
    ...(ca !== undefined && { tls: { ca } }),
    ...(proxy !== undefined && { proxy }),
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
