import { connectWebSocket, listenWebSocket } from "../../lib/runtime/mod.ts";
import type { Connection } from "../../lib/transport/types.ts";
import { testConnection } from "../compliance/connection_suite.ts";
import { testListener } from "../compliance/listener_suite.ts";

async function webSocketPair(): Promise<[Connection, Connection]> {
  const listener = await listenWebSocket({ hostname: "127.0.0.1", port: 0 });
  const reader = listener.connections.getReader();
  const [client, { value: server }] = await Promise.all([connectWebSocket(listener.address), reader.read()]);
  await listener.close();
  return [client, server!];
}

testConnection("WebSocket", {
  pair: webSocketPair,
  // Also in Deno, whose sockets end without a reset: what ends without a Close frame is a break.
  aborts: "reset",
  // As TCP, with one more queue at each end.
  capacity: 12_000_000,
});

testListener("WebSocket listener", {
  connect: connectWebSocket,
  listen: listenWebSocket,
  address: { hostname: "127.0.0.1", port: 0 },
});
