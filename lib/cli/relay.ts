/** `iketcp relay`: an RFC 9329 leg for daemons that speak IKE and ESP over UDP only. */

import { Command } from "commander";
import process from "node:process";
import { ConfigError } from "../errors.ts";
import { OriginatorRelay, type RelayEvent, type RelayLimits, ResponderRelay } from "../relay/mod.ts";
import { connectCarrier, listenCarrier, openCarrier } from "../runtime/mod.ts";
import {
  CARRIER_SCHEMES,
  type CarrierUrl,
  type Connection,
  formatAddress,
  formatCarrierUrl,
  isIpAddress,
  type Listener,
  parseCarrierUrl,
  type TransportAddress,
} from "../transport/mod.ts";
import { CaptureFile } from "./_capture_file.ts";
import { collectLimit, describeLimits } from "./_limits.ts";
import { resolvePath, untilSignal } from "./_program.ts";

interface RelayOptions {
  readonly listen: CarrierUrl;
  readonly to: readonly CarrierUrl[];
  readonly bind?: TransportAddress;
  readonly capture?: string;
  readonly stats: boolean;
  readonly limit?: Partial<RelayLimits>;
  readonly json: boolean;
}

const EXAMPLES = `
Beside the initiator's daemon, which sends its IKE to 127.0.0.1 port 14500:
  iketcp relay --listen udp://127.0.0.1:14500 --to tcp://gw.example
Beside the responder's daemon:
  iketcp relay --listen tcp://0.0.0.0 --to udp://127.0.0.1 --bind 127.0.0.2

Counters are printed on SIGUSR2, at the end, and with --stats every ten seconds.
`;

const STATS_INTERVAL = 10_000;

/** The command. */
export function relayCommand(): Command {
  return new Command("relay")
    .description("carry the IKE and ESP of a UDP daemon through TCP: one side is udp://, the other a stream")
    .requiredOption(
      "--listen <url>",
      "where to listen: udp://HOST[:PORT] or tcp://HOST[:PORT]",
      parseListenUrl,
    )
    .requiredOption(
      "--to <url>",
      "where to send to; may be repeated, the first that can be opened carries",
      collectUrl,
    )
    .option("--bind <address>", "local address, with or without a port, of what --to opens", parseBind)
    .option("--capture <file>", "write everything that crosses the stream side to a pcapng file")
    .option("--stats", "print counters every ten seconds", false)
    .option("--limit <name=value>", "set a limit; may be repeated", collectLimit)
    .option("--json", "one JSON object a line", false)
    .addHelpText("after", `${EXAMPLES}\n${describeLimits()}`)
    .action(runRelay);
}

async function runRelay(options: RelayOptions): Promise<void> {
  checkSides(options);
  const log = options.json ? logJson : logText;
  const capture = options.capture === undefined ? undefined : new CaptureFile(resolvePath(options.capture));
  const signal = untilSignal();
  let timer: ReturnType<typeof setInterval> | undefined;
  try {
    const { relay, address } = isDatagram(options.listen)
      ? await startOriginator(options, log, capture)
      : await startResponder(options, log, capture);
    const printCounters = () => log({ event: "counters", ...relay.counters });
    process.on("SIGUSR2", printCounters);
    if (options.stats) timer = setInterval(printCounters, STATS_INTERVAL);
    const url = formatCarrierUrl({ ...options.listen, ...address });
    log({ event: "listening", url, to: options.to.map(formatCarrierUrl) });

    try {
      await Promise.race([signal, relay.closed]); // throws why it ended, if it was not a signal
    } finally {
      await relay.close();
      printCounters();
    }
  } finally {
    clearInterval(timer);
    capture?.close();
  }
  process.exit(0); // the signal handlers would keep some runtimes alive
}

type Started<Relay> = { readonly relay: Relay; readonly address: TransportAddress };

async function startOriginator(
  options: RelayOptions,
  log: Log,
  capture?: CaptureFile,
): Promise<Started<OriginatorRelay>> {
  const endpoint = await openCarrier(options.listen, { local: options.listen });
  const relay = new OriginatorRelay({
    endpoint,
    dial: async (dialOptions) => {
      const connection = await connectFirst(options.to, { ...dialOptions, localAddress: options.bind }, log);
      return capture?.tap(connection) ?? connection;
    },
    limits: options.limit,
    onEvent: log,
  });
  return { relay, address: endpoint.localAddress };
}

async function startResponder(
  options: RelayOptions,
  log: Log,
  capture?: CaptureFile,
): Promise<Started<ResponderRelay>> {
  const [to] = options.to as [CarrierUrl];
  const openEndpoint = () => openCarrier(to, { remote: to, local: options.bind });
  await (await openEndpoint()).close(); // a name or an address that is wrong shows now, not with the first client
  const listener = await listenCarrier(options.listen);
  const relay = new ResponderRelay({
    listener: capture === undefined ? listener : tapListener(listener, capture),
    openEndpoint,
    limits: options.limit,
    onEvent: log,
  });
  return { relay, address: listener.address };
}

