/** Errors in a response of IKE_AUTH that end the IKE SA (RFC 7296, section 2.21.2). */

import { NOTIFY, notifyName } from "../codec/mod.ts";
import { FATAL_NOTIFIES, type Incoming } from "../messages.ts";
import { IkeSaFailure } from "./task.ts";

/** Throws for a response that says that the whole exchange failed. */
export function throwFatalNotify(message: Incoming): void {
  const error = message.error();
  if (error === undefined || !FATAL_NOTIFIES.has(error.type)) return;
  const name = notifyName(error.type);
  const reason = error.type === NOTIFY.authenticationFailed
    ? "authentication_failed"
    : error.type === NOTIFY.invalidSyntax
    ? "invalid_syntax"
    : "unsupported_critical_payload";
  throw new IkeSaFailure(reason, `The peer answered ${name}`);
}
