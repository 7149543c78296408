// @ts-check
/**
 * The figures of the datapath as an SVG: what crosses a stream against its ceiling, and what ciphers do alone. Bars and labels
 * need no library: a hundred lines of text against some hundred kilobytes of a dependency.
 *
 * @module
 */

/** @typedef {{ name: string, runtime: string, value: number, unit: string, ratio?: number }} Row */

/** A bar; `limit` is drawn as a frame around it, `mark` as a line across it. */
/** @typedef {{ label: string, value: number, limit?: number, mark?: number, note: string, color: string }} Bar */

/** @typedef {{ title: string, legend: string, groups: { title: string, bars: Bar[] }[] }} Chart */

const WIDTH = 960;
const LABEL_WIDTH = 90;
const NOTE_WIDTH = 190;
const BAR_HEIGHT = 15;
const COLORS = { datapath: "#2b6cb0", seal: "#2f855a", open: "#805ad5", limit: "#a0aec0", mark: "#c53030" };

/** An SVG document of the rows that it knows; null when there are none. */
export function plot(/** @type {readonly Row[]} */ rows) {
  const charts = [datapathChart(rows), cipherChart(rows)].filter(({ groups }) => groups.length > 0);
  if (charts.length === 0) return null;
  /** @type {string[]} */
  const parts = [];
  let y = 34;
  parts.push(text(16, y, "iketcp: ESP through TCP (RFC 9329), Gbit/s of packets", "title"));
  for (const chart of charts) y = drawChart(chart, y + 34, parts);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y + 16}" viewBox="0 0 ${WIDTH} ${
      y + 16
    }">`,
    "<style>text{font:12px sans-serif;fill:#1a202c}.title{font-size:17px;font-weight:bold}" +
    ".chart{font-size:14px;font-weight:bold}.group{font-weight:bold}.small{fill:#4a5568}</style>",
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}

/** Encrypt to decrypt, by provider and size; the frame is the plain loop: the bare cipher and the raw socket. */
function datapathChart(/** @type {readonly Row[]} */ rows) {
  /** @type {Map<string, Bar[]>} */
  const groups = new Map();
  for (const { name, runtime, value, unit, ratio } of rows) {
    const match = /^datapath\/stages, (\d+) B, ([^,]+)$/.exec(name);
    if (match === null || unit !== "Gbit/s") continue;
    const limit = rows.find((other) =>
      other.runtime === runtime && other.name === name.replace("stages", "plain loop")
    );
    add(groups, `${runtime}, ${match[2]}`, {
      label: `${match[1]} B`,
      value,
      limit: limit?.value,
      note: ratio === undefined
        ? figure(value)
        : `${figure(value)}, ${Math.round(ratio * 100)} % of the ceiling`,
      color: COLORS.datapath,
    });
  }
  return {
    title: "Encrypt, frame, loopback TCP, deframe, decrypt: AES-256-GCM, two processes",
    legend:
      "Bar: what crosses. Frame: the ceiling, which is the bare cipher and the raw socket in a plain loop.",
    groups: [...groups].map(([title, bars]) => ({ title, bars })),
  };
}

/** Sealing and opening alone; the line is `openssl speed`, a C program on one core. */
function cipherChart(/** @type {readonly Row[]} */ rows) {
  /** @type {Map<string, Bar[]>} */
  const groups = new Map();
  for (const { name, runtime, value } of rows) {
    const match = /^crypto\/(seal|open) aes256gcm16, (\d+) B, ([^,]+), rate$/.exec(name);
    if (match === null) continue;
    const speed = rows.find((other) =>
      other.runtime === runtime && other.name === `crypto/openssl speed aes256gcm16, ${match[2]} B`
    );
    add(groups, `${runtime}, ${match[3]}`, {
      label: `${match[1]} ${match[2]} B`,
      value,
      mark: speed?.value,
      note: figure(value),
      color: match[1] === "seal" ? COLORS.seal : COLORS.open,
    });
  }
  return {
    title: "AES-256-GCM alone: sealing and opening in place",
    legend: "Line: openssl speed of the same size on this machine.",
    groups: [...groups].map(([title, bars]) => ({ title, bars })),
  };
}

/** @param {Map<string, Bar[]>} groups @param {string} title @param {Bar} bar */
function add(groups, title, bar) {
  const bars = groups.get(title);
  if (bars === undefined) groups.set(title, [bar]);
  else bars.push(bar);
}

/** @param {Chart} chart @param {number} top @param {string[]} parts */
function drawChart({ title, legend, groups }, top, parts) {
  const most = Math.max(
    ...groups.flatMap(({ bars }) => bars.flatMap(({ value, limit = 0, mark = 0 }) => [value, limit, mark])),
  );
  const left = 16 + LABEL_WIDTH;
  const scale = (WIDTH - left - NOTE_WIDTH) / most;
  let y = top;
  parts.push(text(16, y, title, "chart"), text(16, y + 18, legend, "small"));
  y += 28;
  for (const group of groups) {
    y += 22;
    parts.push(text(16, y, group.title, "group"));
    y += 6;
    for (const { label, value, limit, mark, note, color } of group.bars) {
      parts.push(text(16, y + BAR_HEIGHT - 3, label, "small"));
      parts.push(rect(left, y, value * scale, `fill="${color}"`));
      if (limit !== undefined) {
        parts.push(rect(left, y, limit * scale, `fill="none" stroke="${COLORS.limit}" stroke-width="1.5"`));
      }
      if (mark !== undefined) {
        const x = round(left + mark * scale);
        parts.push(
          `<line x1="${x}" x2="${x}" y1="${y - 1}" y2="${
            y + BAR_HEIGHT + 1
          }" stroke="${COLORS.mark}" stroke-width="2"/>`,
        );
      }
      const end = left + Math.max(value, limit ?? 0, mark ?? 0) * scale;
      parts.push(text(round(end + 6), y + BAR_HEIGHT - 3, note, "small"));
      y += BAR_HEIGHT + 4;
    }
  }
  return y;
}

/** @param {number} x @param {number} y @param {number} width @param {string} style */
function rect(x, y, width, style) {
  return `<rect x="${round(x)}" y="${y}" width="${
    round(Math.max(1, width))
  }" height="${BAR_HEIGHT}" ${style}/>`;
}

/** @param {number} x @param {number} y @param {string} content @param {string} kind */
function text(x, y, content, kind) {
  const escaped = content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return `<text x="${x}" y="${y}" class="${kind}">${escaped}</text>`;
}

function figure(/** @type {number} */ value) {
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function round(/** @type {number} */ value) {
  return Math.round(value * 10) / 10;
}
