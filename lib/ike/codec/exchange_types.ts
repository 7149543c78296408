/** Exchange types: "IKEv2 Exchange Types" of IANA, and those of IKEv1 (RFC 2408 and 2409). */

/** Numbers of the IKEv2 exchanges that the rooms act on. */
export const EXCHANGE: Readonly<
  Record<"ikeSaInit" | "ikeAuth" | "createChildSa" | "informational" | "ikeIntermediate", number>
> = { ikeSaInit: 34, ikeAuth: 35, createChildSa: 36, informational: 37, ikeIntermediate: 43 };

/** Names of the IKEv2 exchanges by number. */
export const EXCHANGE_TYPES: Readonly<Record<number, string>> = {
  34: "IKE_SA_INIT", // RFC 7296
  35: "IKE_AUTH",
  36: "CREATE_CHILD_SA",
  37: "INFORMATIONAL",
  38: "IKE_SESSION_RESUME", // RFC 5723
  39: "GSA_AUTH", // RFC 9838
  40: "GSA_REGISTRATION",
  41: "GSA_REKEY",
  43: "IKE_INTERMEDIATE", // RFC 9242
  44: "IKE_FOLLOWUP_KE", // RFC 9370
};

/** Names of the IKEv1 exchanges by number. */
export const IKEV1_EXCHANGE_TYPES: Readonly<Record<number, string>> = {
  1: "Base", // RFC 2408
  2: "Main Mode", // RFC 2409's name for the identity protection exchange
  3: "Authentication Only",
  4: "Aggressive Mode",
  5: "Informational",
  6: "Transaction",
  32: "Quick Mode", // RFC 2409
  33: "New Group Mode",
};

/** The name of an exchange; `exchange 99` for one without. */
export function exchangeName(type: number, majorVersion = 2): string {
  const names = majorVersion === 1 ? IKEV1_EXCHANGE_TYPES : EXCHANGE_TYPES;
  return names[type] ?? `exchange ${type}`;
}
