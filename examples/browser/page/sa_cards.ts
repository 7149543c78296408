/// <reference lib="dom" />
/** What SAs there are, as the engine's events tell: SPIs, suites, selectors, ages, and how often they were renewed. */

import {
  type ChildSaData,
  type ChildSaId,
  formatSelector,
  type IkeEvent,
  type IkeSaEstablished,
  type IkeSaId,
} from "iketcp/ike";
import { formatIpAddress } from "iketcp/tunnel";
import { byId, element } from "./elements.ts";

/** An SA on the page. */
interface Card {
  readonly root: HTMLElement;
  readonly age: HTMLElement;
  readonly began: number;
}

/** Milliseconds after which each kind is renewed at the latest: see `configurationOf`. */
const REKEY = { ike: 4 * 3_600_000, child: 3_600_000 } as const;

/** The cards. */
export class SaCards {
  readonly #place: HTMLElement = byId("sas", HTMLElement);
  readonly #count: HTMLElement = byId("rekey-count", HTMLElement);
  readonly #ikeSas: Map<IkeSaId, Card> = new Map();
  readonly #children: Map<ChildSaId, Card> = new Map();
  #renewed = 0;

  /** Ages grow. */
  constructor() {
    setInterval(() => this.#tick(), 1000);
  }

  /** There is none any more. */
  clear(): void {
    this.#ikeSas.clear();
    this.#children.clear();
    this.#place.replaceChildren();
    this.#renewed = 0;
    this.#count.textContent = "0";
  }

  /** Follows the engine. */
  handleEvent(event: IkeEvent): void {
    switch (event.type) {
      case "ike_sa_established":
        this.#ikeSas.set(event.ikeSa, this.#add("ike", "IKE SA", ikeRows(event), event.replaces));
        break;
      case "ike_sa_deleted":
        remove(this.#ikeSas, event.ikeSa);
        break;
      case "child_sa_installed": {
        const { childSa, replaces } = event;
        this.#children.set(
          childSa.child,
          this.#add("child", `Child SA ${childSa.name}`, childRows(childSa), replaces),
        );
        break;
      }
      case "child_sa_deleted":
        remove(this.#children, event.child);
    }
    this.#tick();
  }

  #add(
    kind: keyof typeof REKEY,
    title: string,
    rows: readonly (readonly [string, string])[],
    replaces: number | undefined,
  ): Card {
    if (replaces !== undefined) this.#count.textContent = String(++this.#renewed);
    const age = element("dd", "");
    const list = element("dl", "");
    for (const [term, text] of rows) list.append(element("dt", "", term), element("dd", "", text));
    list.append(element("dt", "", "rekey"), age);
    const heading = element("h3", "", title);
    heading.append(element("small", "", replaces === undefined ? "first" : "renewed"));
    const root = element("article", "", heading, list);
    root.dataset["kind"] = kind;
    // IKE SAs first, each kind in the order in which they came.
    if (kind === "ike") this.#place.insertBefore(root, this.#place.querySelector("[data-kind=child]"));
    else this.#place.append(root);
    return { root, age, began: performance.now() };
  }

  #tick(): void {
    for (const [cards, limit] of [[this.#ikeSas, REKEY.ike], [this.#children, REKEY.child]] as const) {
      for (const { age, began } of cards.values()) {
        age.textContent = `within ${formatTime(limit - (performance.now() - began))}`;
      }
    }
  }
}

function remove<K>(cards: Map<K, Card>, key: K): void {
  cards.get(key)?.root.remove();
  cards.delete(key);
}

function ikeRows(event: IkeSaEstablished): (readonly [string, string])[] {
  const { spiI, spiR, suite, localId, remoteId, configuration } = event;
  return [
    ["SPIi", spiI],
    ["SPIr", spiR],
    ["suite", suite],
    ["peers", `${localId} – ${remoteId}`],
    ...configuration.addresses.map((address) => ["virtual IP", formatIpAddress(address)] as const),
  ];
}

function childRows(child: ChildSaData): (readonly [string, string])[] {
  const { inbound, outbound, encryption, integrity, esn, mode, local, remote } = child;
  return [
    ["SPI in", formatSpi(inbound.spi)],
    ["SPI out", formatSpi(outbound.spi)],
    ["suite", [encryption.keyword, ...(integrity === null ? [] : [integrity.keyword])].join("-")],
    ["local", local.map(formatSelector).join(", ")],
    ["remote", remote.map(formatSelector).join(", ")],
    ["mode", `${mode}, ${esn ? 64 : 32}-bit sequence numbers`],
  ];
}

function formatSpi(spi: number): string {
  return spi.toString(16).padStart(8, "0");
}

/** `3 h 59 min`, `12 min 05 s`. */
function formatTime(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  const minutes = Math.floor(seconds / 60);
  if (minutes >= 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${minutes} min ${String(seconds % 60).padStart(2, "0")} s`;
}
