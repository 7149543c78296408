/** The other end of the page's tunnel: the responder of `../05_responder.ts` over the carriers that a browser has. */

import { TransportError } from "iketcp";
import { type ConnectionConfig, formatSelector, type IkeEvent } from "iketcp/ike";
import { Credentials, parseIdentity } from "iketcp/ike/auth";
import { listenCarrier, listenWebSocket, runtimeCrypto } from "iketcp/runtime";
import { formatAddress, type Listener, parseCarrierUrl } from "iketcp/transport";
import { listen, type Session, type TunnelListener } from "iketcp/tunnel";
import { makeCertificate } from "./certificate.ts";
import { answerOf } from "./inner_host.ts";

/** Where the page finds the gateway. */
export interface Carriers {
  /** Every runtime has it. */
  readonly webSocket: { readonly url: string };
  /** And this one where the runtime can serve it, otherwise why not. */
  readonly webTransport: { readonly url: string; readonly pin: string } | { readonly reason: string };
}

/** What {@linkcode startGateway} takes. */
export interface GatewayOptions {
  /** Where to listen, at ports of its own. */
  readonly hostname: string;
  /** The pre-shared key. */
  readonly secret: string;
  /** Origins of the pages that may come. */
  readonly origins: readonly string[];
  /** Takes a line for every message and every client. */
  readonly log: (line: string) => void;
}

/** A gateway that listens. */
export interface Gateway {
  /** Where. */
  readonly carriers: Carriers;
  /** Deletes every SA, and stops. */
  close(): Promise<void>;
}

const PATH = "/vpn";

const NO_WEB_TRANSPORT =
  "This server has no WebTransport. Deno has it: npx deno run -A examples/browser/serve.ts";

/** Who may come, and what they get: the words of swanctl.conf. */
const CLIENTS: ConnectionConfig = {
  name: "clients",
  local: { auth: "psk", id: "gw.example" },
  remote: { auth: "psk", id: "*.example" },
  pools: "clients",
  proposals: "default",
  children: {
    net: {
      local_ts: "192.0.2.0/24",
      esp_proposals: ["aes128gcm16-aes256gcm16-x25519", "chacha20poly1305-x25519", "aes128-sha256-x25519"],
    },
  },
};

/** Listens with every carrier that a page can come by and this runtime can serve. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { hostname, origins } = options;
  const webSocket = await listenWebSocket({ hostname, port: 0 }, { path: PATH, origins });
  const gateways = [serve(webSocket, "10.99.0.0/24", options)];
  const carriers = { webSocket: { url: `ws://${formatAddress(webSocket.address)}${PATH}` } };
  const close = async () => {
    await Promise.all(gateways.map((gateway) => gateway.close()));
  };
  const certificate = await makeCertificate("localhost");
  try {
    const url = parseCarrierUrl(`https://${hostname}:0${PATH}`, { listen: true });
    const listener = await listenCarrier(url, { tls: certificate });
    gateways.push(serve(listener, "10.99.1.0/24", options));
    const webTransport = {
      url: `https://${formatAddress(listener.address)}${PATH}`,
      pin: certificate.fingerprint,
    };
    return { carriers: { ...carriers, webTransport }, close };
  } catch (error) {
    if (!(error instanceof TransportError) || error.code !== "ERR_TRANSPORT_UNSUPPORTED") throw error;
    return { carriers: { ...carriers, webTransport: { reason: NO_WEB_TRANSPORT } }, close };
  }
}

/** Answers everybody who connects, with addresses out of a pool. */
function serve(listener: Listener, pool: string, { secret, log }: GatewayOptions): TunnelListener {
  const credentials = new Credentials();
  credentials.addPreSharedKey({
    secret: new TextEncoder().encode(secret),
    owners: [parseIdentity("gw.example"), parseIdentity("%any")],
  });
  const gateway = listen(listener, {
    crypto: runtimeCrypto(),
    credentials,
    configurations: [CLIENTS],
    pools: { clients: { addrs: pool } },
    onEvent: (event) => {
      const line = lineOf(event);
      if (line !== undefined) log(line);
    },
    onFailed: ({ text }) => log(`refused: ${text}`),
  });
  void admit(gateway, log);
  return gateway;
}

async function admit(gateway: TunnelListener, log: (line: string) => void): Promise<void> {
  for await (const session of gateway.sessions) {
    log(`${session.remoteId} is here`);
    answer(session)
      .catch((error) => log(error.message))
      .finally(() => log(`${session.remoteId} is gone`));
  }
}

/** Is every host of the network behind the gateway. */
async function answer(session: Session): Promise<void> {
  const writer = session.writable.getWriter();
  for await (const batch of session.readable) {
    const answers = batch.flatMap((packet) => answerOf(packet) ?? []);
    if (answers.length > 0) await writer.write(answers);
  }
}

function lineOf(event: IkeEvent): string | undefined {
  if (event.type === "message") return event.line;
  if (event.type !== "child_sa_installed") return undefined;
  const { local, remote, name } = event.childSa;
  return `${name}: ${local.map(formatSelector).join(", ")} === ${remote.map(formatSelector).join(", ")}`;
}
