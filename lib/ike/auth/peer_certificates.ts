/** Whose key the peer signs with: the certificates that it sent, or those at hand, checked against the identity that it claims. */

import { type Certificate, sameCertificate } from "./certificate.ts";
import { CERTIFICATE_ENCODING } from "./certificate_encoding.ts";
import { certifies, type ChainLimits, reasonAgainstIdentity, validateChain } from "./chain.ts";
import type { Credentials } from "./credentials.ts";
import { type Crl, parseCrl } from "./crl.ts";
import { formatIdentity } from "./identity.ts";
import type { Revocation } from "./revocation.ts";
import {
  type AuthAnswer,
  type AuthContext,
  type CertificateData,
  failed,
  type FailedAuth,
  type PendingAuth,
} from "./types.ts";

/** What the peer's certificates are held against. */
export interface PeerCertificateOptions {
  /** CERT payloads in their order. */
  readonly received: readonly CertificateData[];
  /** Authorities, intermediates and CRLs at hand. */
  readonly credentials: Credentials;
  /** The only authorities that count (`cacerts`); default: all of the credentials. */
  readonly authorities?: readonly Certificate[];
  /** The only certificates that the peer may have (`certs`): trusted as they are. */
  readonly pinned?: readonly Certificate[];
  /** What happens when the status of a certificate is not known. */
  readonly revocation?: Revocation;
  /** Bounds of the search. */
  readonly limits?: Partial<ChainLimits>;
  /** Lets the outside judge the chain instead (default: false). */
  readonly validateOutside?: boolean;
}

/** The certificate whose key counts. */
export interface CheckedPeer {
  /** It holds. */
  readonly kind: "checked";
  /** The peer's own. */
  readonly certificate: Certificate;
}

/** Certificates and CRLs of one message that are looked at; a chain of eight with a CRL each. */
const MAX_RECEIVED = 16;

/** Elements of a peer's CRL: some 2000 revoked certificates. */
const MAX_CRL_NODES = 10_000;

/** Finds the peer's certificate and checks that it holds for the identity that the peer claims. */
export function checkPeerCertificates(
  context: AuthContext,
  options: PeerCertificateOptions,
): CheckedPeer | FailedAuth | PendingAuth<CheckedPeer> {
  const received = readReceived(options.received, options.credentials);
  if (typeof received === "string") return failed(received);
  const { credentials, pinned = [] } = options;
  // The first certificate is the one whose key counts (RFC 7296, section 3.6).
  const candidates = received.certificates.length > 0
    ? received.certificates.slice(0, 1)
    : [...pinned, ...credentials.certificates].filter((one) => certifies(one, context.remoteId));
  const [certificate] = candidates;
  if (certificate === undefined) {
    return failed(
      `the peer sent no certificate, and there is none at hand for ${formatIdentity(context.remoteId)}`,
    );
  }
  const wrong = reasonAgainstIdentity(certificate, context.remoteId);
  if (wrong !== null) return failed(`the peer is not who it says it is: ${wrong}`);
  if (pinned.length > 0 && !pinned.some((one) => sameCertificate(one, certificate))) {
    return failed("the peer's certificate is not one of those that are expected of it");
  }
  const checked: CheckedPeer = { kind: "checked", certificate };
  if (options.validateOutside === true) return askOutside(context, received.certificates, checked);
  const { crypto, now } = context;
  const result = validateChain(certificate, {
    // A certificate that is expected is trusted as it is; its life and its uses are checked all the same.
    authorities: [...pinned, ...options.authorities ?? credentials.authorities],
    intermediates: [...received.certificates, ...credentials.certificates],
    crls: [...credentials.crls, ...received.crls],
    revocation: options.revocation,
    limits: options.limits,
    crypto,
    now,
  });
  return result.valid ? checked : failed(`the peer's certificate does not hold: ${result.reason}`);
}

function askOutside(
  context: AuthContext,
  received: readonly Certificate[],
  checked: CheckedPeer,
): PendingAuth<CheckedPeer> {
  const certificates = received.length > 0 ? received : [checked.certificate];
  return {
    kind: "need",
    need: {
      kind: "validate_certificates",
      certificates: certificates.map(({ der }) => der),
      identity: context.remoteId,
    },
    resume(answer: AuthAnswer | Error): CheckedPeer | FailedAuth {
      if (!(answer instanceof Error) && "valid" in answer && answer.valid === true) return checked;
      const reason = answer instanceof Error
        ? answer.message
        : "reason" in answer
        ? answer.reason
        : "no verdict";
      return failed(`the peer's certificate does not hold: ${reason}`);
    },
  };
}

function readReceived(
  payloads: readonly CertificateData[],
  credentials: Credentials,
): { certificates: Certificate[]; crls: Crl[] } | string {
  if (payloads.length > MAX_RECEIVED) {
    return `the peer sent ${payloads.length} CERT payloads; at most ${MAX_RECEIVED} are looked at`;
  }
  const certificates: Certificate[] = [];
  const crls: Crl[] = [];
  try {
    for (const { encoding, data } of payloads) {
      if (encoding === CERTIFICATE_ENCODING.x509) certificates.push(credentials.readPeerCertificate(data));
      else if (encoding === CERTIFICATE_ENCODING.crl) crls.push(parseCrl(data, MAX_CRL_NODES));
    }
  } catch (error) {
    return `the peer's CERT payload cannot be read: ${
      error instanceof Error ? error.message : String(error)
    }`;
  }
  if (certificates.length === 0 && payloads.length > 0) {
    return `the peer sent certificates in an encoding that is not supported: ${
      payloads.map(({ encoding }) => encoding).join(", ")
    }`;
  }
  return { certificates, crls };
}
