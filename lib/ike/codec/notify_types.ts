/** Notify message types: "IKEv2 Notify Message Error Types" and "Status Types" of IANA. */

/** Names of the notifications by number: errors below 16384, status from there on. */
export const NOTIFY_TYPES: Readonly<Record<number, string>> = {
  1: "UNSUPPORTED_CRITICAL_PAYLOAD", // RFC 7296
  4: "INVALID_IKE_SPI",
  5: "INVALID_MAJOR_VERSION",
  7: "INVALID_SYNTAX",
  9: "INVALID_MESSAGE_ID",
  11: "INVALID_SPI",
  14: "NO_PROPOSAL_CHOSEN",
  17: "INVALID_KE_PAYLOAD",
  24: "AUTHENTICATION_FAILED",
  34: "SINGLE_PAIR_REQUIRED",
  35: "NO_ADDITIONAL_SAS",
  36: "INTERNAL_ADDRESS_FAILURE",
  37: "FAILED_CP_REQUIRED",
  38: "TS_UNACCEPTABLE",
  39: "INVALID_SELECTORS",
  40: "UNACCEPTABLE_ADDRESSES", // RFC 4555
  41: "UNEXPECTED_NAT_DETECTED",
  42: "USE_ASSIGNED_HoA", // RFC 5026
  43: "TEMPORARY_FAILURE", // RFC 7296
  44: "CHILD_SA_NOT_FOUND",
  45: "INVALID_GROUP_ID", // RFC 9838
  46: "AUTHORIZATION_FAILED",
  47: "STATE_NOT_FOUND", // RFC 9370
  48: "TS_MAX_QUEUE", // RFC 9611
  16384: "INITIAL_CONTACT", // RFC 7296
  16385: "SET_WINDOW_SIZE",
  16386: "ADDITIONAL_TS_POSSIBLE",
  16387: "IPCOMP_SUPPORTED",
  16388: "NAT_DETECTION_SOURCE_IP",
  16389: "NAT_DETECTION_DESTINATION_IP",
  16390: "COOKIE",
  16391: "USE_TRANSPORT_MODE",
  16392: "HTTP_CERT_LOOKUP_SUPPORTED",
  16393: "REKEY_SA",
  16394: "ESP_TFC_PADDING_NOT_SUPPORTED",
  16395: "NON_FIRST_FRAGMENTS_ALSO",
  16396: "MOBIKE_SUPPORTED", // RFC 4555
  16397: "ADDITIONAL_IP4_ADDRESS",
  16398: "ADDITIONAL_IP6_ADDRESS",
  16399: "NO_ADDITIONAL_ADDRESSES",
  16400: "UPDATE_SA_ADDRESSES",
  16401: "COOKIE2",
  16402: "NO_NATS_ALLOWED",
  16403: "AUTH_LIFETIME", // RFC 4478
  16404: "MULTIPLE_AUTH_SUPPORTED", // RFC 4739
  16405: "ANOTHER_AUTH_FOLLOWS",
  16406: "REDIRECT_SUPPORTED", // RFC 5685
  16407: "REDIRECT",
  16408: "REDIRECTED_FROM",
  16409: "TICKET_LT_OPAQUE", // RFC 5723
  16410: "TICKET_REQUEST",
  16411: "TICKET_ACK",
  16412: "TICKET_NACK",
  16413: "TICKET_OPAQUE",
  16414: "LINK_ID", // RFC 5739
  16415: "USE_WESP_MODE", // RFC 5840
  16416: "ROHC_SUPPORTED", // RFC 5857
  16417: "EAP_ONLY_AUTHENTICATION", // RFC 5998
  16418: "CHILDLESS_IKEV2_SUPPORTED", // RFC 6023
  16419: "QUICK_CRASH_DETECTION", // RFC 6290
  16420: "IKEV2_MESSAGE_ID_SYNC_SUPPORTED", // RFC 6311
  16421: "IPSEC_REPLAY_COUNTER_SYNC_SUPPORTED",
  16422: "IKEV2_MESSAGE_ID_SYNC",
  16423: "IPSEC_REPLAY_COUNTER_SYNC",
  16424: "SECURE_PASSWORD_METHODS", // RFC 6467
  16425: "PSK_PERSIST", // RFC 6631
  16426: "PSK_CONFIRM",
  16427: "ERX_SUPPORTED", // RFC 6867
  16428: "IFOM_CAPABILITY",
  16430: "IKEV2_FRAGMENTATION_SUPPORTED", // RFC 7383
  16431: "SIGNATURE_HASH_ALGORITHMS", // RFC 7427
  16432: "CLONE_IKE_SA_SUPPORTED", // RFC 7791
  16433: "CLONE_IKE_SA",
  16434: "PUZZLE", // RFC 8019
  16435: "USE_PPK", // RFC 8784
  16436: "PPK_IDENTITY",
  16437: "NO_PPK_AUTH",
  16438: "INTERMEDIATE_EXCHANGE_SUPPORTED", // RFC 9242
  16439: "IP4_ALLOWED", // RFC 8983
  16440: "IP6_ALLOWED",
  16441: "ADDITIONAL_KEY_EXCHANGE", // RFC 9370
  16442: "USE_AGGFRAG", // RFC 9347
  16443: "SUPPORTED_AUTH_METHODS", // RFC 9593
  16444: "SA_RESOURCE_INFO", // RFC 9611
  16445: "USE_PPK_INT", // RFC 9867
  16446: "PPK_IDENTITY_KEY",
};

