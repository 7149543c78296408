/** Every payload that is known, by its notation. The compiler names what is missing here when a payload joins the union. */

import type { ByteWriter } from "../../bytes/mod.ts";
import type { PayloadCodec } from "./payload_codec.ts";
import { AUTH_CODEC, type AuthPayload } from "./payloads/auth.ts";
import { CERT_CODEC, type CertPayload } from "./payloads/cert.ts";
import { CERTREQ_CODEC, type CertreqPayload } from "./payloads/certreq.ts";
import { CP_CODEC, type CpPayload } from "./payloads/cp.ts";
import { DELETE_CODEC, type DeletePayload } from "./payloads/delete.ts";
import { EAP_CODEC, type EapPayload } from "./payloads/eap.ts";
import { IDI_CODEC, type IdPayload, IDR_CODEC } from "./payloads/id.ts";
import { KE_CODEC, type KePayload } from "./payloads/ke.ts";
import { NONCE_CODEC, type NoncePayload } from "./payloads/nonce.ts";
import { NOTIFY_CODEC, type NotifyPayload } from "./payloads/notify.ts";
import { SA_CODEC, type SaPayload } from "./payloads/sa.ts";
import { SK_CODEC, type SkPayload } from "./payloads/sk.ts";
import { SKF_CODEC, type SkfPayload } from "./payloads/skf.ts";
import { TSI_CODEC, type TsPayload, TSR_CODEC } from "./payloads/ts.ts";
import { emitUnknown, type UnknownPayload } from "./payloads/unknown.ts";
import { VENDOR_ID_CODEC, type VendorIdPayload } from "./payloads/vendor_id.ts";

/** The payloads that are known. */
export type KnownPayload =
  | SaPayload
  | KePayload
  | IdPayload<"IDi">
  | IdPayload<"IDr">
  | CertPayload
  | CertreqPayload
  | AuthPayload
  | NoncePayload
  | NotifyPayload
  | DeletePayload
  | VendorIdPayload
  | TsPayload<"TSi">
  | TsPayload<"TSr">
  | CpPayload
  | EapPayload
  | SkPayload
  | SkfPayload;

/** Any payload. Octets are views into the message that it was read from. */
export type Payload = KnownPayload | UnknownPayload;

/** Notation of a payload, or `unknown`. */
export type PayloadKind = Payload["kind"];

/** The payload of a notation. */
export type PayloadOf<Kind extends PayloadKind> = Extract<Payload, { kind: Kind }>;

/** How each payload is read and written. To add one: its file, its type in the union above, its line here. */
export const PAYLOAD_CODECS: {
  readonly [Kind in KnownPayload["kind"]]: PayloadCodec<Extract<KnownPayload, { kind: Kind }>>;
} = {
  SA: SA_CODEC,
  KE: KE_CODEC,
  IDi: IDI_CODEC,
  IDr: IDR_CODEC,
  CERT: CERT_CODEC,
  CERTREQ: CERTREQ_CODEC,
  AUTH: AUTH_CODEC,
  Nonce: NONCE_CODEC,
  N: NOTIFY_CODEC,
  D: DELETE_CODEC,
  V: VENDOR_ID_CODEC,
  TSi: TSI_CODEC,
  TSr: TSR_CODEC,
  SK: SK_CODEC,
  CP: CP_CODEC,
  EAP: EAP_CODEC,
  SKF: SKF_CODEC,
};

const codecByType: ReadonlyMap<number, PayloadCodec<KnownPayload>> = new Map(
  Object.values(PAYLOAD_CODECS).map((codec) => [codec.type, codec as PayloadCodec<KnownPayload>]),
);

/** How the payload of a type is read; undefined for a type that is not known. */
export function payloadCodec(type: number): PayloadCodec<KnownPayload> | undefined {
  return codecByType.get(type);
}

/** The type of a payload. */
export function payloadType(payload: Payload): number {
  return payload.kind === "unknown" ? payload.type : PAYLOAD_CODECS[payload.kind].type;
}

/** Octets of a payload's body. */
export function payloadBodySize(payload: Payload): number {
  if (payload.kind === "unknown") return payload.data.length;
  return (PAYLOAD_CODECS[payload.kind] as PayloadCodec<KnownPayload>).size(payload);
}

/** Writes a payload's body. */
export function emitPayloadBody(payload: Payload, writer: ByteWriter): void {
  if (payload.kind === "unknown") emitUnknown(payload, writer);
  else (PAYLOAD_CODECS[payload.kind] as PayloadCodec<KnownPayload>).emit(payload, writer);
}
