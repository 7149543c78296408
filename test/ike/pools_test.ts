import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { ConfigError } from "../../lib/errors.ts";
import { formatIpAddress, parseIpAddress } from "../../lib/ip/mod.ts";
import { AddressPool, MAX_LEASES } from "../../lib/ike/mod.ts";

function acquire(pool: AddressPool, identity: string, wanted?: string): string | undefined {
  const lease = pool.acquire(identity, wanted === undefined ? undefined : parseIpAddress(wanted));
  return lease && formatIpAddress(lease.address);
}

function release(pool: AddressPool, address: string): void {
  pool.release(parseIpAddress(address)!);
}

describe("AddressPool", () => {
  it("leaves out what names a subnet, and all its hosts", () => {
    assert.equal(new AddressPool("p", { addrs: "10.3.0.0/29" }).size, 6);
    assert.equal(new AddressPool("p", { addrs: "10.3.0.1-10.3.0.4" }).size, 4);
    assert.equal(new AddressPool("p", { addrs: "10.3.0.9" }).size, 1);
    assert.equal(new AddressPool("p", { addrs: "fd00::/120" }).size, 255);
    assert.equal(new AddressPool("p", { addrs: "fd00::/64" }).size, MAX_LEASES);
  });

  it("gives each address once, then none", () => {
    const pool = new AddressPool("p", { addrs: "10.3.0.0/30" });
    assert.equal(acquire(pool, "a"), "10.3.0.1");
    assert.equal(acquire(pool, "b"), "10.3.0.2");
    assert.equal(acquire(pool, "c"), undefined);
    assert.equal(pool.online, 2);
  });

  it("gives who comes back what it had, and others what nobody had first", () => {
    const pool = new AddressPool("p", { addrs: "10.3.0.0/29" });
    acquire(pool, "a");
    acquire(pool, "b");
    release(pool, "10.3.0.1");
    assert.equal(acquire(pool, "c"), "10.3.0.3");
    assert.equal(acquire(pool, "a"), "10.3.0.1");
  });

  it("gives what another had when nothing else is left, the longest unused first", () => {
    const pool = new AddressPool("p", { addrs: "10.3.0.0/30" });
    acquire(pool, "a");
    acquire(pool, "b");
    release(pool, "10.3.0.2");
    release(pool, "10.3.0.1");
    assert.equal(acquire(pool, "c"), "10.3.0.2");
    assert.equal(acquire(pool, "b"), "10.3.0.1");
  });

  it("gives the address that is asked for, if nobody has or had it", () => {
    const pool = new AddressPool("p", { addrs: "10.3.0.0/29" });
    assert.equal(acquire(pool, "a", "10.3.0.5"), "10.3.0.5");
    assert.equal(acquire(pool, "b", "10.3.0.5"), "10.3.0.1");
    assert.equal(acquire(pool, "c", "192.0.2.1"), "10.3.0.2");
    release(pool, "10.3.0.5");
    assert.equal(acquire(pool, "d", "10.3.0.5"), "10.3.0.3");
  });

  it("keeps two SAs of one identity apart, and never gives one address twice", () => {
    const pool = new AddressPool("p", { addrs: "10.3.0.0/29" });
    const had = [acquire(pool, "a"), acquire(pool, "a")];
    assert.deepEqual(had, ["10.3.0.1", "10.3.0.2"]);
    for (const address of had) release(pool, address!);
    const all = Array.from({ length: 7 }, (_, i) => acquire(pool, `x${i}`)).filter((one) =>
      one !== undefined
    );
    assert.equal(new Set(all).size, 6);
    assert.equal(all.length, 6);
  });

  it("does not mind an address that it did not give", () => {
    const pool = new AddressPool("p", { addrs: "10.3.0.0/29" });
    release(pool, "192.0.2.1");
    release(pool, "10.3.0.1");
    assert.equal(pool.online, 0);
  });

  it("refuses what it does not understand, by name", () => {
    assert.throws(() => new AddressPool("home", { addrs: "everything" }), /pools\.home\.addrs/);
    assert.throws(() => new AddressPool("home", { addrs: "10.3.0.0/24", dns: "resolver" }), ConfigError);
  });
});
