/** What this end may do with an IKE SA, each as a list of tasks in the order in which they take part in messages. */

import type { ChildSa, WantedChild } from "../child_sa.ts";
import { EXCHANGE } from "../codec/mod.ts";
import type { ChildSaDeleted } from "../events.ts";
import type { IkeSa } from "../ike_sa.ts";
import type { Operation } from "../operation_queue.ts";
import { isEstablished } from "../state.ts";
import { ChildCreateTask } from "./child_create.ts";
import { ChildDeleteTask, UnwantedChildTask } from "./child_delete.ts";
import { ChildRekeyTask } from "./child_rekey.ts";
import { IkeAuthLifetimeTask } from "./ike_auth_lifetime.ts";
import { IkeAuthInitiatorTask } from "./ike_auth_initiator.ts";
import { IkeConfigTask } from "./ike_config.ts";
import { IkeCookieTask } from "./ike_cookie.ts";
import { IkeDeleteTask } from "./ike_delete.ts";
import { IkeDpdTask } from "./ike_dpd.ts";
import { IkeEstablishTask } from "./ike_establish.ts";
import { IkeFailureTask } from "./ike_failure.ts";
import { IkeInitTask } from "./ike_init.ts";
import { IkeNatTask } from "./ike_nat.ts";
import { IkeRekeyTask } from "./ike_rekey.ts";
import { IkeWindowTask } from "./ike_window.ts";
import { InvalidSpiTask } from "./invalid_spi.ts";
import type { Task } from "./task.ts";

/** IKE_SA_INIT and IKE_AUTH with the first child; the other children follow. */
export function connectOperation(sa: IkeSa, children: readonly WantedChild[]): Operation {
  const [first, ...others] = children;
  const create = first === undefined ? null : new ChildCreateTask(sa, first);
  return {
    tasks: [
      new IkeCookieTask(sa),
      new IkeInitTask(sa),
      new IkeNatTask(sa),
      new IkeAuthInitiatorTask(sa),
      new IkeConfigTask(sa),
      new IkeEstablishTask(sa),
      new IkeAuthLifetimeTask(sa),
      new IkeWindowTask(sa),
      ...(create === null ? [] : [create]),
    ],
    alone: true,
    exchange() {
      if (isEstablished(sa.state)) return null;
      return sa.channel.isProtected ? EXCHANGE.ikeAuth : EXCHANGE.ikeSaInit;
    },
    finished() {
      sa.forgetNonces();
      const postponed = create?.postponed === true ? [first!] : [];
      for (const child of [...postponed, ...others]) sa.exchanges.enqueue(createChildOperation(sa, child));
      sa.reauthentication.noteSettled();
    },
  };
}

/** CREATE_CHILD_SA for one more child SA. */
export function createChildOperation(sa: IkeSa, child: WantedChild): Operation {
  return {
    ...exchangeOf(
      EXCHANGE.createChildSa,
      new ChildCreateTask(sa, child),
      (successor) => createChildOperation(successor, child),
    ),
    finished: () => sa.reauthentication.noteSettled(),
  };
}

/** CREATE_CHILD_SA for the successor of a child SA. */
export function rekeyChildOperation(sa: IkeSa, child: ChildSa): Operation {
  return {
    ...exchangeOf(
      EXCHANGE.createChildSa,
      new ChildRekeyTask(sa, child),
      (successor) => rekeyChildOperation(successor, child),
    ),
    subject: child,
  };
}

/** CREATE_CHILD_SA for the successor of the IKE SA. */
export function rekeyIkeOperation(sa: IkeSa): Operation {
  return { ...exchangeOf(EXCHANGE.createChildSa, new IkeRekeyTask(sa)), alone: true };
}

/** INFORMATIONAL with D of the IKE SA. */
export function deleteIkeOperation(sa: IkeSa): Operation {
  return { ...exchangeOf(EXCHANGE.informational, new IkeDeleteTask(sa, true)), alone: true };
}

/** INFORMATIONAL with D of a child SA. */
export function deleteChildOperation(
  sa: IkeSa,
  child: ChildSa,
  by: ChildSaDeleted["by"] = "local",
): Operation {
  return {
    ...exchangeOf(
      EXCHANGE.informational,
      new ChildDeleteTask(sa, child, by),
      (successor) => deleteChildOperation(successor, child, by),
    ),
    subject: child,
  };
}

/** INFORMATIONAL with D of a child SA that never was installed here. */
export function unwantedChildOperation(sa: IkeSa, spi: number): Operation {
  return exchangeOf(
    EXCHANGE.informational,
    new UnwantedChildTask(sa, spi),
    (successor) => unwantedChildOperation(successor, spi),
  );
}

/** INFORMATIONAL without anything. */
export function livenessOperation(sa: IkeSa): Operation {
  return exchangeOf(EXCHANGE.informational, new IkeDpdTask(sa), livenessOperation);
}

/** INFORMATIONAL with INVALID_SPI: the peer sends on a child SA that this end does not have. */
export function invalidSpiOperation(spi: number): Operation {
  return exchangeOf(EXCHANGE.informational, new InvalidSpiTask(spi), () => invalidSpiOperation(spi));
}

/** INFORMATIONAL with SET_WINDOW_SIZE: a rekeyed SA begins with a window of one (section 2.18). */
export function announceWindowOperation(sa: IkeSa): Operation {
  return exchangeOf(EXCHANGE.informational, new IkeWindowTask(sa), announceWindowOperation);
}

/** INFORMATIONAL with an error that ends the SA. */
export function failureOperation(sa: IkeSa, notify: number): Operation {
  return { ...exchangeOf(EXCHANGE.informational, new IkeFailureTask(sa, notify)), alone: true };
}

/** One task in exchanges of one type until it is done. */
function exchangeOf(type: number, task: Task, moveTo?: Operation["moveTo"]): Operation {
  return { tasks: [task], exchange: () => task.done ? null : type, ...(moveTo && { moveTo }) };
}
