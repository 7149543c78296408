/** `iketcp relay`: an RFC 9329 leg for daemons that speak IKE and ESP over UDP only. */

import { Command } from "commander";
import process from "node:process";
import { ConfigError, TransportError } from "../errors.ts";
import { type Dial, OriginatorRelay, type RelayLimits, relayLimits, ResponderRelay } from "../relay/mod.ts";
import { checkConnect, connectCarrier, listenCarrier, openCarrier, openUdp } from "../runtime/mod.ts";
import {
  CARRIER_SCHEMES,
  type CarrierConnectOptions,
  type CarrierUrl,
  type Connection,
  isIpAddress,
  type Listener,
  parseCarrierUrl,
  showCarrierUrl,
  type TransportAddress,
} from "../transport/mod.ts";
import { CaptureFile } from "./_capture_file.ts";
import {
  addCarrierOptions,
  type CarrierCommandOptions,
  connectOptions,
  listenOptions,
  watchCertificate,
} from "./_carrier_options.ts";
import { collectLimit, describeLimits } from "./_limits.ts";
import { resolvePath, untilSignal } from "./_program.ts";
import { describeLayer, type Log, openLog } from "./_relay_log.ts";

interface RelayOptions extends CarrierCommandOptions {
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
Where only web traffic passes: plain TCP first, else TLS, else TLS through a proxy:
  iketcp relay --listen udp://127.0.0.1:14500 --to tcp://gw.example --to tls://gw.example \\
    --to "tls://gw.example?proxy=http%3A%2F%2Fproxy.example%3A3128"
  iketcp relay --listen tls+tcp://0.0.0.0 --cert gw.crt --key gw.key --to udp://127.0.0.1 --bind 127.0.0.2
Through the web, beside the responder behind nginx or haproxy, and beside the initiator:
  iketcp relay --listen ws://127.0.0.1:8080/vpn --to udp://127.0.0.1 --bind 127.0.0.2
  iketcp relay --listen udp://127.0.0.1:14500 --to wss://gw.example/vpn
A server known by its certificate alone:
  --to "tls://gw.example?pin=$(openssl x509 -in gw.crt -noout -fingerprint -sha256 | cut -d= -f2)"

Counters are printed on SIGUSR2, at the end, and with --stats every ten seconds.
`;

const STATS_INTERVAL = 10_000;

/** The command. */
export function relayCommand(): Command {
  const command = new Command("relay")
    .description("carry the IKE and ESP of a UDP daemon through TCP: one side is udp://, the other a stream")
    .requiredOption(
      "--listen <url>",
      "where to listen: udp://HOST[:PORT], or a stream: tcp://, tls://, tls+tcp:// (both at one port), ws:// or wss://HOST[:PORT][/PATH]",
      parseListenUrl,
    )
    .requiredOption(
      "--to <url>",
      "where to send to; may be repeated, the first that can be opened carries",
      collectUrl,
    )
    .option("--bind <address>", "local address, with or without a port, of what --to opens", parseBind);
  return addCarrierOptions(command)
    .option("--capture <file>", "write everything that crosses the stream side to a pcapng file")
    .option("--stats", "print counters every ten seconds", false)
    .option("--limit <name=value>", "set a limit; may be repeated", collectLimit)
    .option("--json", "one JSON object a line", false)
    .addHelpText("after", `${EXAMPLES}\n${describeLimits()}`)
    .action(runRelay);
}

async function runRelay(options: RelayOptions): Promise<void> {
  checkSides(options);
  const log = openLog(options.json);
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
    const url = showCarrierUrl({ ...options.listen, ...address });
    log({ event: "listening", url, to: options.to.map(showCarrierUrl), pid: process.pid });

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
  // A carrier, or a local address, that cannot be used shows now, not with the first datagram.
  const routes = options.to.map((url): Route => ({
    url,
    options: { ...connectOptions(options, url), ...(options.bind && { localAddress: options.bind }) },
  }));
  for (const route of routes) checkConnect(route.url, route.options);
  if (options.bind !== undefined) await (await openUdp({ local: { ...options.bind, port: 0 } })).close();
  const endpoint = await openCarrier(options.listen, { local: options.listen });
  const relay = new OriginatorRelay({
    endpoint,
    dial: async (dialOptions) => {
      const connection = await connectFirst(routes, dialOptions, log);
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
  const { prefix_timeout, max_half_open, max_connections_per_source } = relayLimits(options.limit);
  const listener = await listenCarrier(options.listen, {
    ...listenOptions(options),
    // What bounds clients before their prefix bounds them before their TLS or their WebSocket is there, too.
    handshakeTimeout: prefix_timeout,
    maxHandshakes: max_half_open,
    maxHandshakesPerSource: max_connections_per_source,
    onRefused: (client, error) => log({ event: "client_refused", client, error }),
  });
  const unwatch = watchCertificate(options, listener, (error) => log({ event: "certificate_read", error }));
  const relay = new ResponderRelay({
    listener: capture === undefined ? listener : tapListener(listener, capture),
    openEndpoint,
    limits: options.limit,
    onEvent: log,
  });
  relay.closed.catch(() => {}).then(unwatch);
  return { relay, address: listener.address };
}

/** A carrier to try, and how. */
interface Route {
  readonly url: CarrierUrl;
  readonly options: CarrierConnectOptions;
}

/**
 * Tries the carriers in order; throws what all of them said when none opens. After a stream that opened and was never answered,
 * as where a middlebox lets a connection be made and its octets vanish (RFC 9329, section 8), the next one has its turn first.
 */
async function connectFirst(
  routes: readonly Route[],
  dialOptions: Parameters<Dial>[0],
  log: Log,
): Promise<Connection> {
  const first = dialOptions.unanswered % routes.length;
  const timeout = Math.ceil(dialOptions.timeout / routes.length); // all together take no longer than one might
  const failures: Error[] = [];
  for (const { url, options } of [...routes.slice(first), ...routes.slice(0, first)]) {
    try {
      const connection = await connectCarrier(url, { ...options, signal: dialOptions.signal, timeout });
      const layers = (connection.layers ?? []).map(describeLayer);
      if (routes.length > 1 || layers.length > 0) log({ event: "carrier", url: showCarrierUrl(url), layers });
      return connection;
    } catch (error) {
      if (dialOptions.signal.aborted) throw error;
      failures.push(error as Error);
    }
  }
  const [failure] = failures as [Error];
  if (failures.length === 1) throw failure;
  const code = failure instanceof TransportError ? failure.code : "ERR_TRANSPORT_FAILED";
  throw new TransportError(code, failures.map(({ message }) => message).join("; "), { cause: failures });
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

function parseListenUrl(text: string, before?: CarrierUrl): CarrierUrl {
  if (before === undefined) return parseCarrierUrl(text, { listen: true });
  throw new ConfigError("ERR_CONFIG_OPTION", "Cannot listen twice: expected one --listen, got more");
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
