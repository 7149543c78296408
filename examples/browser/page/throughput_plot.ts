/// <reference lib="dom" />
/** Throughput of the last half minute, drawn by uPlot. */

import uPlot from "uplot";

/** Seconds on the axis. */
const SPAN = 30;

/** The least that the axis of rates reaches to, in Mbit/s. */
const LEAST_RATE = 1;

/** Pixels below which the axis of times has half as many numbers. */
const NARROW = 420;

/** The plot. */
export class ThroughputPlot {
  readonly #times: number[] = [];
  readonly #sent: number[] = [];
  readonly #received: number[] = [];
  readonly #plot: uPlot;

  /** Fills an element, also when its size changes. */
  constructor(place: HTMLElement) {
    this.#plot = new uPlot(optionsFor(place), this.#data(), place);
    new ResizeObserver(() => this.#plot.setSize(sizeOf(place))).observe(place);
    // Colours are asked for whenever it is drawn.
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#plot.redraw());
  }

  /** A sample: milliseconds, and Mbit/s. */
  add(at: number, sent: number, received: number): void {
    this.#times.push(at / 1000);
    this.#sent.push(sent);
    this.#received.push(received);
    while (this.#times[0]! < at / 1000 - SPAN - 1) {
      this.#times.shift();
      this.#sent.shift();
      this.#received.shift();
    }
    this.#plot.setData(this.#data());
  }

  #data(): uPlot.AlignedData {
    return [this.#times, this.#sent, this.#received];
  }
}

function optionsFor(place: HTMLElement): uPlot.Options {
  const color = (name: string) => () => getComputedStyle(place).getPropertyValue(name);
  const font = `11px ${getComputedStyle(place).fontFamily}`;
  const axis = {
    stroke: color("--muted"),
    font,
    grid: { stroke: color("--line"), width: 1 },
    ticks: { stroke: color("--line"), width: 1 },
  };
  return {
    ...sizeOf(place),
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 16, 0, 0],
    scales: {
      x: { time: false, range: (_plot, _least, last) => [(last ?? 0) - SPAN, last ?? 0] },
      y: { range: (_plot, _least, most) => [0, Math.max(LEAST_RATE, (most ?? 0) * 1.1)] },
    },
    axes: [
      {
        ...axis,
        size: 30,
        // Whole seconds before now, as many as there is room for.
        splits: (plot) =>
          (plot.width < NARROW ? [30, 20, 10, 0] : [30, 25, 20, 15, 10, 5, 0])
            .map((before) => (plot.scales["x"]!.max ?? 0) - before),
        values: (plot, splits) =>
          splits.map((at) => {
            const before = Math.round((plot.scales["x"]!.max ?? 0) - at);
            return before === 0 ? "now" : `−${before} s`;
          }),
      },
      { ...axis, size: 46, values: (_plot, splits) => splits.map((rate) => rate.toLocaleString("en")) },
    ],
    series: [
      {},
      { label: "sent", stroke: color("--sent"), width: 2, points: { show: false } },
      { label: "received", stroke: color("--received"), width: 2, dash: [6, 4], points: { show: false } },
    ],
  };
}

function sizeOf(place: HTMLElement): { width: number; height: number } {
  return { width: Math.max(200, place.clientWidth), height: Math.max(100, place.clientHeight) };
}
