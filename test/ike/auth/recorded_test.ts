/** AUTH and EAP of conversations between strongSwan and strongSwan, octet by octet (`../shared/vectors/ike-live`). */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import {
  AUTH_METHOD,
  type AuthContext,
  checkSharedKeyAuth,
  Credentials,
  parseCertificate,
  parseIdentity,
  type RemoteAuthentication,
  sharedKeyAuth,
  signedOctets,
  verifyAuth,
} from "../../../lib/ike/auth/mod.ts";
import {
  EapPeer,
  EapServer,
  mschapv2Peer,
  mschapv2Server,
  parseEapPacket,
} from "../../../lib/ike/eap/mod.ts";
import { PAYLOAD_TYPES, walkChain } from "../../../lib/ike/codec/mod.ts";
import { type Prf, prfTransform } from "../../../lib/crypto/mod.ts";
import { runtimeCrypto } from "../../../lib/runtime/mod.ts";
import { fromHex, toHex } from "../../../lib/bytes/mod.ts";
import { sharedVectors } from "../../_support/vectors.ts";

const crypto = runtimeCrypto();

interface RecordedPayload {
  readonly name: string;
  readonly raw: string;
}

interface Recording {
  readonly packets: readonly {
    readonly dir: "i" | "r";
    readonly hex: string;
    readonly expected: {
      readonly header: { exchange_type: number };
      readonly payloads: readonly RecordedPayload[];
    };
    /** What was inside SK; absent where nothing was sealed. */
    readonly sk?: { readonly plaintext: string; readonly next_payload: number };
  }[];
  readonly daemon_log_values: readonly { readonly what: string; readonly hex: string }[];
}

function recording(name: string): Recording | null {
  return sharedVectors(`ike-live/strongswan-${name}.json`) as Recording | null;
}

/** The octets of a payload behind its generic header. */
function body({ raw }: RecordedPayload): Uint8Array {
  return fromHex(raw.slice(8));
}

interface LibreswanMessage {
  readonly kind: string;
  readonly hex: string;
  readonly expected: Recording["packets"][number]["expected"];
  readonly sk?: Recording["packets"][number]["sk"];
}

interface LibreswanRecording {
  readonly connections: readonly {
    readonly initiator_messages: readonly LibreswanMessage[];
    readonly responder_messages: readonly LibreswanMessage[];
  }[];
  readonly ike_keys: readonly { readonly sk_pi: string; readonly sk_pr: string }[];
}

/** The same of libreswan over TCP. */
function libreswan(name: string): Recording | null {
  const recorded = sharedVectors(`tcp/libreswan-${name}.json`) as LibreswanRecording | null;
  if (recorded === null) return null;
  const { initiator_messages, responder_messages } = recorded.connections[0]!;
  const [{ sk_pi, sk_pr }] = recorded.ike_keys as [LibreswanRecording["ike_keys"][number]];
  const of = (dir: "i" | "r", messages: readonly LibreswanMessage[]) =>
    messages.filter(({ kind }) => kind === "ike").map((message) => ({ dir, ...message }));
  return {
    packets: [...of("i", initiator_messages), ...of("r", responder_messages)],
    daemon_log_values: [{ what: "Sk_pi secret", hex: sk_pi }, { what: "Sk_pr secret", hex: sk_pr }],
  };
}

class Live {
  readonly #recording: Recording;

  constructor(recorded: Recording) {
    this.#recording = recorded;
  }

  /** Message octets of IKE_SA_INIT. */
  init(dir: "i" | "r"): Uint8Array {
    return fromHex(this.#packets(dir, 34)[0]!.hex);
  }

  nonce(dir: "i" | "r"): Uint8Array {
    return body(this.#packets(dir, 34)[0]!.expected.payloads.find(({ name }) => name === "Nonce")!);
  }

  /** All payloads of a type inside IKE_AUTH, in their order, without their generic headers. */
  auth(dir: "i" | "r", name: string): Uint8Array[] {
    return this.#packets(dir, 35).flatMap(({ sk }) =>
      [...walkChain(fromHex(sk!.plaintext), { firstType: sk!.next_payload, start: 0 })]
        .filter(({ type }) => PAYLOAD_TYPES[type] === name)
        .map((payload) => payload.body)
    );
  }

  /** A value of the daemon's log. */
  logged(what: string): Uint8Array[] {
    return this.#recording.daemon_log_values.filter((value) => value.what === what).map(({ hex }) =>
      fromHex(hex)
    );
  }

