/** Errors in a response of IKE_AUTH that end the IKE SA (RFC 7296, section 2.21.2). */

import { NOTIFY, notifyName } from "../codec/mod.ts";
import { formatIdentity } from "../auth/mod.ts";
import type { IkeSa } from "../ike_sa.ts";
import { FATAL_NOTIFIES, type Incoming } from "../messages.ts";
import { IkeSaFailure } from "./task.ts";

/** Throws for a response that says that the whole exchange failed. */
export function throwFatalNotify(message: Incoming, { localId, connection }: IkeSa): void {
  const error = message.error();
  if (error === undefined || !FATAL_NOTIFIES.has(error.type)) return;
  const name = notifyName(error.type);
  const reason = error.type === NOTIFY.authenticationFailed
    ? "authentication_failed"
    : error.type === NOTIFY.invalidSyntax
    ? "invalid_syntax"
    : "unsupported_critical_payload";
  // It is not to say which (section 2.21.2), so its own log has to.
  const meaning = reason === "authentication_failed"
    ? `: it has no connection for ${
      formatIdentity(localId!)
    }, or does not accept our proof (auth = ${connection.local.auth}); its log says which`
    : "";
  throw new IkeSaFailure(reason, `The peer answered ${name}${meaning}`);
}
