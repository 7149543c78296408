import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { seededRandom } from "./_pair.ts";
import { ConfigError } from "../../lib/errors.ts";
import { type ConnectionConfig, formatProposal, IkeEngine, ikeLimits } from "../../lib/ike/mod.ts";
import { readConnection } from "../../lib/ike/connection.ts";
import { Credentials, parseIdentity } from "../../lib/ike/auth/mod.ts";
import { CryptoProviders, nobleProvider } from "../../lib/crypto/mod.ts";

const NOBLE = new CryptoProviders([nobleProvider()]);

const read = (config: Record<string, unknown>) =>
  readConnection({ name: "home", ...config } as ConnectionConfig, NOBLE);

/** A wrong section, and what its error says. */
const REFUSED: readonly [config: Record<string, unknown>, message: RegExp][] = [
  [{ vip: "0.0.0.0" }, /connections\.home\.vip: expected one of .*\bvips\b/],
  [{ local: { psk: "x" } }, /connections\.home\.local\.psk: expected one of auth, cacerts/],
  [{ children: { net: { local_tss: "10.0.0.0/8" } } }, /connections\.home\.children\.net\.local_tss/],
  [
    { children: { net: { local_ts: Array.from({ length: 256 }, (_, i) => `10.0.${i}.0/24`) } } },
    /net\.local_ts: expected at most 255 selectors, got "?256/,
  ],
  [{ local: { auth: "password" } }, /connections\.home\.local\.auth/],
  [{ local: { auth: "any" } }, /connections\.home\.local\.auth: expected one way to prove who we are/],
  [{ remote: { auth: "eap-magic" } }, /connections\.home\.remote\.auth.*eap-mschapv2/],
  [{ proposals: "aes256gcm61-prfsha256-x25519" }, /connections\.home\.proposals.*did you mean "aes256gcm16"/],
  [{ children: { net: { esp_proposals: "aes256" } } }, /children\.net\.esp_proposals.*integrity/],
  [{ rekey_time: "soon" }, /rekey_time: expected a time.*got "soon"/],
  [{ dpd_delay: "30d" }, /dpd_delay: expected a time of less than 24 days/],
  [{ children: { net: { rekey_time: "2h", life_time: "1h" } } }, /rekey_time: expected at most life_time/],
  [{ children: { net: { rekey_bytes: "lots" } } }, /rekey_bytes: expected a number/],
  [{ vips: "home" }, /vips: expected IP addresses, got "home"/],
  [{ remote_addrs: "gw.example" }, /remote_addrs: expected %any, addresses/],
  [{ childless: "maybe" }, /childless: expected allow, prefer, force, never, got "maybe"/],
  [{ mobike: "perhaps" }, /mobike: expected true or false/],
  [{ children: [] }, /connections\.home\.children: expected a section/],
  [{ local: { certs: 7 } }, /local\.certs: expected the contents of files/],
  [{ name: "" }, /name: expected a name/],
];

