/** A peer that breaks the rules of RFC 6455. */

import { TransportError } from "../../errors.ts";

/** A fault of the peer, with the code of the Close frame that tells it so. */
export class WebSocketFault extends TransportError {
  /** What to close with. */
  readonly closeCode: number;

  /** Makes an error: `Cannot read WebSocket frame: expected …, got …`. */
  constructor(closeCode: number, expected: string, actual: string) {
    super("ERR_TRANSPORT_WEBSOCKET", `Cannot read WebSocket frame: expected ${expected}, got ${actual}`);
    this.closeCode = closeCode;
  }
}
