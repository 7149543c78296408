/** Messages in, the same messages out, in batches or one by one. */

import { checkOctets, messagesOf } from "./_check.ts";
import { Fan } from "./_fan.ts";
import type { MessageChunk } from "./transducer.ts";

/** What `BatchStream` and `UnbatchStream` share. */
export class Rebatcher<I extends MessageChunk, C extends MessageChunk> extends Fan<I, C> {
  override sort(chunk: I): void {
    for (const message of messagesOf(chunk)) {
      checkOctets(message, "message");
      this.first.push(message);
    }
  }
}
