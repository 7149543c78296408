/** The portable provider passes the suite. It lacks nothing. */

import { describe } from "node:test";
import { nobleProvider } from "../../lib/crypto/mod.ts";
import { describeCiphers } from "../compliance/cipher_suite.ts";

describe("The noble provider", () => describeCiphers(nobleProvider()));
