import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TransportError } from "../../lib/errors.ts";
import { connectionError, toTransportError } from "../../lib/runtime/errors.ts";

const systemError = (code: string, message = "what the system says") =>
  Object.assign(new Error(message), { code });

describe("toTransportError", () => {
  it("gives each system code its own, and a sentence", () => {
    const cases = {
      EADDRINUSE: ["ERR_TRANSPORT_ADDRESS_IN_USE", "the address is in use"],
      EADDRNOTAVAIL: ["ERR_TRANSPORT_ADDRESS_NOT_AVAILABLE", "the address does not belong to this machine"],
      EACCES: ["ERR_TRANSPORT_PERMISSION", "permission denied"],
      ENOTFOUND: ["ERR_TRANSPORT_RESOLVE", "the name cannot be resolved"],
      ECONNREFUSED: ["ERR_TRANSPORT_REFUSED", "connection refused"],
      EHOSTUNREACH: ["ERR_TRANSPORT_UNREACHABLE", "there is no route to it"],
      ETIMEDOUT: ["ERR_TRANSPORT_TIMEOUT", "the peer did not answer in time"],
      EMFILE: ["ERR_TRANSPORT_FAILED", "what the system says"],
    };
    for (const [code, [expected, reason]] of Object.entries(cases)) {
      const cause = systemError(code);
      const error = toTransportError(cause, "listen on tcp 127.0.0.1:4500");
      assert.ok(error instanceof TransportError);
      assert.equal(error.code, expected);
      assert.equal(error.message, `Cannot listen on tcp 127.0.0.1:4500: ${reason}`);
      assert.equal(error.cause, cause);
    }
  });

  it("knows Deno's errors without a code", () => {
    const notCapable = Object.assign(new Error("Requires net access"), { name: "NotCapable" });
    assert.equal(toTransportError(notCapable, "x").code, "ERR_TRANSPORT_PERMISSION");
    const lookup = new Error("failed to lookup address information: Name or service not known");
    assert.equal(toTransportError(lookup, "x").code, "ERR_TRANSPORT_RESOLVE");
  });

  it("looks into an error for several addresses", () => {
    const errors = [systemError("ENETUNREACH"), systemError("ECONNREFUSED")];
    assert.equal(toTransportError(new AggregateError(errors), "x").code, "ERR_TRANSPORT_REFUSED");
  });

  it("leaves its own errors alone, and copes with anything", () => {
    const own = new TransportError("ERR_TRANSPORT_TIMEOUT", "Cannot wait");
    assert.equal(toTransportError(own, "x"), own);
    for (
      const thrown of ["text", undefined, Object.create(null), { code: "toString" }, new AggregateError([])]
    ) {
      assert.equal(toTransportError(thrown, "x").code, "ERR_TRANSPORT_FAILED");
    }
  });
});

describe("connectionError", () => {
  it("calls every way in which a peer vanishes a reset", () => {
    for (const code of ["ECONNRESET", "EPIPE", "ECONNABORTED", "ENOTCONN"]) {
      const error = connectionError(systemError(code), { hostname: "2001:db8::1", port: 4500 });
      assert.equal(error.code, "ERR_TRANSPORT_RESET");
      assert.equal(error.message, "Connection to [2001:db8::1]:4500 was reset by the peer");
    }
    const error = connectionError(systemError("ETIMEDOUT"), { hostname: "192.0.2.1", port: 4500 });
    assert.equal(error.message, "Connection to 192.0.2.1:4500 broke: the peer did not answer in time");
  });
});
