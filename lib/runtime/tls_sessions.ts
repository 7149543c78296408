/** Sessions of TLS that the next connection may resume (RFC 9329, appendix A and B.3). */

/** A session, and whose it is: a handshake that resumes it shows no certificate. */
export interface TlsSession {
  /** As the runtime writes it. */
  readonly session: Uint8Array;
  /** The server's certificate in DER. */
  readonly certificate?: Uint8Array;
}

/** Servers whose session is kept, unless told otherwise. */
const MAX_SESSIONS = 100;

/**
 * Keeps the newest session for each key; a key says with whom and under which settings the handshake was done. A session is
 * given out once (RFC 8446, appendix C.4).
 */
export class TlsSessions {
  readonly #limit: number;
  readonly #sessions: Map<string, TlsSession> = new Map();

  /** Keeps sessions for at most `limit` keys; past that the oldest goes. */
  constructor(limit: number = MAX_SESSIONS) {
    this.#limit = limit;
  }

  /** How many are kept. */
  get size(): number {
    return this.#sessions.size;
  }

  /** The newest session for a key, which is then no longer kept. */
  take(key: string): TlsSession | undefined {
    const session = this.#sessions.get(key);
    this.#sessions.delete(key);
    return session;
  }

  /** Keeps a session in place of an older one. */
  put(key: string, session: TlsSession): void {
    this.#sessions.delete(key);
    this.#sessions.set(key, session);
    if (this.#sessions.size <= this.#limit) return;
    const [oldest] = this.#sessions.keys();
    this.#sessions.delete(oldest!);
  }
}
