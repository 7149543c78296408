import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { AUTH_METHOD, buildAuth, Credentials, parseIdentity, verifyAuth } from "../../../lib/ike/auth/mod.ts";
import { concat } from "../../../lib/bytes/mod.ts";
import { scene } from "./_context.ts";
import { built, check, reasonOf, SECRET, withSecret } from "./_exchange.ts";

describe("Pre-shared key", () => {
  it("proves both sides", () => {
    const { initiator, responder } = scene();
    const ours = built(buildAuth(initiator, { auth: "psk" }, withSecret()));
    assert.equal(ours.auth.method, AUTH_METHOD.sharedKey);
    const theirs = built(buildAuth(responder, { auth: "psk" }, withSecret()));
    const id = parseIdentity("%any");
    assert.equal(verifyAuth(responder, { auth: "psk", id }, withSecret(), ours).kind, "verified");
    assert.equal(verifyAuth(initiator, { auth: "psk", id }, withSecret(), theirs).kind, "verified");
  });

  it("refuses another secret, a missing one, an empty AUTH, and a cut one", () => {
    const { initiator, responder } = scene();
    const sent = built(buildAuth(responder, { auth: "psk" }, withSecret()));
    const psk = { auth: "psk" };
    const other = withSecret(new TextEncoder().encode("another"));
    assert.match(reasonOf(check(initiator, other, sent, psk)), /the shared keys differ/);
    assert.match(
      reasonOf(check(initiator, withSecret(SECRET, ["other.example.org"]), sent, psk)),
      /no pre-shared key for carol@example\.org and gw\.example\.org/,
    );
    for (
      const data of [
        new Uint8Array(0),
        sent.auth.data.subarray(0, 31),
        concat([sent.auth.data, Uint8Array.of(0)]),
      ]
    ) {
      assert.equal(
        check(initiator, withSecret(), { ...sent, auth: { ...sent.auth, data } }, psk).kind,
        "failed",
      );
    }
    assert.match(reasonOf(buildAuth(initiator, psk, new Credentials())), /no pre-shared key/);
    assert.throws(() => withSecret(new Uint8Array(0)), { code: "ERR_CONFIG_CREDENTIAL" });
  });

  it("refuses our own AUTH reflected, even though the secret is one", () => {
    const { initiator } = scene();
    const ours = built(buildAuth(initiator, { auth: "psk" }, withSecret()));
    assert.match(reasonOf(check(initiator, withSecret(), ours, { auth: "psk" })), /AUTH is wrong/);
  });

  it("is chosen by whose it is: the peer's identity before ours, names before wildcards", () => {
    const credentials = new Credentials();
    const add = (text: string, ...owners: string[]) => {
      const secret = new TextEncoder().encode(text);
      credentials.addPreSharedKey({ secret, owners: owners.map(parseIdentity) });
    };
    add("everybody's");
    add("all of example", "*.example");
    add("gw's", "gw.example");
    add("carol's", "carol@example");
    add("of both", "dave@example", "gw.example");
    const find = (local: string, remote: string) =>
      new TextDecoder().decode(credentials.findPreSharedKey(parseIdentity(local), parseIdentity(remote))!);
    assert.equal(find("carol@example", "gw.example"), "gw's");
    assert.equal(find("dave@example", "gw.example"), "of both");
    assert.equal(find("dave@example", "other.example"), "all of example");
    assert.equal(find("gw.example", "carol@example"), "carol's");
    assert.equal(find("a", "b"), "everybody's");
  });
});

describe("NULL authentication", () => {
  const id = parseIdentity("%any");

  it("binds the messages and proves nobody, when it is asked for by name", () => {
    const { initiator, responder } = scene();
    const sent = built(buildAuth(responder, { auth: "null" }, new Credentials()));
    const verified = verifyAuth(initiator, { auth: "null", id }, new Credentials(), sent);
    assert.equal(verified.kind === "verified" && verified.anonymous, true);
    const changed = sent.auth.data.map((octet, i) => i === 0 ? octet ^ 1 : octet);
    const forged = { ...sent, auth: { ...sent.auth, data: changed } };
    assert.match(
      reasonOf(verifyAuth(initiator, { auth: "null", id }, new Credentials(), forged)),
      /changed under way/,
    );
  });

  it("is never accepted otherwise, not even where anything is", () => {
    const { initiator, responder } = scene();
    const sent = built(buildAuth(responder, { auth: "null" }, new Credentials()));
    for (const auth of ["psk", "pubkey", "any", "rsa"]) {
      const outcome = verifyAuth(initiator, { auth, id }, withSecret(), sent);
      assert.match(reasonOf(outcome), /NULL Authentication/, auth);
    }
  });

  it("does not take a signature or a shared key for itself", () => {
    const { initiator, responder } = scene();
    const psk = built(buildAuth(responder, { auth: "psk" }, withSecret()));
    assert.match(reasonOf(verifyAuth(initiator, { auth: "null", id }, withSecret(), psk)), /expected NULL/);
  });
});
