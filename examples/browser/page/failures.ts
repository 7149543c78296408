/** What went wrong, and what a person can do about it. */

/** A failure in words. */
export interface Failure {
  /** What the library says. */
  readonly reason: string;
  /** What may help; empty where nothing is known. */
  readonly advice: string;
}

const GATEWAY_GONE = "Is its program still running? Start it again, and connect.";

/** By code of error, since texts are for people. */
const ADVICE: Readonly<Record<string, string>> = {
  ERR_TRANSPORT_WEBSOCKET: GATEWAY_GONE,
  ERR_TRANSPORT_WEBTRANSPORT:
    `${GATEWAY_GONE} Or UDP does not get through to it: a WebSocket goes where pages go.`,
  ERR_TRANSPORT_TIMEOUT: GATEWAY_GONE,
  ERR_TUNNEL_LOST: GATEWAY_GONE,
  ERR_TUNNEL_BROKEN: GATEWAY_GONE,
  ERR_TUNNEL_FAILED:
    "Both ends must have the same pre-shared key; the gateway's is the one that its program was given.",
  ERR_TUNNEL_CHILD: "The gateway must accept the ESP proposal and the traffic selectors.",
};

/** Puts an error into words. */
export function describeFailure(error: unknown): Failure {
  if (!(error instanceof Error)) return { reason: String(error), advice: "" };
  const { code = "" } = error as { code?: string };
  return { reason: error.message, advice: ADVICE[code] ?? (error instanceof TypeError ? GATEWAY_GONE : "") };
}
