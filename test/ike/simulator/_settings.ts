/** What a run is made of: every setting follows from the seed unless it is given, so that a seed and what was given are all of a run. */

import type { NetworkQuality } from "./_network.ts";
import { SimRandom } from "./_random.ts";

/** One run. */
export interface Settings {
  /** Connections with the stream of RFC 9329 in the place of datagrams. */
  readonly stream: boolean;
  /** Connections break at any octet, end in order, and are opened anew. */
  readonly resets: boolean;
  /** Initiators are behind NATs, which change their ports now and then. */
  readonly nat: boolean;
  /** Outside and inside. */
  readonly ipv6: boolean;
  /**
   * How ends prove who they are: both by a secret; the responder by a certificate, and the initiator by a secret, by EAP, or in `certs` by a
   * certificate, too, of which there is one.
   */
  readonly auth: "psk" | "pubkey" | "eap" | "certs";
  /** The method of EAP. */
  readonly eap: "eap-mschapv2" | "eap-md5" | "eap-gtc";
  /** Packets between the ends themselves in the place of those of networks behind them. */
  readonly transport: boolean;
  /** Whether an initiator wants its first child SA along with the IKE SA. */
  readonly childless: "allow" | "prefer" | "force" | "never";
  /** Child SAs that an initiator asks for from the beginning. */
  readonly children: number;
  /** Initiators ask for virtual addresses, of pools with few of them. */
  readonly vips: boolean;
  /** How many ends begin; one answers. */
  readonly initiators: number;
  /** SAs are deleted, by either end. */
  readonly deletions: boolean;
  /** SAs are rekeyed by time as well. */
  readonly timed: boolean;
  /** Child SAs that are rekeyed by time end soon after that, if nothing comes of it. */
  readonly shortLives: boolean;
  /** Both ends are authenticated anew, by wish and by time. */
  readonly reauth: boolean;
  /** Child SAs have limits of packets and octets: that ask for a rekey, or that are reached. */
  readonly volume: "none" | "soft" | "hard";
  /** Ends forget everything. */
  readonly restarts: boolean;
  /** Machines sleep for a while. */
  readonly sleeps: boolean;
  /** Requests that may be under way at once. */
  readonly window: number;
  /** Group of child rekeys: none, the same, or the one that the responder does not want first. */
  readonly group: "none" | "x25519" | "guess";
  /** Somebody on the path without keys. */
  readonly attacker: boolean;
  /** Somebody on the path who keeps, delays and reorders chosen datagrams. */
  readonly middle: boolean;
  /** A peer with keys that sends what no engine would. */
  readonly liar: boolean;
  /** Milliseconds with wishes, before it gets quiet. */
  readonly duration: number;
  /** Mean milliseconds between two wishes, packets, mishaps, and acts of an adversary. */
  readonly pace: Pace;
  readonly quality: NetworkQuality;
}

/** Mean milliseconds. */
export interface Pace {
  /** The longest time until an SA is rekeyed, where that is done by time. */
  readonly rekey: number;
  readonly wish: number;
  readonly packet: number;
  readonly mishap: number;
  readonly adversary: number;
}

/** What may be given. */
export interface SimulationOptions extends Partial<Omit<Settings, "quality" | "pace">> {
  readonly seed: number;
  readonly quality?: Partial<NetworkQuality>;
  readonly pace?: Partial<Pace>;
}

/** Octets that fit where a link carries 576: without fragments of IKE nothing large passes. */
const SMALL_MTU = 548;
/** As bad as a network can be in which IKE_AUTH still succeeds now and then. */
const BAD_NETWORK = {
  loss: 0.4,
  duplication: 0.3,
  reordering: 0.4,
  delay: [300, 3000],
  late: 12_000,
} as const;
/** Everything takes longer there. */
const BAD_DURATION = 90_000;

/** What is not given, from the seed. */
export function settingsOf({ seed, quality, pace, ...given }: SimulationOptions): Settings {
  const random = new SimRandom(seed);
  const stream = given.stream ?? random.chance(0.5);
  const drawn: Settings = {
    eap: "eap-mschapv2",
    transport: false,
    childless: "allow",
    children: 1,
    sleeps: false,
    shortLives: false,
    stream,
    resets: stream && random.chance(0.5),
    nat: random.chance(0.3),
    ipv6: random.chance(0.25),
    auth: random.pick(["psk", "psk", "psk", "pubkey", "eap"] as const),
    vips: random.chance(0.25),
    initiators: random.pick([1, 1, 2, 2, 5]),
    deletions: random.chance(0.5),
    timed: random.chance(0.5),
    reauth: random.chance(0.3),
    volume: random.pick(["none", "none", "soft", "hard"] as const),
    restarts: random.chance(0.2),
    window: random.pick([1, 1, 4]),
    group: random.pick(["none", "x25519", "guess"] as const),
    attacker: random.chance(0.3),
    middle: !stream && random.chance(0.3),
    liar: false,
    duration: 30_000,
    pace: { rekey: 60_000, wish: 400, packet: 80, mishap: 5000, adversary: 150, ...pace },
    quality: {
      loss: random.pick([0, 0.02, 0.1, 0.3]),
      duplication: random.pick([0, 0.05, 0.3]),
      reordering: random.pick([0, 0.1, 0.4]),
      delay: [random.below(20), random.below(100)],
      // Longer than the first retransmission takes.
      late: random.pick([500, 3000, 12_000]),
      mtu: random.pick([1500, 1500, SMALL_MTU]),
      cuts: random.pick([0, 0.2, 0.9]),
      joins: random.pick([0, 0.3, 0.9]),
      damage: 0,
    },
  };
  const late = drawLater(random, { ...drawn, ...given });
  return {
    ...drawn,
    ...late,
    ...given,
    quality: { ...drawn.quality, ...late.quality, ...quality },
  };
}

/** What came to the simulator later is drawn later: so a seed's other settings stay what they were. */
function drawLater(random: SimRandom, { stream, auth, initiators, nat, vips, resets, quality }: Settings) {
  const certs = random.chance(0.5) && auth === "pubkey" && initiators === 1;
  const isBad = random.chance(0.12);
  return {
    ...(certs ? { auth: "certs" } as const : {}),
    eap: random.pick(["eap-mschapv2", "eap-md5", "eap-gtc"] as const),
    // An address that a translator has changed is that of neither end.
    transport: random.chance(0.2) && !nat && !vips,
    childless: random.pick(["allow", "allow", "prefer", "force", "never"] as const),
    children: random.pick([1, 1, 1, 2, 0]),
    sleeps: random.chance(0.15),
    ...(isBad ? { duration: BAD_DURATION } : {}),
    quality: {
      ...quality,
      damage: stream && resets ? random.pick([0, 0, 0.002, 0.02]) : 0,
      ...(isBad ? BAD_NETWORK : {}),
    },
    shortLives: random.chance(0.3),
  };
}

/** Whether nobody takes a child SA away: then each IKE SA always gets one again. */
export function isCarrying({ deletions, vips, liar, restarts, attacker, children }: Settings): boolean {
  return !deletions && !vips && !liar && !restarts && !attacker && children > 0;
}

/** Whether nothing can get lost on the way, and nobody takes an SA away: then no packet is lost in any rekey. */
export function isLossless(
  { stream, resets, deletions, attacker, liar, restarts, sleeps, volume }: Settings,
): boolean {
  return stream && !resets && !deletions && !attacker && !liar && !restarts && !sleeps && volume !== "hard";
}
