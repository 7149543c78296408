import { describe } from "node:test";
import { acceptWebSocket, memoryPair, openWebSocket } from "../../../lib/transport/mod.ts";
import { testConnection } from "../../compliance/connection_suite.ts";

describe("WebSocket in memory", () => {
  testConnection("WebSocket over a memory pair", {
    pair: () => {
      const [here, there] = memoryPair();
      return Promise.all([openWebSocket(here), acceptWebSocket(there)]);
    },
    aborts: "reset",
    // Both queues of the pair, and those of the WebSocket.
    capacity: 2_000_000,
  });
});
