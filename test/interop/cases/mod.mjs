/**
 * All cases, in the order of their running. A case is `{ name, everywhere?, prepare?, run(lab) }`: its name is a sentence, `run`
 * may return a note for its line, and with `everywhere` it also runs with relays on Deno and on Bun. It finds UDP
 * blocked, no SA and no relay, and need not clean up.
 */

import { authentication } from "./authentication.mjs";
import { blocked } from "./blocked.mjs";
import { clients } from "./clients.mjs";
import { engineRekeying } from "./engine_rekeying.mjs";
import { engineLifetimes } from "./engine_lifetimes.mjs";
import { enginePeers } from "./engine_peers.mjs";
import { engineShapes } from "./engine_shapes.mjs";
import { engineWire } from "./engine_wire.mjs";
import { engineInitiator } from "./engine_initiator.mjs";
import { engineResponder } from "./engine_responder.mjs";
import { libreswan } from "./libreswan.mjs";
import { lifecycle } from "./lifecycle.mjs";
import { mixes } from "./mixes.mjs";
import { networks } from "./networks.mjs";
import { rekeying } from "./rekeying.mjs";
import { survival } from "./survival.mjs";
import { tls } from "./tls.mjs";
import { traffic } from "./traffic.mjs";
import { web } from "./web.mjs";
import { wire } from "./wire.mjs";

export const groups = [
  blocked,
  traffic,
  authentication,
  rekeying,
  survival,
  clients,
  networks,
  tls,
  web,
  mixes,
  wire,
  lifecycle,
  engineInitiator,
  engineResponder,
  engineRekeying,
  engineLifetimes,
  enginePeers,
  engineShapes,
  engineWire,
  libreswan,
];
