/**
 * The TLS of EAP-TLS by `node:tls` over a stream in memory: flights go in, flights come out. Node and Bun export the keying
 * material that EAP needs; Deno does not, and says so.
 *
 * @module
 */

import { Duplex } from "node:stream";
import type { DetailedPeerCertificate, SecureContextOptions, TLSSocket } from "node:tls";
import type { EapTlsAnswer, EapTlsEstablished, EapTlsRequest, EapTlsSession } from "../ike/eap/mod.ts";
import { TransportError } from "../errors.ts";

/** Loaded when it is first needed: few programs need it. */
type Tls = typeof import("node:tls");

/** Whether the runtime's TLS exports keying material, without which there is no EAP-TLS. */
export async function supportsEapTls(): Promise<boolean> {
  const { TLSSocket } = await import("node:tls");
  return typeof TLSSocket.prototype.exportKeyingMaterial === "function";
}

/** Conversations by their sessions; gone when nobody knows the session any more. */
const conversations: WeakMap<EapTlsSession, TlsConversation> = new WeakMap();

/**
 * Answers a need of `eap-tls`: takes one flight of the other side, gives one of ours. Rejects with the alert or error of TLS,
 * which goes to the engine as the answer.
 */
export async function answerEapTls({ session, octets }: EapTlsRequest): Promise<EapTlsAnswer> {
  if (!await supportsEapTls()) {
    throw new TransportError(
      "ERR_TRANSPORT_UNSUPPORTED",
      "Cannot use eap-tls: this runtime's TLS exports no keying material; Node and Bun do",
    );
  }
  let conversation = conversations.get(session);
  if (conversation === undefined) {
    conversation = new TlsConversation(await import("node:tls"), session);
    conversations.set(session, conversation);
  }
  return await conversation.exchange(octets);
}

/** RFC 9190, section 2.3; the context is EAP's type. */
const EXPORTER_TLS13 = "EXPORTER_EAP_TLS_Key_Material";
const EXPORTER_CONTEXT = Uint8Array.of(13);
/** RFC 5216, section 2.3. */
const EXPORTER_TLS12 = "client EAP encryption";
const KEY_MATERIAL_SIZE = 128;

/**
 * OpenSSL's SSL_OP_LEGACY_SERVER_CONNECT and SSL_OP_NO_RENEGOTIATION: strongSwan's TLS 1.2 does not know the extension of RFC
 * 5746, without which OpenSSL refuses servers. What the extension guards is renegotiation, and there is none in EAP-TLS.
 */
const LEGACY_SERVER_CONNECT = 0x4;
const NO_RENEGOTIATION = 0x40000000;

/** A flight is over when TLS has been silent for so many turns of the event loop. */
const QUIET_TURNS = 4;
/** TLS may have nothing to say to a flight; it has so long to say it. */
const SILENCE_MS = 200;

/** The octets of both directions, in memory. */
class Flights extends Duplex {
  outgoing: Uint8Array[] = [];

  override _read(): void {}

  override _write(chunk: Uint8Array, _encoding: string, callback: () => void): void {
    this.outgoing.push(new Uint8Array(chunk));
    callback();
  }

  takeAll(): Uint8Array {
    const octets = new Uint8Array(this.outgoing.reduce((size, { length }) => size + length, 0));
    let at = 0;
    for (const chunk of this.outgoing) {
      octets.set(chunk, at);
      at += chunk.length;
    }
    this.outgoing = [];
    return octets;
  }
}

class TlsConversation {
  readonly #flights: Flights = new Flights();
  readonly #socket: TLSSocket;
  readonly #role: "peer" | "server";
  #established: EapTlsEstablished | null = null;
  #committed = false;
  #error: Error | null = null;
  /** Counts everything that TLS does: what is awaited is that it stands still. */
  #events = 0;

