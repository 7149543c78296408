/** The tasks of an exchange that the peer began, in the order in which they take part: one row an exchange. */

import { EXCHANGE, NOTIFY, PROTOCOL } from "../codec/mod.ts";
import type { IkeSa } from "../ike_sa.ts";
import { FATAL_NOTIFIES, type Incoming } from "../messages.ts";
import { PeerChildDeleteTask } from "./child_delete.ts";
import { PeerChildRekeyTask } from "./child_rekey.ts";
import { IkeAuthLifetimeTask } from "./ike_auth_lifetime.ts";
import { IkeAuthResponderTask } from "./ike_auth_responder.ts";
import { IkeConfigTask } from "./ike_config.ts";
import { IkeDeleteTask } from "./ike_delete.ts";
import { IkeEstablishTask } from "./ike_establish.ts";
import { IkeFailureTask } from "./ike_failure.ts";
import { IkeInitTask } from "./ike_init.ts";
import { IkeNatTask } from "./ike_nat.ts";
import { PeerIkeRekeyTask } from "./ike_rekey.ts";
import { IkeWindowTask, PeerWindowTask } from "./ike_window.ts";
import { PeerInvalidSpiTask } from "./invalid_spi.ts";
import { PeerChildCreateTask } from "./peer_child_create.ts";
import { TemporaryFailureTask } from "./temporary_failure.ts";
import type { Task } from "./task.ts";

/** What becomes tasks, by exchange. */
const TASKS: Readonly<Record<number, (message: Incoming, sa: IkeSa) => Task[]>> = {
  // These span IKE_SA_INIT and every IKE_AUTH exchange.
  [EXCHANGE.ikeSaInit]: (_message, sa) => {
    const child = new PeerChildCreateTask(sa);
    return [
      new IkeInitTask(sa, sa.suite),
      new IkeNatTask(sa),
      new IkeAuthResponderTask(sa),
      new IkeConfigTask(sa),
      new IkeEstablishTask(sa, () => child.offered),
      new IkeAuthLifetimeTask(sa),
      new IkeWindowTask(sa),
      child,
    ];
  },
  [EXCHANGE.createChildSa]: (message, sa) => {
    const protocol = message.first("SA")?.proposals[0]?.protocol;
    const { reauthentication, succession } = sa;
    if (protocol === PROTOCOL.ike) {
      return [reauthentication.isUnderWay ? new TemporaryFailureTask() : new PeerIkeRekeyTask(sa)];
    }
    // Section 2.25.2: nothing is begun on an SA that is replaced or goes; section 2.8: nor beside its own rekey.
    if (sa.state !== "established" || succession.rekeying || reauthentication.isBeingReplaced) {
      return [new TemporaryFailureTask()];
    }
    if (message.notify(NOTIFY.rekeySa) !== undefined) return [new PeerChildRekeyTask(sa)];
    return [new PeerChildCreateTask(sa)];
  },
  [EXCHANGE.informational]: (message, sa) => {
    const deleted = message.all("D").map(({ protocol }) => protocol);
    if (message.all("N").some(({ type }) => FATAL_NOTIFIES.has(type))) return [new IkeFailureTask(sa, null)];
    if (deleted.includes(PROTOCOL.ike!)) return [new IkeDeleteTask(sa, false)];
    return [
      ...(deleted.length > 0 ? [new PeerChildDeleteTask(sa)] : []),
      ...(message.notify(NOTIFY.authLifetime) === undefined ? [] : [new IkeAuthLifetimeTask(sa)]),
      ...(message.notify(NOTIFY.setWindowSize!) === undefined ? [] : [new PeerWindowTask(sa)]),
      ...(message.notify(NOTIFY.invalidSpi!) === undefined ? [] : [new PeerInvalidSpiTask(sa)]),
    ];
  },
};

/** The tasks of a request. */
export function respondingTasks(message: Incoming, sa: IkeSa): readonly Task[] {
  return TASKS[message.exchangeType]?.(message, sa) ?? [];
}
