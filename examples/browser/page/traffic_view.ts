/// <reference lib="dom" />
/** Counters of the session, and its throughput over time. */

import type { Session, SessionCounters } from "iketcp/tunnel";
import type { BulkSummary } from "./echo_bulk.ts";
import { byId, element } from "./elements.ts";
import { ThroughputPlot } from "./throughput_plot.ts";

/** Milliseconds between samples. */
const INTERVAL = 250;

/** The counters and the plot. */
export class TrafficView {
  readonly #plot: ThroughputPlot = new ThroughputPlot(byId("plot", HTMLElement));
  #session: Session | undefined;
  #before: { readonly at: number; readonly sent: number; readonly received: number } | undefined;

  /** The plot goes on without a session, too. */
  constructor() {
    setInterval(() => this.#sample(), INTERVAL);
  }

  /** Follows a session from now on. */
  begin(session: Session): void {
    this.#session = session;
    this.#before = undefined;
    show("round-trip", "–");
    show("rate", "–");
    this.#sample();
  }

  /** Counters stay as they were last. */
  end(): void {
    this.#sample();
    this.#session = undefined;
    this.#before = undefined;
  }

  /** Shows the last ping's time. */
  showRoundTrip(milliseconds: number): void {
    show("round-trip", `${milliseconds.toFixed(1)} ms`, "last ping");
  }

  /** Shows what a bulk has done. */
  showBulk({ octets, milliseconds, lost, damaged }: BulkSummary): void {
    if (this.#session !== undefined) showCounters(this.#session.counters);
    show(
      "rate",
      `${(octets * 8 / 1000 / milliseconds).toFixed(0)} Mbit/s`,
      `${lost} lost, ${damaged} damaged`,
    );
  }

  #sample(): void {
    const at = performance.now();
    // Timers of a busy page come in a heap: what was counted between two of them says nothing.
    if (this.#before !== undefined && at - this.#before.at < INTERVAL / 2) return;
    const counters = this.#session?.counters;
    const sent = counters?.sent.octets ?? 0;
    const received = counters?.received.octets ?? 0;
    const before = this.#before;
    if (before === undefined || counters === undefined) this.#plot.add(at, 0, 0);
    else {
      const rate = (octets: number) => octets * 8 / 1000 / (at - before.at);
      this.#plot.add(at, rate(sent - before.sent), rate(received - before.received));
    }
    if (counters === undefined) return;
    this.#before = { at, sent, received };
    showCounters(counters);
  }
}

function showCounters({ sent, received, unread }: SessionCounters): void {
  show("sent", count(sent.packets), size(sent.octets));
  show("received", count(received.packets), size(received.octets));
  const drops = { ...sent.dropped, ...received.dropped, unread };
  const reasons = Object.entries(drops).filter(([, number]) => number > 0);
  show(
    "dropped",
    count(reasons.reduce((sum, [, number]) => sum + number, 0)),
    reasons.map(([reason, number]) => `${reason} ${number}`).join(", "),
  );
}

function show(id: string, value: string, detail = ""): void {
  byId(id, HTMLOutputElement).replaceChildren(
    value,
    ...(detail === "" ? [] : [element("small", "", detail)]),
  );
}

function count(number: number): string {
  return number.toLocaleString("en");
}

function size(octets: number): string {
  if (octets < 1e6) return `${(octets / 1e3).toFixed(1)} kB`;
  return octets < 1e9 ? `${(octets / 1e6).toFixed(1)} MB` : `${(octets / 1e9).toFixed(2)} GB`;
}