/** Octets of notification data: fewest and most. `even` where it is a list of 16-bit numbers. */
export interface NotifyDataSize {
  /** The fewest octets. */
  readonly least: number;
  /** The most octets. */
  readonly most: number;
  /** Whether there must be an even number of them. */
  readonly even?: boolean;
}

/** Sizes of notification data where the RFC fixes them. Any other size is INVALID_SYNTAX, so that nobody reads what is not there. */
export const NOTIFY_DATA_SIZES: Readonly<Record<number, NotifyDataSize>> = {
  1: exactly(1), // UNSUPPORTED_CRITICAL_PAYLOAD: RFC 7296, section 3.10.1
  9: exactly(4), // INVALID_MESSAGE_ID
  17: exactly(2), // INVALID_KE_PAYLOAD
  16385: exactly(4), // SET_WINDOW_SIZE
  16387: exactly(3), // IPCOMP_SUPPORTED
  16388: exactly(20), // NAT_DETECTION_SOURCE_IP: a SHA-1 digest, section 2.23
  16389: exactly(20),
  16390: { least: 1, most: 64 }, // COOKIE: section 2.6
  16397: exactly(4), // ADDITIONAL_IP4_ADDRESS: RFC 4555, section 4.2
  16398: exactly(16),
  16401: { least: 8, most: 64 }, // COOKIE2
  16403: exactly(4), // AUTH_LIFETIME: RFC 4478
  16431: { least: 2, most: 0xffff, even: true }, // SIGNATURE_HASH_ALGORITHMS: RFC 7427, section 4
};

/** Numbers of the notifications that the rooms act on. */
export const NOTIFY: Readonly<Record<NotifyKey, number>> = {
  unsupportedCriticalPayload: 1,
  invalidIkeSpi: 4,
  invalidMajorVersion: 5,
  invalidSyntax: 7,
  invalidMessageId: 9,
  invalidSpi: 11,
  noProposalChosen: 14,
  invalidKePayload: 17,
  authenticationFailed: 24,
  singlePairRequired: 34,
  noAdditionalSas: 35,
  internalAddressFailure: 36,
  failedCpRequired: 37,
  tsUnacceptable: 38,
  invalidSelectors: 39,
  unacceptableAddresses: 40,
  unexpectedNatDetected: 41,
  temporaryFailure: 43,
  childSaNotFound: 44,
  initialContact: 16384,
  setWindowSize: 16385,
  additionalTsPossible: 16386,
  ipcompSupported: 16387,
  natDetectionSourceIp: 16388,
  natDetectionDestinationIp: 16389,
  cookie: 16390,
  useTransportMode: 16391,
  httpCertLookupSupported: 16392,
  rekeySa: 16393,
  espTfcPaddingNotSupported: 16394,
  nonFirstFragmentsAlso: 16395,
  mobikeSupported: 16396,
  additionalIp4Address: 16397,
  additionalIp6Address: 16398,
  noAdditionalAddresses: 16399,
  updateSaAddresses: 16400,
  cookie2: 16401,
  noNatsAllowed: 16402,
  authLifetime: 16403,
  redirectSupported: 16406,
  redirect: 16407,
  eapOnlyAuthentication: 16417,
  childlessIkev2Supported: 16418,
  fragmentationSupported: 16430,
  signatureHashAlgorithms: 16431,
};

/** Keys of {@linkcode NOTIFY}. */
export type NotifyKey =
  | "unsupportedCriticalPayload"
  | "invalidIkeSpi"
  | "invalidMajorVersion"
  | "invalidSyntax"
  | "invalidMessageId"
  | "invalidSpi"
  | "noProposalChosen"
  | "invalidKePayload"
  | "authenticationFailed"
  | "singlePairRequired"
  | "noAdditionalSas"
  | "internalAddressFailure"
  | "failedCpRequired"
  | "tsUnacceptable"
  | "invalidSelectors"
  | "unacceptableAddresses"
  | "unexpectedNatDetected"
  | "temporaryFailure"
  | "childSaNotFound"
  | "initialContact"
  | "setWindowSize"
  | "additionalTsPossible"
  | "ipcompSupported"
  | "natDetectionSourceIp"
  | "natDetectionDestinationIp"
  | "cookie"
  | "useTransportMode"
  | "httpCertLookupSupported"
  | "rekeySa"
  | "espTfcPaddingNotSupported"
  | "nonFirstFragmentsAlso"
  | "mobikeSupported"
  | "additionalIp4Address"
  | "additionalIp6Address"
  | "noAdditionalAddresses"
  | "updateSaAddresses"
  | "cookie2"
  | "noNatsAllowed"
  | "authLifetime"
  | "redirectSupported"
  | "redirect"
  | "eapOnlyAuthentication"
  | "childlessIkev2Supported"
  | "fragmentationSupported"
  | "signatureHashAlgorithms";

function exactly(size: number): NotifyDataSize {
  return { least: size, most: size };
}

/** The name of a notification; its number for one without. */
export function notifyName(type: number): string {
  return NOTIFY_TYPES[type] ?? String(type);
}
