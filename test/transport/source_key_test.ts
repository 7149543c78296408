import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { sourceKey } from "../../lib/transport/source_key.ts";

const keys: readonly [hostname: string, key: string][] = [
  ["192.0.2.1", "192.0.2.1"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:0DB8:0001:0002::", "2001:db8:1:2::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["2001:db8::5:6:7:8", "2001:db8:0:0::/64"],
  ["2001:db8:0:9::1", "2001:db8:0:9::/64"],
  ["::1", "0:0:0:0::/64"],
  ["::", "0:0:0:0::/64"],
  ["64:ff9b::192.0.2.1", "64:ff9b:0:0::/64"],
  ["1:2:3:4:5:6:192.0.2.1", "1:2:3:4::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64%eth0"],
  ["fe80::1%eth1", "fe80:0:0:0::/64%eth1"],
];

describe("sourceKey", () => {
  for (const [hostname, key] of keys) {
    it(`of ${hostname} is ${key}`, () => assert.equal(sourceKey(hostname), key));
  }
});
