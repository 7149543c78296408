/** Tunnels from the end that is asked for them: any number of connections, each with its sessions, around one engine. */

import { type ConnectionConfig, IkeEngine, type IkeEngineOptions, type IkeSaFailed } from "../ike/mod.ts";
import type { DatagramEndpoint, Listener, TransportAddress } from "../transport/mod.ts";
import { fillRandomly } from "./connect.ts";
import { Endpoint, type EndpointOptions } from "./endpoint.ts";
import type { Session, SessionOptions } from "./session.ts";

/** What {@linkcode listen} takes. */
export interface ListenOptions
  extends
    SessionOptions,
    Omit<IkeEngineOptions, "connections" | "crypto" | "random">,
    Pick<EndpointOptions, "onEvent" | "onNeed" | "onUnknownSpi"> {
  /** Who may come, and what they get. */
  readonly configurations: readonly ConnectionConfig[];
  /** An attempt has failed. */
  readonly onFailed?: (event: IkeSaFailed) => void;
  /** Closes everything when aborted. */
  readonly signal?: AbortSignal;
}

/** Gives out sessions. */
export interface TunnelListener {
  /** Each session that begins; cancelling it closes the listener. */
  readonly sessions: ReadableStream<Session>;
  /** The address that is listened on. */
  readonly address: TransportAddress;
  /** Answers on a UDP socket as well; `marked: false` on port 500, where IKE has no marker and ESP does not come. */
  addDatagrams(endpoint: DatagramEndpoint, options?: { readonly marked?: boolean }): void;
  /** Stops accepting, and ends every session in order. Safe to repeat. */
  close(): Promise<void>;
}

/**
 * Answers everybody who connects. Sessions that nobody takes live all the same; how many there are is the engine's limit.
 */
export function listen(listener: Listener, options: ListenOptions): TunnelListener {
  const { configurations, signal, onFailed } = options;
  let controller!: ReadableStreamDefaultController<Session>;
  let closing: Promise<void> | undefined;
  const close = () => closing ??= end();
  const end = async () => {
    signal?.removeEventListener("abort", close);
    await listener.close();
    await endpoint.close();
    controller.close();
  };
  const sessions = new ReadableStream<Session>({
    start: (its) => {
      controller = its;
    },
    cancel: close,
  });
  const endpoint = new Endpoint({
    ...options,
    engine: new IkeEngine({ random: fillRandomly, ...options, connections: configurations }),
    role: "responder",
    onSession: (session) => closing === undefined && controller.enqueue(session),
    onFailed,
  });
  signal?.addEventListener("abort", close, { once: true });
  accept(listener, endpoint).then(close, close);
  return {
    sessions,
    address: listener.address,
    addDatagrams: (socket, settings) => void endpoint.addDatagrams(socket, settings),
    close,
  };
}

async function accept(listener: Listener, endpoint: Endpoint): Promise<void> {
  for await (const connection of listener.connections) endpoint.addConnection(connection);
}
