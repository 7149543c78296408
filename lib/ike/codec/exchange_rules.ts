/**
 * Which payloads each exchange holds, as data (RFC 7296, sections 1.2 to 1.4 and appendix C; RFC 9242, section 3.2). A
 * message must have one of its exchange's forms. To add an exchange, add its row.
 *
 * The notation of a form: names as in the RFC, `[KE]` for at most one, `CERT*` for any number, else exactly one. N, V and
 * payloads of unknown type may always come, and so may payloads in any order: "there are no requirements on the order in
 * which payloads are sent", section 2.5.
 */

import { IkeError } from "../../errors.ts";
import { EXCHANGE, exchangeName } from "./exchange_types.ts";
import type { IkeMessage } from "./message.ts";
import { NOTIFY, notifyName } from "./notify_types.ts";
import { payloadName } from "./payload_types.ts";
import type { NotifyPayload } from "./payloads/notify.ts";
import { PROTOCOL } from "./payloads/sa.ts";
import type { Payload, PayloadKind } from "./registry.ts";

/** The payloads of an exchange. */
export interface ExchangeRule {
  /** Whether they are inside SK. */
  readonly protected: boolean;
  /** Forms of the request. */
  readonly request: readonly string[];
  /** Forms of the response. */
  readonly response: readonly string[];
  /**
   * Notify types whose presence makes a response whole without any other payload, besides all error types: the exchange
   * did not get what it was for, or has to begin again.
   */
  readonly sufficient: readonly number[];
}

/** The rules by exchange type. */
export const EXCHANGE_RULES: Readonly<Record<number, ExchangeRule>> = {
  // IKE_SA_INIT: section 1.2, appendix C.1
  34: {
    protected: false,
    request: ["SA KE Nonce CERTREQ*"],
    response: ["SA KE Nonce CERTREQ*"],
    sufficient: [NOTIFY.cookie, NOTIFY.redirect],
  },
  // IKE_AUTH: section 1.2, appendices C.2 and C.3; without a child RFC 6023
  35: {
    protected: true,
    request: [
      "IDi CERT* CERTREQ* [IDr] [AUTH] [CP] SA TSi TSr",
      "IDi CERT* CERTREQ* [IDr] [AUTH] [CP]",
      "EAP",
      "AUTH",
    ],
    response: [
      "IDr CERT* AUTH [CP] SA TSi TSr",
      "IDr CERT* AUTH [CP]",
      "IDr CERT* [AUTH] EAP",
      "EAP",
      "AUTH [CP] SA TSi TSr",
      "AUTH [CP]",
    ],
    sufficient: [NOTIFY.redirect],
  },
  // CREATE_CHILD_SA: sections 1.3.1 to 1.3.3, appendices C.4 and C.5
  36: {
    protected: true,
    request: ["SA Nonce [KE] [CP] TSi TSr", "SA Nonce KE"],
    response: ["SA Nonce [KE] [CP] TSi TSr", "SA Nonce KE"],
    sufficient: [],
  },
  // INFORMATIONAL: section 1.4, appendix C.6
  37: { protected: true, request: ["D* [CP]"], response: ["D* [CP]"], sufficient: [] },
  // IKE_INTERMEDIATE: RFC 9242, section 3.2; RFC 9370, section 2.2.2
  43: { protected: true, request: ["[KE]"], response: ["[KE]"], sufficient: [] },
};

/**
 * Checks what can be seen of a message before it is opened: SPIs and message ID of IKE_SA_INIT, and that payloads come
 * inside SK or SKF, alone, where the exchange asks for it. INFORMATIONAL may also hold a lone notify in the clear, about a
 * message that no SA was found for (section 1.5). Throws an `IkeError`.
 */
export function checkOuterPayloads(message: IkeMessage): void {
  const rule = ruleOf(message);
  if (message.spiI.every((octet) => octet === 0)) {
    refuse(message, "an initiator's SPI", "zeros", {});
  }
  if (message.exchangeType === EXCHANGE.ikeSaInit) {
    // Section 2.2: IDs begin with 0. Section 3.1: the responder has no SPI yet when it is asked for one.
    if (message.messageId !== 0) refuse(message, "message ID 0", String(message.messageId), {});
    if (!message.response && message.spiR.some((octet) => octet !== 0)) {
      refuse(message, "zeros as the responder's SPI", "an SPI", {});
    }
  }
  if (!rule.protected) return;
  const [first, second] = message.payloads;
  const sealed = first?.kind === "SK" || first?.kind === "SKF";
  if (sealed && second === undefined) return;
  const lone = message.exchangeType === EXCHANGE.informational && message.payloads.length > 0 &&
    message.payloads.every(({ kind }) => kind === "N" || kind === "V");
  if (!lone) refuse(message, "SK or SKF alone", listOf(message.payloads), {});
}

/**
 * Checks the payloads of a message against its exchange: those of IKE_SA_INIT, or of any other exchange what was inside SK.
 * Throws an `IkeError` that says which form was expected, to be answered with INVALID_SYNTAX where it is a request.
 *
 * @example
 * ```ts
 * import { checkExchange, type IkeMessage, notifyPayload } from "iketcp/ike/codec";
 * import { throws } from "node:assert";
 *
 * const message: IkeMessage = {
 *   spiI: new Uint8Array(8).fill(1),
 *   spiR: new Uint8Array(8).fill(2),
 *   exchangeType: 36,
 *   initiator: true,
 *   response: true,
 *   messageId: 7,
 *   payloads: [notifyPayload(43)], // TEMPORARY_FAILURE
 * };
 * checkExchange(message);
 * throws(() => checkExchange({ ...message, response: false }), /expected SA Nonce \[KE\] \[CP\] TSi TSr or/);
 * ```
 */
