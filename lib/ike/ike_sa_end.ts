/** How one IKE SA ends: deleted by either end, replaced, or failed; and that nothing is left of it, and its end told once. */

import { formatIdentity } from "./auth/mod.ts";
import type { FailureReason } from "./events.ts";
import type { IkeSa } from "./ike_sa.ts";
import { formatEndpoint } from "./path.ts";
import { isEstablished } from "./state.ts";
import { deleteIkeOperation, failureOperation } from "./tasks/operations.ts";

/** The end of an IKE SA. */
export class IkeSaEnd {
  readonly #sa: IkeSa;
  /** A failure was told already, and the SA waits only for the peer to know. */
  #failureTold = false;
  /** What `ike_sa_deleted` will say. */
  #why: { by: "local" | "peer" | "replaced" | "failure"; reason?: FailureReason; text?: string } = {
    by: "local",
  };

  /** Takes the IKE SA. */
  constructor(sa: IkeSa) {
    this.#sa = sa;
  }

  /** Deletes the SA in order, or gives up one that is not established. */
  delete(by: "local" | "replaced" = "local", why?: { reason: FailureReason; text: string }): void {
    const sa = this.#sa;
    if (sa.state === "created" || sa.state === "connecting") {
      return this.fail(why?.reason ?? "cancelled", why?.text ?? "The attempt was given up");
    }
    if (sa.state === "closed" || sa.state === "deleting") return;
    sa.move("delete");
    this.#why = why === undefined ? { by } : { by: "failure", ...why };
    sa.exchanges.cancelQueued();
    sa.exchanges.enqueue(deleteIkeOperation(sa), "first");
    sa.succession.deleteUndecided(why);
    if (!sa.succession.isForNothing) return;
    // The peer may know nothing of it. Where nothing else is wanted, no answer is waited for; else a short while.
    if (by === "local") this.fail("cancelled", "It was made for nothing");
    else sa.timers.set("linger", sa.services.now + sa.services.limits.linger_time);
  }

  /** The peer deletes it. Its request is answered before the SA is closed. */
  deletedByPeer(): void {
    const sa = this.#sa;
    if (sa.state === "closed") return;
    // A peer that deletes what it has replaced has made its choice, whatever becomes of our own rekey (section 2.8.2).
    sa.succession.yieldToPeer();
    this.#why = { by: this.#why.by === "replaced" || sa.state === "rekeyed" ? "replaced" : "peer" };
    sa.move("deleted_by_peer");
    this.#close();
  }

  /** The peer has answered our deletion. */
  deletionAcknowledged(): void {
    if (this.#sa.state !== "deleting") return;
    this.#sa.move("delete_acknowledged");
    this.#sa.succession.noteDeleted();
    this.#close();
  }

  /** Ends at once: nothing more is said to the peer. */
  fail(reason: FailureReason, text: string): void {
    const { state } = this.#sa;
    if (state === "closed") return;
    // Of a deletion that nobody answered, the deletion is what counts.
    if (state !== "deleting") this.#why = { by: "failure", reason, text };
    const wasEstablished = isEstablished(state);
    this.#sa.move("failed");
    if (!wasEstablished) this.#tellFailure(reason, text);
    this.#close(wasEstablished);
  }

  /**
   * Ends because of what a response held: an initiator of IKE_AUTH may tell the peer what was wrong, and an established SA is
   * deleted (sections 2.21, 2.21.2).
   */
  giveUp(reason: FailureReason, text: string, notify?: number): void {
    const sa = this.#sa;
    // Authentic, therefore an answer to D: what was wrong with it is of no interest any more.
    if (sa.state === "deleting" && !sa.exchanges.isBusyWith("ike_delete")) return this.deletionAcknowledged();
    // Where a rekey of the peer's crossed ours, its SA has taken over there, and is none the worse for what was wrong here.
    if (sa.succession.yieldToPeer()) return this.delete("replaced");
    if (isEstablished(sa.state)) return this.delete("local", { reason, text });
    if (this.#failureTold || notify === undefined || !sa.channel.isProtected || sa.role === "responder") {
      return this.fail(reason, text);
    }
    this.#tellFailure(reason, text);
    sa.exchanges.cancelQueued();
    sa.timers.set("linger", sa.services.now + sa.services.limits.linger_time);
    sa.exchanges.enqueue(failureOperation(sa, notify), "first");
  }

  /** The peer knows that we could not accept it. */
  failureAcknowledged(): void {
    this.fail("authentication_failed", "The peer was told");
  }

  #tellFailure(reason: FailureReason, text: string): void {
    if (this.#failureTold) return;
    this.#failureTold = true;
    const { id, connection, role, path, services } = this.#sa;
    const remoteId = this.#sa.remoteId === null ? undefined : formatIdentity(this.#sa.remoteId);
    services.emit({
      type: "ike_sa_failed",
      ikeSa: id,
      connection: connection.name,
      role,
      path,
      ...(remoteId === undefined ? {} : { remoteId }),
      reason,
      text: `${text} (${remoteId ?? "the peer"} at ${formatEndpoint(path.remote)})`,
    });
  }

  #close(wasEstablished = true): void {
    const sa = this.#sa;
    const { services } = sa;
    // An SA that has been rekeyed has no child SAs any more: those of one that is replaced had others made in their place.
    sa.children.removeAll(this.#why.by === "replaced" ? "replaced" : "ike_sa");
    sa.timers.clearAll();
    sa.exchanges.clear();
    sa.channel.dispose();
    sa.release();
    if (wasEstablished) {
      services.emit({
        type: "ike_sa_deleted",
        ikeSa: sa.id,
        connection: sa.connection.name,
        ...this.#why,
      });
    }
    services.forget(sa);
    sa.reauthentication.noteClosed(this.#why.reason, this.#why.text);
  }
}
