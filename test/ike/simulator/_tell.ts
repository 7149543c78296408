/** Events of an engine as lines of a story. */

import type { IkeEvent } from "../../../lib/ike/mod.ts";

/** One line. */
export function tell(event: IkeEvent): string {
  switch (event.type) {
    case "message":
      return `[${event.ikeSa}] ${event.line}${event.repeated ? " (again)" : ""}`;
    case "child_sa_installed": {
      const { childSa, replaces } = event;
      const { child, inbound, outbound } = childSa;
      return `[${event.ikeSa}] child ${child} installed, in ${inbound.spi}, out ${outbound.spi}, for ${replaces}`;
    }
    case "path_changed":
      return `[${event.ikeSa}] path ${event.path.id}`;
    case "message_dropped":
      return `[${event.ikeSa}] dropped: ${event.text}`;
    case "ike_sa_established":
      return `[${event.ikeSa}] established ${event.role} ${event.spiI} ${event.spiR} for ${event.replaces}`;
    default:
      return JSON.stringify(event);
  }
}