  /** What one side signed, made anew. */
  octets(dir: "i" | "r", prf: Prf): Uint8Array {
    const [key] = this.logged(dir === "i" ? "Sk_pi secret" : "Sk_pr secret");
    const [identity] = this.auth(dir, dir === "i" ? "IDi" : "IDr");
    const message = this.init(dir);
    return signedOctets({
      message,
      nonce: this.nonce(dir === "i" ? "r" : "i"),
      prf,
      key: key!,
      identity: identity!,
    });
  }

  #packets(dir: "i" | "r", exchangeType: number) {
    return this.#recording.packets.filter(({ dir: of, expected }) =>
      of === dir && expected.header.exchange_type === exchangeType
    );
  }
}

/** The context of whoever checks `dir`. */
function contextFor(live: Live, dir: "i" | "r", prf: Prf): AuthContext {
  const id = live.auth(dir, dir === "i" ? "IDi" : "IDr")[0]!;
  return {
    prf,
    crypto,
    localId: parseIdentity("%any"),
    remoteId: { type: id[0]!, data: id.subarray(4) },
    localOctets: new Uint8Array(0),
    remoteOctets: live.octets(dir, prf),
    localKey: new Uint8Array(0),
    remoteKey: new Uint8Array(0),
    peerHashAlgorithms: [2, 3, 4, 5],
    localHashAlgorithms: [2, 3, 4, 5],
    peerAuthorities: null,
    now: Date.UTC(2026, 10, 21),
  };
}

const prfSha256 = () => crypto.createPrf(prfTransform("prfsha256")!);

describe("AUTH that strongSwan made", () => {
  const psk = recording("psk-cbc-gcm");
  it("is the same by pre-shared key, and covers the octets that its log says", { skip: psk === null }, () => {
    const live = new Live(psk!);
    const prf = prfSha256();
    const secret = new TextEncoder().encode("swlab shared secret");
    const logged = live.logged("octets = message + nonce + prf(Sk_px, IDx')").map((octets) => toHex(octets));
    for (const dir of ["i", "r"] as const) {
      const octets = live.octets(dir, prf);
      assert.ok(logged.includes(toHex(octets)), dir);
      const auth = live.auth(dir, "AUTH")[0]!;
      assert.equal(auth[0], AUTH_METHOD.sharedKey);
      assert.equal(toHex(sharedKeyAuth(prf, secret, octets)), toHex(auth.subarray(4)));
    }
  });

  it("is the same by libreswan's pre-shared key", { skip: libreswan("psk-basic") === null }, () => {
    const live = new Live(libreswan("psk-basic")!);
    const prf = crypto.createPrf(prfTransform("prfsha512")!);
    const secret = new TextEncoder().encode("lab-shared-secret-0123456789abcdef");
    for (const dir of ["i", "r"] as const) {
      const auth = live.auth(dir, "AUTH")[0]!;
      assert.equal(toHex(sharedKeyAuth(prf, secret, live.octets(dir, prf))), toHex(auth.subarray(4)));
    }
  });

  it("is right by libreswan's certificates too: ECDSA on P-256 with SHA-512", {
    skip: libreswan("cert-ec") === null,
  }, () => {
    const live = new Live(libreswan("cert-ec")!);
    const prf = crypto.createPrf(prfTransform("prfsha512")!);
    for (const dir of ["i", "r"] as const) {
      const context = contextFor(live, dir, prf);
      const certificates = live.auth(dir, "CERT").map((cert) => ({
        encoding: cert[0]!,
        data: cert.subarray(1),
      }));
      const own = parseCertificate(certificates[0]!.data);
      const auth = live.auth(dir, "AUTH")[0]!;
      const received = { auth: { method: auth[0]!, data: auth.subarray(4) }, certificates };
      const remote = { auth: "ecdsa", id: parseIdentity("*.lab.test"), certificates: [own] };
      const verified = verifyAuth({ ...context, now: own.notBefore }, remote, new Credentials(), received);
      assert.equal(verified.kind === "verified" ? verified.method : verified, "ecdsa_p256_sha512");
    }
  });

  const SIGNED = { "ed25519-chacha": "ed25519", "ecdsa384-pfs": "ecdsa_p384_sha384" };
  for (const [name, scheme] of Object.entries(SIGNED)) {
    const recorded = recording(name);
    it(`is right by the certificate that came along: ${name}`, { skip: recorded === null }, () => {
      const live = new Live(recorded!);
      const prfName = live.logged("SKEYSEED")[0]!.length === 48 ? "prfsha384" : "prfsha256";
      const prf = crypto.createPrf(prfTransform(prfName)!);
      for (const dir of ["i", "r"] as const) {
        const context = contextFor(live, dir, prf);
        const certificates = live.auth(dir, "CERT").map((cert) => ({
          encoding: cert[0]!,
          data: cert.subarray(1),
        }));
        const auth = live.auth(dir, "AUTH")[0]!;
        const received = { auth: { method: auth[0]!, data: auth.subarray(4) }, certificates };
        const remote: RemoteAuthentication = {
          auth: "pubkey",
          id: parseIdentity("*.swlab.example"),
          // The lab's roots are gone with the lab: the certificate itself is expected.
          certificates: [parseCertificate(certificates[0]!.data)],
        };
        const verified = verifyAuth(context, remote, new Credentials(), received);
        assert.equal(verified.kind === "verified" ? verified.method : verified, scheme);
        const other = { ...context, remoteOctets: live.octets(dir === "i" ? "r" : "i", prf) };
        assert.equal(verifyAuth(other, remote, new Credentials(), received).kind, "failed");
      }
    });
  }
});