describe("A connection", () => {
  for (const [config, message] of REFUSED) {
    it(`with ${JSON.stringify(config)} is refused by name`, () => {
      assert.throws(() => read(config), (error: unknown) => {
        assert.ok(error instanceof ConfigError);
        assert.match(error.message, message);
        return true;
      });
    });
  }

  it("has the defaults of swanctl.conf", () => {
    const connection = read({ children: { net: {} } });
    assert.equal(connection.rekeyTime, 4 * 3_600_000);
    assert.equal(connection.overTime, 4 * 360_000);
    assert.equal(connection.randTime, connection.overTime);
    assert.equal(connection.reauthTime, 0);
    assert.equal(connection.dpdDelay, 0);
    assert.equal(connection.local.auth, "pubkey");
    assert.equal(connection.childless, "allow");
    assert.deepEqual(connection.children.get("net")!.time, {
      rekey: 3_600_000,
      life: 3_960_000,
      rand: 360_000,
    });
    assert.deepEqual(connection.children.get("net")!.bytes, { rekey: 0, life: 0, rand: 0 });
  });

  it("derives the times that are not given from the others, as swanctl.conf does", () => {
    const times = (config: Record<string, unknown>) => {
      const { rekeyTime, reauthTime, overTime, randTime } = read(config);
      return [rekeyTime, reauthTime, overTime, randTime].map((time) => time / 60_000);
    };
    // With a reauthentication there is no rekey, unless both are asked for; the first of them decides how random it may be.
    assert.deepEqual(times({ reauth_time: "10h" }), [0, 600, 60, 60]);
    assert.deepEqual(times({ reauth_time: "10h", rekey_time: "1h" }), [60, 600, 60, 30]);
    assert.deepEqual(times({ rekey_time: "1h", over_time: "50m" }), [60, 0, 50, 30]);
    assert.deepEqual(times({ rekey_time: 0 }), [0, 0, 0, 0]);
    assert.deepEqual(times({ rekey_time: "1h", over_time: "5m", rand_time: "1m" }), [60, 0, 5, 1]);
    const { time, bytes } = read({ children: { net: { life_time: "110m", life_bytes: 1100 } } }).children.get(
      "net",
    )!;
    assert.deepEqual(time, { rekey: 6_000_000, life: 6_600_000, rand: 600_000 });
    assert.deepEqual(bytes, { rekey: 1000, life: 1100, rand: 100 });
  });

  it("takes times and amounts as people write them", () => {
    const connection = read({
      rekey_time: "30m",
      over_time: 60,
      dpd_delay: "1.5m",
      mobike: "no",
      children: { net: { life_time: "11h", rekey_bytes: "1G", rekey_packets: 1000 } },
    });
    assert.equal(connection.rekeyTime, 1_800_000);
    assert.equal(connection.overTime, 60_000);
    assert.equal(connection.dpdDelay, 90_000);
    assert.equal(connection.mobike, false);
    const { time, bytes, packets } = connection.children.get("net")!;
    assert.deepEqual(time, { rekey: 36_000_000, life: 39_600_000, rand: 3_600_000 });
    assert.equal(bytes.rekey, 1024 ** 3);
    assert.equal(bytes.life, Math.floor(1024 ** 3 * 1.1));
    assert.deepEqual(packets, { rekey: 1000, life: 1100, rand: 100 });
  });
});

