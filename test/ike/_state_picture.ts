/** The states of an IKE SA as a picture, from the table that moves them. */

import { IKE_SA_TRANSITIONS, type IkeSaMove, type IkeSaState } from "../../lib/ike/mod.ts";

/** A Mermaid diagram, one line for each pair of states. */
export function drawIkeSaStates(): string {
  const lines = ["stateDiagram-v2", "  [*] --> created"];
  for (const [state, moves] of Object.entries(IKE_SA_TRANSITIONS)) {
    const byTarget = new Map<IkeSaState, IkeSaMove[]>();
    for (const [move, target] of Object.entries(moves) as [IkeSaMove, IkeSaState][]) {
      byTarget.set(target, [...byTarget.get(target) ?? [], move]);
    }
    for (const [target, names] of byTarget) lines.push(`  ${state} --> ${target}: ${names.join(", ")}`);
  }
  lines.push("  closed --> [*]");
  return ["```mermaid", ...lines, "```"].join("\n");
}
