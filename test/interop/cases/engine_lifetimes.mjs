/**
 * Lifetimes run out in tunnels between strongSwan and our own engine, by time, octets and packets, on either side: SAs are replaced,
 * again and again, and no ping is lost. All tunnels of a case are up at once, each with identities of its own.
 */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";

import { address, directory } from "../_support/lab.mjs";
import { initiator, responder } from "../_support/ike_setups.mjs";
import { eventually, sleep } from "../_support/shell.mjs";

/**
 * What a tunnel is for: `ours` and `theirs` are words for the child, `oursIke` and `theirsIke` for the IKE SA, and `by` is who must
 * have asked for a replacement of `what` at least twice.
 */
const octets = (amount) => ({ rekey_bytes: amount, rand_bytes: 0, life_bytes: amount * 10 });
const packets = (amount) => ({ rekey_packets: amount, rand_packets: 0, life_packets: amount * 10 });
const child = (seconds) => ({ rekey_time: seconds, rand_time: 0, life_time: seconds * 10 });
const ike = (seconds) => ({ rekey_time: seconds, rand_time: 0, over_time: seconds * 10 });
const again = (seconds) => ({ rekey_time: 0, reauth_time: seconds, rand_time: 0, over_time: seconds * 10 });

const tunnels = [
  {
    name: "our-time",
    by: "us",
    what: "child",
    ours: { ...child(1), esp_proposals: "aes256gcm16-x25519" },
    theirs: { esp_proposals: "aes256gcm16-curve25519" },
  },
  { name: "our-octets", by: "us", what: "child", ours: octets(3000) },
  { name: "our-packets", by: "us", what: "child", ours: packets(25) },
  {
    name: "our-group",
    by: "us",
    what: "child",
    ours: { ...child(1), esp_proposals: "aes256gcm16-x25519-ecp256" },
    theirs: { esp_proposals: "aes256gcm16-ecp256" },
    also: /N\(INVALID_KE_PAYLOAD\)/,
  },
  { name: "our-ike", by: "us", what: "ike", oursIke: ike(1) },
  {
    name: "their-time",
    by: "them",
    what: "child",
    ours: { esp_proposals: "aes256gcm16-x25519" },
    theirs: { ...child(1), esp_proposals: "aes256gcm16-curve25519" },
  },
  { name: "their-octets", by: "them", what: "child", theirs: octets(3000) },
  { name: "their-packets", by: "them", what: "child", theirs: packets(25) },
  {
    name: "their-group",
    by: "them",
    what: "child",
    ours: { esp_proposals: "aes256gcm16-ecp256" },
    theirs: { ...child(1), esp_proposals: "aes256gcm16-curve25519-ecp256" },
  },
  { name: "their-ike", by: "them", what: "ike", theirsIke: ike(1) },
  {
    name: "both",
    by: "either",
    what: "child",
    ours: child(1),
    theirs: child(1),
    oursIke: ike(2),
    theirsIke: ike(2),
  },
];

/** Who asks first authenticates itself anew. */
const ourReauthentication = { name: "our-again", by: "us", what: "reauthentication", oursIke: again(2) };
const theirReauthentication = {
  name: "their-again",
  by: "them",
  what: "reauthentication",
  theirsIke: again(2),
};

export const engineLifetimes = [
  {
    name:
      "our engine asks: lifetimes by time, octets and packets of both ends, with new groups, over UDP: no ping is lost",
    async run(lab) {
      await lab.router("open");
      const all = [...tunnels, ourReauthentication];
      await configure(lab, "moon", all);
      const peer = await lab.peer(
        initiator(all.map((tunnel) => ours(tunnel, "carol")), { credentials: secrets(all) }),
      );
      await peer.order("bindUdp", { hostname: address.sun, port: 4500, marked: true });
      const up = [];
      for (const tunnel of all) {
        const { ikeSa } = await peer.up(tunnel.name, { udp: { hostname: address.moon, port: 4500 } });
        const number = await peer.order("startPings", { ikeSa, to: address.moonLan });
        up.push({ ...tunnel, ikeSa, stop: () => peer.order("stopPings", { number }) });
      }
      return await judge(peer, up);
    },
  },
  {
    name:
      "our engine answers: lifetimes by time, octets and packets of both ends, with new groups, over TCP: no ping is lost",
    async run(lab) {
      const all = [...tunnels, theirReauthentication];
      await configure(lab, "carol", all);
      const peer = await lab.peer(
        responder(all.map((tunnel) => ours(tunnel, "moon")), { credentials: secrets(all) }),
      );
      await peer.order("listenTcp", { hostname: address.sun, port: 4500 });
      await lab.carolRelay("127.0.0.1", address.sun);
      const up = [];
      for (const [i, tunnel] of all.entries()) {
        await lab.initiate(tunnel.name);
        const id = identities(tunnel.name).carol;
        const { ikeSa } = await peer.event("ike_sa_established", ({ remoteId }) => remoteId === id);
        const [{ vip }] = (await lab.sas("carol")).filter(({ name }) => name === tunnel.name);
        const to = hostOf(i);
        const ping = lab.startPing("carol", to, { name: `ping-${tunnel.name}`, from: vip });
        up.push({
          ...tunnel,
          ikeSa,
          stop: async () => {
            const { sent, received, lost } = await ping.stop();
            // The last ones may have been on their way.
            return { sent, answered: lost === 0 && received >= sent - 3 ? sent : received, lost };
          },
        });
      }
      return await judge(peer, up);
    },
  },
];