export function checkExchange(message: IkeMessage): void {
  const rule = ruleOf(message);
  const forms = message.response ? rule.response : rule.request;
  const { payloads } = message;
  for (const payload of payloads) checkMeaning(message, payload);
  if (forms.some((form) => formOf(form).fits(payloads))) return;
  const whole = message.response &&
    payloads.some((payload) =>
      payload.kind === "N" && (payload.type < FIRST_STATUS_TYPE || rule.sufficient.includes(payload.type))
    );
  if (whole && forms.some((form) => formOf(form).admits(payloads))) return;
  refuse(message, forms.join(" or "), listOf(payloads), firstStray(forms, payloads));
}

/** Notify types below are errors (section 3.10.1). */
const FIRST_STATUS_TYPE = 16384;

/** Payloads that belong to any message. */
const ANYWHERE: readonly PayloadKind[] = ["N", "V", "unknown"];

/** A form as numbers. */
class Form {
  readonly #needed: PayloadKind[] = [];
  readonly #most: Map<PayloadKind, number> = new Map(ANYWHERE.map((kind) => [kind, Infinity]));

  constructor(notation: string) {
    for (const word of notation.split(" ")) {
      const kind = word.replace(/[[\]*]/g, "") as PayloadKind;
      if (!/[[*]/.test(word)) this.#needed.push(kind);
      this.#most.set(kind, word.endsWith("*") ? Infinity : 1);
    }
  }

  /** How often a payload may come. */
  most(kind: PayloadKind): number {
    return this.#most.get(kind) ?? 0;
  }

  /** Whether no payload comes that does not belong here, or too often. */
  admits(payloads: readonly Payload[]): boolean {
    for (let i = 0; i < payloads.length; i++) {
      const { kind } = payloads[i]!;
      const most = this.most(kind);
      if (most !== Infinity && countOf(kind, payloads, i + 1) > most) return false;
    }
    return true;
  }

  /** Whether payloads are those of the form, none missing. */
  fits(payloads: readonly Payload[]): boolean {
    for (const kind of this.#needed) if (countOf(kind, payloads) === 0) return false;
    return this.admits(payloads);
  }
}

const formsByNotation: Map<string, Form> = new Map();

function formOf(notation: string): Form {
  let form = formsByNotation.get(notation);
  if (form === undefined) formsByNotation.set(notation, form = new Form(notation));
  return form;
}

/** What no form admits, or not so often, for the error to name. */
function firstStray(forms: readonly string[], payloads: readonly Payload[]): { payload?: string } {
  for (const { kind } of payloads) {
    const count = countOf(kind, payloads);
    if (forms.every((form) => count > formOf(form).most(kind))) return { payload: kind };
  }
  return {};
}

/** How often a payload comes among the first of a message. */
function countOf(kind: PayloadKind, payloads: readonly Payload[], end = payloads.length): number {
  let count = 0;
  for (let i = 0; i < end; i++) if (payloads[i]!.kind === kind) count++;
  return count;
}

/** What one payload means: the sizes of SPIs follow from the protocol (sections 3.10 and 3.11). */
function checkMeaning(message: IkeMessage, payload: Payload): void {
  if (payload.kind === "D") {
    const { protocol, spis } = payload;
    const right = protocol === PROTOCOL.ike ? spis.length === 0 : spis.every(({ length }) => length === 4);
    if (right && protocol >= 1 && protocol <= 3) return;
    const sizes = spis.length === 0 ? "no SPI" : `SPIs of ${spis[0]!.length} octets`;
    refuse(
      message,
      "D for IKE without SPI, or for AH or ESP with SPIs of 4 octets",
      `${sizes} of protocol ${protocol}`,
      {
        payload: "D",
      },
    );
  }
  if (payload.kind === "N") checkNotify(message, payload);
}

/** REKEY_SA says by its SPI which child SA is meant; without one it says nothing (section 1.3.3). */
function checkNotify(message: IkeMessage, { type, protocol, spi }: NotifyPayload): void {
  if (type !== NOTIFY.rekeySa) return;
  if ((protocol === PROTOCOL.ah || protocol === PROTOCOL.esp) && spi.length === 4) return;
  refuse(
    message,
    `N(${notifyName(type)}) with an SPI of 4 octets of AH or ESP`,
    `${spi.length} octets of protocol ${protocol}`,
    { payload: "N" },
  );
}

function ruleOf(message: IkeMessage): ExchangeRule {
  const rule = EXCHANGE_RULES[message.exchangeType];
  if (rule === undefined) {
    refuse(message, "an exchange that is known", exchangeName(message.exchangeType), {});
  }
  return rule;
}

function listOf(payloads: readonly Payload[]): string {
  const names = payloads.map((payload) =>
    payload.kind === "unknown" ? payloadName(payload.type) : payload.kind
  );
  if (names.length === 0) return "none";
  const shown = names.slice(0, MAX_LISTED).join(" ");
  return names.length > MAX_LISTED ? `${shown} and ${names.length - MAX_LISTED} more` : shown;
}

/** The most payloads that a message of an error lists. */
const MAX_LISTED = 16;

function refuse(message: IkeMessage, expected: string, got: string, details: { payload?: string }): never {
  const { exchangeType, response, messageId } = message;
  const what = `${exchangeName(exchangeType)} ${response ? "response" : "request"} ${messageId}`;
  throw new IkeError("ERR_IKE_EXCHANGE", `Cannot accept ${what}: expected ${expected}, got ${got}`, {
    ...details,
    notify: NOTIFY.invalidSyntax,
  });
}