describe("EAP-MSCHAPv2 between strongSwan and strongSwan", () => {
  const recorded = recording("mschapv2");
  const skip = recorded === null;
  const live = skip ? null : new Live(recorded);
  const requests = live?.auth("r", "EAP") ?? [];
  const responses = live?.auth("i", "EAP") ?? [];
  /** Where a random value is drawn, the recorded one comes. */
  const drawing = (values: Uint8Array[]) => (octets: Uint8Array) => octets.set(values.shift()!);

  it("is answered by our peer with the same octets, and gives the same key", { skip }, () => {
    const peerChallenge = parseEapPacket(responses[1]!)!.data.subarray(5, 21);
    const peer = new EapPeer({
      identity: "carol",
      password: "Ar3etTnp",
      methods: [mschapv2Peer],
      random: drawing([peerChallenge]),
    });
    for (const [i, response] of responses.entries()) {
      const outcome = peer.handle(requests[i]!);
      assert.ok(outcome.kind === "reply");
      assert.equal(toHex(outcome.packet), toHex(response), `response ${i}`);
    }
    const ended = peer.handle(requests.at(-1)!);
    assert.ok(ended.kind === "success");
    assert.equal(toHex(ended.msk!), toHex(live!.logged("secret")[0]!));
  });

  it("is led by our server to the same proof and the same key", { skip }, () => {
    const challenge = parseEapPacket(requests[1]!)!;
    const before = Uint8Array.of(challenge.identifier - 1 & 0xff);
    const server = new EapServer({
      identity: "carol",
      methods: [mschapv2Server],
      passwordOf: () => "Ar3etTnp",
      random: drawing([before, challenge.data.slice(5, 21), challenge.data.slice(1, 2)]),
    });
    assert.equal(server.begin().kind, "reply");
    const proof = server.handle(responses[1]!);
    assert.ok(proof.kind === "reply");
    const text = (packet: Uint8Array) =>
      new TextDecoder().decode(parseEapPacket(packet)!.data.subarray(4, 46));
    assert.equal(text(proof.packet), text(requests[2]!));
    const ended = server.handle(responses[2]!);
    assert.ok(ended.kind === "success");
    assert.equal(toHex(ended.msk!), toHex(live!.logged("secret")[0]!));
    assert.equal(toHex(ended.packet!), toHex(requests[3]!));
  });

  it("gives AUTH of both sides, made with that key", { skip }, () => {
    const prf = prfSha256();
    const [msk] = live!.logged("secret") as [Uint8Array];
    for (const dir of ["i", "r"] as const) {
      const context = contextFor(live!, dir, prf);
      const auth = live!.auth(dir, "AUTH").at(-1)!;
      assert.equal(checkSharedKeyAuth(context, msk, { method: auth[0]!, data: auth.subarray(4) }), null);
      assert.notEqual(
        checkSharedKeyAuth(context, msk.map((octet) => octet ^ 1), { method: 2, data: auth.subarray(4) }),
        null,
      );
    }
  });

  it("is preceded by the gateway's own signature", { skip }, () => {
    const context = contextFor(live!, "r", prfSha256());
    const [cert] = live!.auth("r", "CERT") as [Uint8Array];
    const [auth] = live!.auth("r", "AUTH") as [Uint8Array];
    const certificates = [{ encoding: cert[0]!, data: cert.subarray(1) }];
    const remote = {
      auth: "pubkey",
      id: parseIdentity("%any"),
      certificates: [parseCertificate(cert.subarray(1))],
    };
    const received = { auth: { method: auth[0]!, data: auth.subarray(4) }, certificates };
    assert.equal(verifyAuth(context, remote, new Credentials(), received).kind, "verified");
  });
});
