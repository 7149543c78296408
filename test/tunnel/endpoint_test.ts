/** Two endpoints on real UDP sockets that lose what a test says: what becomes of a session when both ends replace its IKE SA at once. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { IkeEngine, type IkeEngineOptions, type IkeEvent } from "../../lib/ike/mod.ts";
import { openUdp } from "../../lib/runtime/mod.ts";
import type { DatagramEndpoint } from "../../lib/transport/mod.ts";
import { Endpoint, type Session } from "../../lib/tunnel/mod.ts";
import { until } from "../_support/streams.ts";
import { nonces } from "../ike/_established.ts";
import { CLIENT, crypto, GATEWAY, sharedSecret } from "./_scene.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 0 };
const INFORMATIONAL = 37;

/** One end, its session, and a socket that loses what `loses` says. */
class Side {
  readonly engine: IkeEngine;
  readonly endpoint: Endpoint;
  readonly socket: DatagramEndpoint;
  readonly link: ReturnType<Endpoint["addDatagrams"]>;
  readonly events: IkeEvent[] = [];
  sessions: Session[] = [];
  loses: (datagram: Uint8Array) => boolean = () => false;

  constructor(
    socket: DatagramEndpoint,
    role: "originator" | "responder",
    options: Partial<IkeEngineOptions>,
  ) {
    this.socket = socket;
    this.engine = new IkeEngine({
      crypto,
      random: (octets) => void globalThis.crypto.getRandomValues(octets as Uint8Array<ArrayBuffer>),
      connections: [],
      credentials: sharedSecret(),
      ...options,
    });
    this.endpoint = new Endpoint({
      engine: this.engine,
      crypto,
      role,
      onSession: (session) => this.sessions.push(session),
      onEvent: (event) => this.events.push(event),
    });
    const { localAddress, readable, counters } = socket;
    this.link = this.endpoint.addDatagrams({
      localAddress,
      readable,
      counters,
      ready: undefined,
      send: (data, to) => this.loses(data) || socket.send(data, to),
      close: () => socket.close(),
    });
  }

  get session(): Session {
    return this.sessions[0]!;
  }

  of<Type extends IkeEvent["type"]>(type: Type): Extract<IkeEvent, { type: Type }>[] {
    return this.events.filter((event) => event.type === type) as Extract<IkeEvent, { type: Type }>[];
  }
}

interface Ends {
  readonly client: Side;
  readonly gateway: Side;
}

/** Runs a test with two ends and a session; the nonces of the first are the lower ones, so that its rekeys are for nothing. */
async function withSession(work: (ends: Ends) => Promise<void>): Promise<void> {
  const [near, far] = [await openUdp({ local: LOOPBACK }), await openUdp({ local: LOOPBACK })];
  const client = new Side(near, "originator", { connections: [CLIENT], ...nonces(0, 1) });
  const gateway = new Side(far, "responder", {
    connections: [GATEWAY],
    pools: { clients: { addrs: "10.99.0.0/24" } },
    ...nonces(128, 2),
  });
  try {
    const path = client.link.pathTo(far.localAddress);
    client.endpoint.handle({ kind: "initiate", connection: CLIENT.name, path });
    await until(() => client.session?.childCount === 1 && gateway.session?.childCount === 1, "a tunnel");
    await work({ client, gateway });
  } finally {
    await Promise.all([client.endpoint.close(), gateway.endpoint.close()]);
  }
}

/** Whether a datagram is a request of INFORMATIONAL, behind the non-ESP marker. */
function isInformational(datagram: Uint8Array): boolean {
  return datagram.subarray(0, 4).every((octet) => octet === 0) && datagram[22] === INFORMATIONAL &&
    (datagram[23]! & 0x20) === 0;
}

/** Both ends rekey the IKE SA at once, and D of the one that is for nothing gets lost. */
async function collide({ client, gateway }: Ends): Promise<void> {
  client.loses = isInformational;
  client.session.rekeyIke();
  gateway.session.rekeyIke();
  for (const side of [client, gateway]) await until(() => side.of("child_sas_moved").length === 1, "a rekey");
  await until(() => client.of("ike_sa_established").length === 3, "both new IKE SAs");
}

describe("A session whose IKE SA both ends have replaced at once", () => {
  it("goes on with the one that has the child SAs, though the other one was made last and is not gone", () =>
    withSession(async ({ client, gateway }) => {
      await collide({ client, gateway });
      const { to } = client.of("child_sas_moved")[0]!;
      assert.notEqual(client.of("ike_sa_established").at(-1)!.ikeSa, to);
      assert.equal(client.session.ikeSa, to);
      client.loses = () => false;
      client.session.rekeyChild();
      await until(() => client.of("child_sa_installed").length === 2, "a rekey of the child SA");
      await Promise.all([client.session.close(), gateway.session.closed]);
    }));

  it("is closed with every IKE SA that it has had, and what got lost is sent again while there is time", () =>
    withSession(async ({ client, gateway }) => {
      await collide({ client, gateway });
      let lost = 0;
      client.loses = (datagram) => isInformational(datagram) && ++lost <= 3;
      await client.endpoint.close();
      assert.ok(lost > 3);
      for (const { engine, sessions } of [client, gateway]) {
        for (const session of sessions) await session.closed;
        const { ikeSas, childSpis, leases, needs } = engine.counters;
        assert.deepEqual([ikeSas, childSpis, leases, needs], [0, 0, 0, 0]);
      }
    }));
});
