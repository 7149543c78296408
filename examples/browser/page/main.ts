/// <reference lib="dom" />
/** The page: what its controls do, and who is told what the tunnel tells. */

import { EchoBulk } from "./echo_bulk.ts";
import { byId } from "./elements.ts";
import { describeFailure } from "./failures.ts";
import { Ladder } from "./ladder.ts";
import { Pings } from "./pings.ts";
import { SaCards } from "./sa_cards.ts";
import { TrafficView } from "./traffic_view.ts";
import { type CarrierName, type Carriers, CLIENT_ID, INNER_HOST, openTunnel, type Tunnel } from "./tunnel.ts";

type State = "idle" | "connecting" | "up" | "failed";

const STATE_TEXTS: Readonly<Record<State, string>> = {
  idle: "Not connected",
  connecting: "Connecting",
  up: "Connected",
  failed: "Failed",
};

const CONNECT_TEXTS: Readonly<Record<State, string>> = {
  idle: "Connect",
  connecting: "Cancel",
  up: "Disconnect",
  failed: "Connect",
};

const buttons = {
  connect: byId("connect", HTMLButtonElement),
  ping: byId("ping", HTMLButtonElement),
  rekey: byId("rekey", HTMLButtonElement),
  bulk: byId("bulk", HTMLButtonElement),
};
const ladder = new Ladder();
const cards = new SaCards();
const traffic = new TrafficView();

let state: State = "idle";
let attempt: AbortController | undefined;
let tunnel: Tunnel | undefined;
let pings: Pings | undefined;
let bulk: EchoBulk | undefined;
/** Somebody here wants the tunnel to end. */
let disconnecting = false;

// A narrow page has no room for all of it in one line.
byId("client-id", HTMLElement).replaceChildren(
  CLIENT_ID.slice(0, CLIENT_ID.indexOf(".")),
  document.createElement("wbr"),
  CLIENT_ID.slice(CLIENT_ID.indexOf(".")),
);
byId("connect-form", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  if (state === "connecting") attempt?.abort(new Error("Cancelled"));
  else if (state === "up") void disconnect();
  else void connect();
});
buttons.ping.addEventListener("click", () => void ping());
buttons.rekey.addEventListener("click", () => {
  say("Renewing the keys of all SAs");
  tunnel!.session.rekey();
});
buttons.bulk.addEventListener("click", () => bulk === undefined ? startBulk() : stopBulk());
loadCarriers().catch((error) => fail("There is no gateway", error));

/** The server says where its gateway is, each time anew: one that was started again is elsewhere. */
async function loadCarriers(signal?: AbortSignal): Promise<Carriers> {
  const carriers = await fetchCarriers(signal);
  const { webTransport } = carriers;
  const why = "reason" in webTransport
    ? webTransport.reason
    : "WebTransport" in globalThis
    ? undefined
    : "This browser has no WebTransport";
  byId("web-transport", HTMLInputElement).disabled = why !== undefined;
  if (why !== undefined) byId("web-socket", HTMLInputElement).checked = true;
  const note = byId("carrier-note", HTMLElement);
  note.hidden = why === undefined;
  note.textContent = why ?? "";
  return carriers;
}

async function fetchCarriers(signal?: AbortSignal): Promise<Carriers> {
  try {
    const response = await fetch("carriers.json", { ...(signal && { signal }) });
    return await response.json() as Carriers;
  } catch (error) {
    throw new TypeError(`Cannot ask ${location.host} where the gateway is: ${(error as Error).message}`);
  }
}