describe("An engine", () => {
  const engine = (options: Partial<ConstructorParameters<typeof IkeEngine>[0]>) =>
    new IkeEngine({
      crypto: NOBLE,
      random: () => {},
      connections: [],
      ...options,
    });

  it("refuses a name that comes twice, and pools that there are not", () => {
    assert.throws(
      () => engine({ connections: [{ name: "a" }, { name: "a" }] }),
      /connections\.a: the name comes twice/,
    );
    assert.throws(
      () => engine({ connections: [{ name: "a", pools: "p" }], pools: { q: { addrs: "10.0.0.0/24" } } }),
      /connections\.a\.pools: expected q, got p/,
    );
  });

  /** Plain JavaScript without a few algorithms, on a runtime of another world. */
  const poor = (...lacking: string[]) => {
    const without = <T extends object>(whole: T): T =>
      new Proxy(whole, {
        get: (target, property) => {
          const value: unknown = Reflect.get(target, property);
          if (typeof value === "object" && value !== null) return without(value);
          if (typeof value !== "function") return value;
          return (...args: unknown[]) => {
            if (lacking.includes(String(args[0]))) throw new Error("not in this build");
            return Reflect.apply(value, target, args);
          };
        },
      });
    return new CryptoProviders([without(nobleProvider())], [], "in Gizmo 1.0");
  };

  it("refuses algorithms that are asked for by name and that nobody here has, before anything is sent", () => {
    const crypto = poor("x25519");
    for (
      const [words, where] of [
        [{ proposals: "aes256gcm16-prfsha256-ecp256-x25519" }, /connections\.home\.proposals/],
        [
          { children: { net: { esp_proposals: "aes256gcm16-x25519" } } },
          /home\.children\.net\.esp_proposals/,
        ],
      ] as const
    ) {
      assert.throws(() => engine({ crypto, connections: [{ name: "home", ...words }] }), (error: unknown) => {
        assert.ok(error instanceof ConfigError);
        assert.equal(error.code, "ERR_CONFIG_PROPOSAL");
        assert.match(error.message, where);
        assert.match(error.message, /x25519: no provider in Gizmo 1\.0 has it \(.*not in this build/);
        return true;
      });
    }
    engine({ crypto, connections: [{ name: "home", proposals: "aes256gcm16-prfsha256-ecp256" }] });
  });

  it("takes of the default proposals those whose algorithms somebody here has, and refuses to have none", () => {
    const { proposals } = readConnection(
      { name: "home" },
      poor("x25519", "aes-128-gcm", "aes-256-gcm", "chacha20-poly1305"),
    );
    assert.equal(proposals.length, 1);
    assert.doesNotMatch(formatProposal(proposals[0]!), /x25519|gcm/);
    assert.throws(
      () => engine({ crypto: new CryptoProviders([], [], "in Gizmo 1.0"), connections: [{ name: "home" }] }),
      /connections\.home\.proposals: expected a proposal that a provider of algorithms has/,
    );
  });

  it("refuses to begin what it has no secret or key for, and says what is missing", () => {
    const path = { id: "1", reliable: true, local: end(1), remote: end(2) };
    const credentials = new Credentials();
    credentials.addPreSharedKey({ secret: Uint8Array.of(1), owners: [parseIdentity("other.example")] });
    const begin = (config: Partial<ConnectionConfig>) => {
      const one = engine({
        credentials,
        random: seededRandom(1),
        connections: [{ name: "home", ...config }],
      });
      try {
        one.handle({ kind: "initiate", connection: "home", path }, 0);
      } finally {
        assert.equal(one.counters.timers, one.counters.ikeSas);
      }
      return one.counters.ikeSas;
    };
    const psk = (remote: string | undefined, local = "me.example"): Partial<ConnectionConfig> => ({
      local: { auth: "psk", id: local },
      remote: { auth: "psk", ...(remote === undefined ? {} : { id: remote }) },
    });
    const refused = (config: Partial<ConnectionConfig>, message: RegExp) =>
      assert.throws(() => begin(config), (error: unknown) => {
        assert.ok(error instanceof ConfigError);
        assert.equal(error.code, "ERR_CONFIG_CREDENTIAL");
        assert.match(error.message, message);
        return true;
      });
    refused(psk("gw.example"), /initiate home: there is no pre-shared key for me\.example and gw\.example/);
    refused(psk(undefined), /no pre-shared key for me\.example and %any/);
    refused(
      { local: { auth: "pubkey", id: "me.example" } },
      /as me\.example, there is no certificate of ours/,
    );
    // The secret of the peer is enough: it is looked for by whom is wanted, not by who answers.
    assert.equal(begin(psk("other.example")), 1);
    assert.equal(begin(psk(undefined, "other.example")), 1);
    assert.equal(begin({ local: { auth: "null" }, remote: { auth: "pubkey" } }), 1);
  });

  it("refuses to begin what is not configured, and says what is", () => {
    const path = { id: "1", reliable: true, local: end(1), remote: end(2) };
    const one = engine({ connections: [{ name: "home", children: { net: {} } }] });
    assert.throws(
      () => one.handle({ kind: "initiate", connection: "away", path }, 0),
      /expected one of home/,
    );
    assert.throws(
      () => one.handle({ kind: "initiate", connection: "home", path, children: ["lan"] }, 0),
      /expected one of net, got lan/,
    );
    assert.equal(one.counters.ikeSas, 0);
  });

  it("refuses limits that are none", () => {
    for (
      const limits of [{ max_ike_sas: 0 }, { window_size: 1.5 }, { max_fragment_size: 100 }, {
        cookie_threshold: -1,
      }]
    ) {
      assert.throws(() => ikeLimits(limits), RangeError);
    }
    assert.equal(ikeLimits({ cookie_threshold: 0 }).cookie_threshold, 0);
  });
});

function end(last: number) {
  return { address: Uint8Array.of(192, 0, 2, last), port: 4500 };
}