/** Tries the carriers in order; throws the last error when none opens. */
async function connectFirst(
  urls: readonly CarrierUrl[],
  options: Parameters<typeof connectCarrier>[1],
  log: Log,
): Promise<Connection> {
  let failure: unknown;
  for (const url of urls) {
    try {
      const connection = await connectCarrier(url, options);
      if (urls.length > 1) log({ event: "carrier", url: formatCarrierUrl(url) });
      return connection;
    } catch (error) {
      if (options?.signal?.aborted) throw error;
      failure = error;
    }
  }
  throw failure;
}

function tapListener(listener: Listener, capture: CaptureFile): Listener {
  const tap = new TransformStream<Connection, Connection>({
    transform: (connection, controller) => controller.enqueue(capture.tap(connection)),
  });
  return {
    address: listener.address,
    close: () => listener.close(),
    connections: listener.connections.pipeThrough(tap),
  };
}

/** Events of the program itself, beside those of the relay. */
type ProgramEvent =
  | { readonly event: "listening"; readonly url: string; readonly to: readonly string[] }
  | { readonly event: "carrier"; readonly url: string }
  | ({ readonly event: "counters" } & Readonly<Record<string, unknown>>);

type Log = (event: RelayEvent | ProgramEvent) => void;

const logJson: Log = (event) => {
  const fields = Object.entries(event).map(([name, value]) => {
    if (value instanceof Error) {
      return [name, { code: (value as { code?: string }).code, message: value.message }];
    }
    return [name, isAddress(value) ? formatAddress(value) : value];
  });
  console.log(JSON.stringify(Object.fromEntries(fields)));
};

const logText: Log = (event) => console.log(describe(event));

function describe(event: RelayEvent | ProgramEvent): string {
  switch (event.event) {
    case "listening":
      return `listening on ${event.url}, relaying to ${event.to.join(", else ")}`;
    case "carrier":
      return `carried by ${event.url}`;
    case "counters":
      return `counters: ${
        Object.entries(event).filter(([name]) => name !== "event").map(([name, n]) => `${name} ${n}`).join(
          ", ",
        )
      }`;
    case "stream_opened":
      return `${formatAddress(event.client)}: stream ${formatAddress(event.local)} - ${
        formatAddress(event.remote)
      } is open`;
    case "stream_failed":
      return `${formatAddress(event.client)}: ${event.error.message}; next attempt in ${event.retryIn} ms`;
    case "stream_ended":
      return `${formatAddress(event.client)}: stream ended${
        event.error === undefined ? "" : `: ${event.error.message}`
      }`;
    case "stream_refused":
      return `${formatAddress(event.client)}: connection refused, limit ${event.limit} is reached`;
    case "socket_adopted":
      return `${formatAddress(event.client)}: goes on with UDP socket ${
        formatAddress(event.local)
      } of its last stream`;
    case "peer_forgotten":
      return `${formatAddress(event.client)}: silent for long, forgotten`;
    case "marker_missing":
      return `${
        formatAddress(event.client)
      }: sends IKE without the non-ESP marker; let the daemon use its NAT-T port ` +
        "(strongSwan: local_port = 4500 and a remote_port other than 500)";
  }
}

function parseListenUrl(text: string): CarrierUrl {
  return parseCarrierUrl(text, { listen: true });
}

function collectUrl(text: string, before: readonly CarrierUrl[] = []): readonly CarrierUrl[] {
  return [...before, parseCarrierUrl(text)];
}

/** `192.0.2.1`, `192.0.2.1:4501`, `2001:db8::1` or `[2001:db8::1]:4501`; without a port the system chooses one. */
function parseBind(text: string): TransportAddress {
  const match = isIpAddress(text) ? [text, text] : /^(?:\[(.*)\]|([^:]*))(?::(\d{1,5}))?$/.exec(text);
  const hostname = match?.[1] ?? match?.[2] ?? "";
  const port = Number(match?.[3] ?? 0);
  if (isIpAddress(hostname) && port <= 65535) return { hostname, port };
  throw new ConfigError(
    "ERR_CONFIG_OPTION",
    `Cannot bind to ${JSON.stringify(text)}: expected an IP address, with or without a port`,
  );
}

function isDatagram(url: CarrierUrl): boolean {
  return CARRIER_SCHEMES[url.scheme].kind === "datagram";
}

function checkSides({ listen, to }: RelayOptions): void {
  if (to.some((url) => isDatagram(url) === isDatagram(listen))) {
    throw new ConfigError(
      "ERR_CONFIG_OPTION",
      "Cannot relay between these URLs: expected udp:// on one side and a stream such as tcp:// on the other",
    );
  }
  if (!isDatagram(listen) && to.length > 1) {
    throw new ConfigError(
      "ERR_CONFIG_OPTION",
      `Cannot relay to ${to.length} daemons: expected one --to udp://HOST[:PORT]`,
    );
  }
}

function isAddress(value: unknown): value is TransportAddress {
  return typeof value === "object" && value !== null && "hostname" in value && "port" in value;
}
