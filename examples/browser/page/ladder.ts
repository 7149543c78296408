/// <reference lib="dom" />
/** The sequence diagram: a row for each IKE message, in the notation of RFC 7296, and for each packet that is worth one. */

import type { IkeEvent, MessageLogged } from "iketcp/ike";
import { byId, element } from "./elements.ts";
import type { PacketLine } from "./pings.ts";

/** Rows that stay; the oldest goes. */
const MAX_ROWS = 400;

/** The diagram. */
export class Ladder {
  readonly #list: HTMLElement = byId("messages", HTMLOListElement);
  readonly #count: HTMLElement = byId("message-count", HTMLElement);
  #messages = 0;
  #began = performance.now();

  /** Begins anew. */
  clear(): void {
    this.#list.replaceChildren();
    this.#messages = 0;
    this.#count.textContent = "0";
    this.#began = performance.now();
  }

  /** Shows messages. */
  handleEvent(event: IkeEvent): void {
    if (event.type !== "message") return;
    this.#count.textContent = String(++this.#messages);
    this.#add({ direction: event.direction, length: event.length, ...readLine(event) });
  }

  /** Shows a packet of a child SA. */
  addPacket({ direction, text, length }: PacketLine): void {
    this.#add({ direction, exchange: "ESP", body: text, length });
  }

  #add(row: { direction: "sent" | "received"; exchange: string; body: string; length: number }): void {
    const { direction, exchange, body, length } = row;
    const seconds = ((performance.now() - this.#began) / 1000).toFixed(3);
    const item = element(
      "li",
      "",
      element("time", "", `${seconds} s`),
      element(
        "div",
        "lane",
        element("span", "hidden", `${direction}: `),
        element("strong", "", exchange),
        " ",
        element("code", "", body.replace(/ }$/, "\u00a0}")),
      ),
      element("span", "octets", `${length} B`),
    );
    item.dataset["exchange"] = exchange;
    item.dataset["direction"] = direction;
    this.#list.append(item);
    if (this.#list.childElementCount > MAX_ROWS) this.#list.firstElementChild!.remove();
  }
}

/** The engine's line without its arrow, which the diagram draws; what is encrypted is in SK { } (RFC 7296, section 3.14). */
function readLine({ line, ikeSa }: MessageLogged): { readonly exchange: string; readonly body: string } {
  const [, exchange = line, body = ""] = /^(?:<-- )?(\S+) (.*?)(?: -->)?$/.exec(line) ?? [];
  const sealed = ikeSa !== undefined && exchange !== "IKE_SA_INIT" && body.startsWith("{");
  return { exchange, body: sealed ? `SK ${body}` : body };
}
