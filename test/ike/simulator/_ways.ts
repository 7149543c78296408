/** The ways of initiators to one responder: opened, broken, opened anew. */

import { datagramPath, type IkePath } from "../../../lib/ike/mod.ts";
import type { Host } from "./_host.ts";
import type { Connection } from "./_network.ts";
import type { SimRandom } from "./_random.ts";
import type { World } from "./_world.ts";

/** An initiator's way to the responder. */
export class Way {
  readonly host: Host;
  readonly server: Host;
  /** Whether there is a way at this moment. */
  open = true;
  readonly #world: World;
  readonly #random: SimRandom;
  #paths!: readonly [IkePath, IkePath];
  #connection: Connection | undefined;

  constructor(world: World, host: Host, server: Host, options: { stream: boolean; random: SimRandom }) {
    this.#world = world;
    this.#random = options.random;
    this.host = host;
    this.server = server;
    if (options.stream) this.#connect();
    else this.#paths = [datagramPath(host.at, server.at), datagramPath(server.at, this.#outside())];
  }

  /** As both ends see it, the initiator first. */
  get paths(): readonly [IkePath, IkePath] {
    return this.#connection === undefined
      ? [this.#paths[0], datagramPath(this.server.at, this.#outside())]
      : this.#paths;
  }

  /** The connection in use; undefined for datagrams. */
  get connection(): Connection | undefined {
    return this.#connection;
  }

  /** The connection in use breaks within a time, if it is still in use then. */
  breakWithin(milliseconds: number): void {
    const connection = this.#connection;
    this.#world.clock.plan(this.#random.below(milliseconds + 1), () => {
      if (connection !== this.#connection || connection?.stream.broken !== false) return;
      this.#world.note(`${this.host.name}: the connection breaks`);
      connection.stream.reset(this.#random.below(500));
    });
  }

  /** A connection has broken: if it is this one, another is opened after a while. */
  handlePathLost(path: IkePath): void {
    if (path.id !== this.#paths[0].id) return;
    this.open = false;
    const asleep = Math.max(0, this.host.awakeAt - this.#world.now);
    this.#world.clock.plan(asleep + this.#random.below(500), () => this.reconnect());
  }

  /** Opens another connection and goes on there; gives the one that was in use. */
  reconnect(): Connection | undefined {
    const before = this.#connection;
    if (this.host.asleep) return undefined;
    this.#world.note(`${this.host.name} opens a connection`);
    this.#connect();
    this.open = true;
    const { ikeSas, attempts } = this.host.ledger;
    for (const ikeSa of [...ikeSas.keys(), ...attempts]) {
      this.host.feed({ kind: "move", ikeSa, path: this.#paths[0] });
    }
    return before;
  }

  #connect(): void {
    this.#connection = this.#world.network.connect(this.host.at.address, this.server.at);
    this.#paths = this.#connection.paths;
  }

  #outside() {
    return this.#world.network.datagrams.outsideOf(this.host.at);
  }
}