async function connect(): Promise<void> {
  clearError();
  ladder.clear();
  cards.clear();
  setState("connecting");
  say("Connecting");
  attempt = new AbortController();
  disconnecting = false;
  try {
    const carriers = await loadCarriers(attempt.signal);
    tunnel = await openTunnel({
      carriers,
      carrier: new FormData(byId("connect-form", HTMLFormElement)).get("carrier") as CarrierName,
      secret: byId("secret", HTMLInputElement).value,
      espProposal: byId("esp", HTMLSelectElement).value,
      signal: attempt.signal,
      onEvent: (event) => {
        ladder.handleEvent(event);
        cards.handleEvent(event);
        if (event.type === "ike_sa_established" && event.replaces !== undefined) {
          say("The IKE SA has new keys");
        }
      },
    });
  } catch (error) {
    if (!attempt.signal.aborted) return fail("There is no tunnel", error);
    setState("idle");
    return say("Cancelled");
  }
  const { session } = tunnel;
  pings = new Pings(tunnel, (line) => ladder.addPacket(line));
  traffic.begin(session);
  setState("up");
  say(`Connected to ${session.remoteId}: this page is ${tunnel.addressText}`);
  session.closed.then(() => handleEnd(), (error) => handleEnd(error));
  await ping();
}

async function disconnect(): Promise<void> {
  disconnecting = true;
  stopBulk();
  say("Deleting the SAs");
  await tunnel?.session.close();
}

/** The session has ended, whoever wanted it. */
function handleEnd(error?: unknown): void {
  bulk?.stop();
  showBulk(undefined);
  traffic.end();
  cards.clear();
  tunnel = undefined;
  pings = undefined;
  if (error !== undefined) return fail("The tunnel broke", error);
  setState("idle");
  say(disconnecting ? "The SAs are deleted" : "The gateway has deleted the SAs");
}

async function ping(): Promise<void> {
  const asked = pings;
  const outcome = await asked?.ping();
  // A tunnel that has ended meanwhile has said so.
  if (outcome === undefined || asked !== pings) return;
  if (outcome.milliseconds === undefined) {
    return say(`Ping ${outcome.sequence} to ${INNER_HOST}: no answer in time`);
  }
  traffic.showRoundTrip(outcome.milliseconds);
  say(`Ping ${outcome.sequence}: answer from ${INNER_HOST} in ${outcome.milliseconds.toFixed(1)} ms`);
}

function startBulk(): void {
  showBulk(new EchoBulk(tunnel!));
  say(`UDP datagrams go to ${INNER_HOST} and come back, as fast as they do`);
  bulk!.done.then((summary) => {
    traffic.showBulk(summary);
    // The end of the tunnel is the greater news.
    if (state === "up") say(summary.text);
  });
}

function stopBulk(): void {
  bulk?.stop();
  showBulk(undefined);
}

function showBulk(running: EchoBulk | undefined): void {
  bulk = running;
  buttons.bulk.setAttribute("aria-pressed", String(running !== undefined));
  buttons.bulk.textContent = running === undefined ? "Bulk" : "Stop bulk";
}

function setState(next: State): void {
  state = next;
  byId("state", HTMLElement).dataset["state"] = next;
  byId("state-text", HTMLElement).textContent = STATE_TEXTS[next];
  buttons.connect.textContent = CONNECT_TEXTS[next];
  const focused = document.activeElement;
  for (const button of [buttons.ping, buttons.rekey, buttons.bulk]) {
    button.disabled = next !== "up";
    // A button that is disabled loses the focus to nowhere.
    if (button.disabled && button === focused) buttons.connect.focus();
  }
}

function say(text: string): void {
  byId("status", HTMLElement).textContent = text;
}

function fail(what: string, error: unknown): void {
  const { reason, advice } = describeFailure(error);
  setState("failed");
  cards.clear();
  say(what);
  const place = byId("error", HTMLElement);
  const title = document.createElement("strong");
  title.textContent = `${what}. `;
  const first = document.createElement("p");
  first.append(title, reason);
  const second = document.createElement("p");
  second.textContent = advice;
  place.replaceChildren(first, ...(advice === "" ? [] : [second]));
}

function clearError(): void {
  byId("error", HTMLElement).replaceChildren();
}