/** Waits until each tunnel has seen two replacements by who is to ask; then everything must have been answered. */
async function judge(peer, up) {
  const began = performance.now();
  try {
    for (const tunnel of up) {
      await eventually(`${tunnel.name} to be replaced twice`, 20, () => replacements(peer, tunnel) >= 2);
    }
    await sleep(Math.max(0, 3000 - (performance.now() - began)));
  } finally {
    for (const tunnel of up) tunnel.counts = await tunnel.stop();
  }
  const notes = [];
  for (const tunnel of up) {
    const { name, counts: { sent, answered, late, lost } } = tunnel;
    assert.ok(sent > 20, `${sent} pings were sent in ${name}`);
    assert.equal(
      answered,
      sent,
      `no ping was lost in ${name} (${lost ?? ""}${late?.map((at) => new Date(at).toISOString())})`,
    );
    if (tunnel.also !== undefined) {
      assert.ok(linesOf(peer, tunnel).some((line) => tunnel.also.test(line)), name);
    }
    notes.push(`${name} ${replacements(peer, tunnel)}`);
  }
  const gone = peer.events.filter(({ type }) => type === "ike_sa_deleted");
  assert.deepEqual(gone.filter(({ by }) => by === "failure"), []);
  const ended = new Set(gone.map(({ ikeSa }) => ikeSa));
  for (const tunnel of up) {
    assert.ok([...lineage(peer, tunnel)].some((ikeSa) => !ended.has(ikeSa)), `${tunnel.name} lives`);
  }
  await peer.stop(); // while the daemon can still answer
  return notes.join(", ");
}

/** The IKE SAs of a tunnel, the first and those that came in its place. */
function lineage(peer, { ikeSa }) {
  const all = new Set([ikeSa]);
  for (const event of peer.events) {
    if (event.type === "ike_sa_established" && all.has(event.replaces)) all.add(event.ikeSa);
  }
  return all;
}

function linesOf(peer, tunnel) {
  const all = lineage(peer, tunnel);
  return peer.events.filter(({ type, ikeSa }) => type === "message" && all.has(ikeSa)).map(({ line }) =>
    line
  );
}

/** How often a tunnel's SA was asked to be replaced by who is to do it, and was. */
function replacements(peer, tunnel) {
  const all = lineage(peer, tunnel);
  const made = tunnel.what === "child"
    ? peer.events.filter(({ type, ikeSa, replaces }) =>
      type === "child_sa_installed" && all.has(ikeSa) && replaces !== undefined
    ).length
    : all.size - 1;
  if (tunnel.what === "reauthentication" || tunnel.by === "either") return made;
  const request = tunnel.what === "child" ? /CREATE_CHILD_SA \{ N\(REKEY_SA\)/ : /CREATE_CHILD_SA \{ SA, Ni/;
  const asked =
    linesOf(peer, tunnel).filter((line) =>
      request.test(line) && line.startsWith("<--") === (tunnel.by === "them")
    ).length;
  return Math.min(made, asked);
}

/** A host behind our end for each tunnel: strongSwan's routes to them are then different ones. */
function hostOf(i) {
  return `10.99.1.${i + 1}`;
}

function identities(name) {
  return { carol: `carol-${name}.swlab.example`, moon: `moon-${name}.swlab.example` };
}

function secrets(all) {
  return {
    psks: all.map(({ name }) => ({ ids: Object.values(identities(name)), secret: "swlab shared secret" })),
  };
}

/** Our connection, in the place of one side. */
function ours({ name, ours = {}, oursIke = {} }, side) {
  const ids = identities(name);
  const forEver = { rekey_time: 0 };
  return {
    name,
    proposals: "aes256-sha256-x25519",
    ...forEver,
    ...oursIke,
    local: { auth: "psk", id: ids[side] },
    remote: { auth: "psk", id: side === "carol" ? ids.moon : ids.carol },
    ...(side === "carol" ? { vips: "0.0.0.0" } : { pools: "pool4" }),
    children: {
      net: {
        esp_proposals: "aes256gcm16",
        ...forEver,
        ...ours,
        [side === "carol" ? "remote_ts" : "local_ts"]: "10.99.1.0/24",
      },
    },
  };
}

/** Gives a daemon connections for all of these. */
async function configure(lab, side, all) {
  const words = (record) => Object.entries(record).map(([key, value]) => `${key} = ${value}`).join("\n");
  const sections = all.map(({ name, theirs = {}, theirsIke = {} }, i) => {
    const ids = identities(name);
    const [local, remote] = side === "carol" ? [ids.carol, ids.moon] : [ids.moon, ids.carol];
    const traffic = side === "carol" ? `remote_ts = ${hostOf(i)}/32` : "local_ts = 10.99.1.0/24";
    return `
  ${name} : ${side === "carol" ? "base-relay" : "base"} {
    ${words({ proposals: "aes256-sha256-curve25519", ...theirsIke })}
    local { id = ${local}
            auth = psk }
    remote { id = ${remote}
             auth = psk }
    children { net { ${traffic}
      ${words({ esp_proposals: "aes256gcm16", ...theirs })} } }
  }`;
  });
  const psks = all.map(({ name }) => {
    const { carol, moon } = identities(name);
    return `
  ike-${name} { id-a = ${carol}
    id-b = ${moon}
    secret = "swlab shared secret" }`;
  });
  const file = `${directory}/lifetimes.conf`;
  writeFileSync(file, `connections {${sections.join("")}\n}\nsecrets {${psks.join("")}\n}\n`);
  await lab.up({ [side === "carol" ? "EXTRA" : "MOON_EXTRA"]: file });
}
