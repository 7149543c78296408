/**
 * A TCP port of this machine that does not answer: a listener whose thread sleeps, with its backlog full. The kernel
 * drops further connection requests, as a firewall does, so that attempts to connect wait.
 */

import { connect, type Socket } from "node:net";
import { Worker } from "node:worker_threads";
import type { TransportAddress } from "../../lib/transport/address.ts";
import { sleep } from "./streams.ts";

/** A port that does not answer, until it is closed. */
export interface BlackHole {
  readonly address: TransportAddress;
  close(): Promise<void>;
}

/** Bun's backlog is 512 whatever it is told. */
const MOST_CONNECTIONS = 1200;

const SLEEPER = `
  const { parentPort, workerData } = require("node:worker_threads");
  const server = require("node:net").createServer();
  server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    setTimeout(() => {
      Atomics.wait(workerData, 0, 0);
      server.close();
    }, 20);
  });
`;

/** Opens a port that does not answer. */
export async function openBlackHole(): Promise<BlackHole> {
  const wake = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(SLEEPER, { eval: true, workerData: wake });
  const port = await new Promise<number>((resolve) => worker.once("message", resolve));
  await sleep(100);
  const sockets: Socket[] = [];
  const close = async () => {
    Atomics.store(wake, 0, 1);
    Atomics.notify(wake, 0);
    await Promise.all(sockets.map((socket) =>
      new Promise<void>((resolve) => {
        if (socket.destroyed) return resolve();
        socket.once("close", () => resolve());
        socket.destroy();
      })
    ));
    await worker.terminate();
  };
  while (sockets.length < MOST_CONNECTIONS) {
    const batch = Array.from(
      { length: sockets.length < 10 ? 5 : 100 },
      () => connect({ port, host: "127.0.0.1" }),
    );
    sockets.push(...batch);
    for (const socket of batch) socket.on("error", () => {});
    await sleep(150);
    if (batch.some((socket) => socket.connecting)) return { address: { hostname: "127.0.0.1", port }, close };
  }
  await close();
  throw new Error(`Cannot fill the backlog: ${MOST_CONNECTIONS} connections were taken`);
}
