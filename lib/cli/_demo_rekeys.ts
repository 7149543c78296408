/** The demo's rekeys: of the child SA when a third of the bulk's time is over, of the IKE SA after two thirds. */

import { TunnelError } from "../errors.ts";
import type { IkeEvent } from "../ike/mod.ts";
import type { Session } from "../tunnel/mod.ts";

/** Each begins when the one before is over, and is over when what it replaces is gone. */
export class DemoRekeys {
  readonly #session: Session;
  readonly #say: (text: string) => void;
  #waiting: readonly Rekey[] = REKEYS;
  #current: Rekey | undefined;
  #failure: TunnelError | undefined;

  /** Takes the initiator's session. */
  constructor(session: Session, say: (text: string) => void) {
    this.#session = session;
    this.#say = say;
  }

  /** Whether all are over. */
  get done(): boolean {
    return this.#current === undefined && this.#waiting.length === 0;
  }

  /** Begins what is due after a part of the time; throws where one has failed. */
  handleProgress(part: number): void {
    if (this.#failure !== undefined) throw this.#failure;
    const [next, ...rest] = this.#waiting;
    if (next === undefined || this.#current !== undefined || part < next.part) return;
    this.#say(`  new keys for the ${next.what} SA, in the middle of bulk:`);
    this.#current = next;
    this.#waiting = rest;
    next.begin(this.#session);
  }

  /** Takes what the initiator's engine tells. */
  handleEvent(event: IkeEvent): void {
    if (this.#current === undefined) return;
    if (event.type === "ike_rekey_failed" || event.type === "child_sa_failed") {
      const { what } = this.#current;
      const text = `Cannot go on: expected new keys for the ${what} SA, got ${event.reason}`;
      this.#failure = new TunnelError("ERR_TUNNEL_BROKEN", text);
    } else if (event.type === this.#current.end && event.by === "replaced") {
      this.#current = undefined;
    }
  }
}

/** A rekey. */
interface Rekey {
  readonly what: "child" | "IKE";
  /** The part of the time after which it begins. */
  readonly part: number;
  readonly begin: (session: Session) => void;
  /** What tells that the old SA is gone. */
  readonly end: "child_sa_deleted" | "ike_sa_deleted";
}

const REKEYS: readonly Rekey[] = [
  { what: "child", part: 1 / 3, begin: (session) => session.rekeyChild(), end: "child_sa_deleted" },
  { what: "IKE", part: 2 / 3, begin: (session) => session.rekeyIke(), end: "ike_sa_deleted" },
];