  constructor(tls: Tls, { role, credentials }: EapTlsSession) {
    this.#role = role;
    const options: SecureContextOptions = {
      cert: credentials.certificates.map((der) => pemOf("CERTIFICATE", der)).join(""),
      key: pemOf("PRIVATE KEY", credentials.pkcs8),
      minVersion: "TLSv1.2",
      ...credentials.maxVersion === undefined ? {} : { maxVersion: credentials.maxVersion },
    };
    // The method judges certificates, by the rules of IKE; TLS proves that their keys are there.
    this.#socket = role === "server"
      ? new tls.TLSSocket(this.#flights, {
        isServer: true,
        secureContext: tls.createSecureContext(options),
        requestCert: true,
        rejectUnauthorized: false,
      })
      : tls.connect({
        socket: this.#flights,
        ...options,
        secureOptions: LEGACY_SERVER_CONNECT | NO_RENEGOTIATION,
        rejectUnauthorized: false,
        checkServerIdentity: () => undefined,
      });
    this.#socket.once(role === "server" ? "secure" : "secureConnect", () => this.#handleSecure());
    this.#socket.on("data", (data: Uint8Array) => {
      this.#events++;
      if (data[0] === 0) this.#committed = true; // RFC 9190, section 2.5
    });
    this.#socket.on("error", (error: Error) => {
      this.#events++;
      this.#error ??= error;
    });
  }

  async exchange(octets: Uint8Array): Promise<EapTlsAnswer> {
    const before = this.#progress();
    if (octets.length > 0) this.#flights.push(octets);
    await this.#settle(before);
    if (this.#error !== null) {
      this.#socket.destroy();
      throw new TransportError("ERR_TRANSPORT_FAILED", `TLS failed: ${this.#error.message}`, {
        cause: this.#error,
      });
    }
    return { octets: this.#flights.takeAll(), established: this.#established, committed: this.#committed };
  }

  #handleSecure(): void {
    this.#events++;
    const isTls13 = this.#socket.getProtocol() === "TLSv1.3";
    try {
      this.#established = {
        keyMaterial: new Uint8Array(
          isTls13
            ? this.#socket.exportKeyingMaterial(KEY_MATERIAL_SIZE, EXPORTER_TLS13, EXPORTER_CONTEXT as Buffer)
            : this.#socket.exportKeyingMaterial(
              KEY_MATERIAL_SIZE,
              EXPORTER_TLS12,
              undefined as unknown as Buffer,
            ),
        ),
        certificates: peerCertificates(this.#socket),
      };
    } catch (error) {
      this.#error = error instanceof Error ? error : new Error(String(error));
      return;
    }
    if (!isTls13) this.#committed = true;
    else if (this.#role === "server") this.#socket.write(Uint8Array.of(0)); // RFC 9190, section 2.5
  }

  #progress(): number {
    return this.#events + this.#flights.outgoing.length;
  }

  /** Waits until TLS has done something and then stands still, or has had its time. */
  async #settle(before: number): Promise<void> {
    const deadline = performance.now() + SILENCE_MS;
    let last = before;
    for (let quiet = 0; quiet < QUIET_TURNS && this.#error === null;) {
      await new Promise<void>((resolve) => setTimeout(resolve, 0));
      const now = this.#progress();
      if (now !== last) quiet = 0;
      else if (now !== before || performance.now() > deadline) quiet++;
      last = now;
    }
  }
}

/** The other side's certificates as they came, its own first. */
function peerCertificates(socket: TLSSocket): Uint8Array[] {
  const chain: Uint8Array[] = [];
  let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (next?.raw !== undefined && chain.length < 16) {
    chain.push(new Uint8Array(next.raw));
    // A root names itself as its issuer.
    next = next.issuerCertificate === next ? undefined : next.issuerCertificate;
  }
  return chain;
}

function pemOf(label: string, der: Uint8Array): string {
  const base64 = btoa(Array.from(der, (octet) => String.fromCharCode(octet)).join(""));
  return `-----BEGIN ${label}-----\n${base64.match(/.{1,64}/g)!.join("\n")}\n-----END ${label}-----\n`;
}
