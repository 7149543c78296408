/** The provider on `node:crypto` passes the suite, but for what each runtime is known to lack. */

import { describe } from "node:test";
import type { CryptoAlgorithm } from "../../lib/crypto/mod.ts";
import { detectRuntime, type RuntimeName } from "../../lib/runtime/detect.ts";
import { nodeCryptoProvider } from "../../lib/runtime/node_crypto.ts";
import { describeCiphers } from "../compliance/cipher_suite.ts";

const CCM: readonly CryptoAlgorithm[] = ["aes-128-ccm", "aes-192-ccm", "aes-256-ccm"];

const LACKING: Readonly<Record<RuntimeName, readonly CryptoAlgorithm[]>> = {
  node: [],
  deno: [...CCM, "aes-192-gcm", "aes-192-cbc"],
  bun: [...CCM, "chacha20-poly1305"],
  other: [],
};

describe("The node:crypto provider", () => {
  describeCiphers(nodeCryptoProvider()!, LACKING[detectRuntime().name]);
});
