/**
 * What this end does with an IKE SA, and in which order. The peer's window says how many requests may be under way (RFC 7296, section
 * 2.3); these rules say which of them may be so at once:
 *
 * - **Alone**: the first exchanges, a rekey or a deletion of the IKE SA, and the failure that ends it. Nothing is under way beside them,
 *   and nothing that was wanted later overtakes them: what ends or replaces an SA waits for an end of what was begun on it (section 2.25.2
 *   lets the peer refuse anything else).
 * - **One after the other**: what is about one and the same child SA. Requests may pass one another on the way, and a deletion that
 *   overtakes a rekey would leave the new child SA behind (section 2.25.1).
 * - **At once**: everything else, so child SAs that have nothing to do with one another, and checks of liveness.
 */

import type { ChildSa } from "./child_sa.ts";
import type { IkeSa } from "./ike_sa.ts";
import type { Task } from "./tasks/task.ts";

/** Something that this end does, in one exchange or several in a row. */
export interface Operation {
  /** Its tasks, in the order of the table. */
  readonly tasks: readonly Task[];
  /** Nothing else is under way beside it. */
  readonly alone?: boolean;
  /** The child SA that it is about, where that is there already. */
  readonly subject?: ChildSa;
  /** The exchange that comes next; null when there is none any more. */
  exchange(): number | null;
  /** Called when nothing is left to do. */
  finished?(): void;
  /** The same on the SA that has taken this one's place, for an operation that has not begun; absent where that makes no sense. */
  moveTo?(successor: IkeSa): Operation | undefined;
}

/** The first of those that wait, in their order, that may be under way beside those that have begun; undefined when there is none. */
export function nextOperation(
  waiting: readonly Operation[],
  begun: readonly Operation[],
): Operation | undefined {
  if (begun.some(({ alone }) => alone === true)) return undefined;
  const busy = begun.map(({ subject }) => subject);
  for (const [index, operation] of waiting.entries()) {
    const { alone, subject } = operation;
    if (alone === true) return begun.length === 0 && index === 0 ? operation : undefined;
    if (subject === undefined || !busy.includes(subject)) return operation;
  }
  return undefined;
}
