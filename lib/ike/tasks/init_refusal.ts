/** What a responder's refusal in IKE_SA_INIT means to people (RFC 7296, section 2.21.1). */

import { NOTIFY, notifyName } from "../codec/mod.ts";
import { IkeSaFailure } from "./task.ts";

/** An error notify of IKE_SA_INIT as the reason of a failure. */
export function initRefusal(type: number, data: Uint8Array): IkeSaFailure {
  const name = notifyName(type);
  if (type === NOTIFY.noProposalChosen) {
    return new IkeSaFailure(
      "no_proposal_chosen",
      `The peer answered ${name}: it accepts none of our IKE proposals`,
    );
  }
  if (type === NOTIFY.invalidMajorVersion) {
    return new IkeSaFailure(
      "version",
      `The peer answered ${name}: it speaks IKE version ${data[0] ?? "unknown"}`,
    );
  }
  return new IkeSaFailure("refused", `The peer answered ${name} to IKE_SA_INIT`);
}
