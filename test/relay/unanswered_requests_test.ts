/** Which datagrams of a daemon show that nothing comes back (RFC 7296, section 2.1). */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { UnansweredRequests } from "../../lib/relay/unanswered_requests.ts";
import { esp, ike, ikeSaInit, KEEPALIVE } from "./_messages.ts";

/** Offsets behind the marker. */
const FLAGS = 4 + 19;
const MESSAGE_ID = 4 + 23;

function withOctet(message: Uint8Array, offset: number, value: number): Uint8Array {
  const changed = message.slice();
  changed[offset] = value;
  return changed;
}

describe("UnansweredRequests", () => {
  it("tells for how long a request has been repeated since it was first sent", () => {
    const requests = new UnansweredRequests();
    assert.equal(requests.handleDatagram(ikeSaInit(1), 1000), 0);
    assert.equal(requests.handleDatagram(ikeSaInit(1), 1500), 500);
    assert.equal(requests.handleDatagram(ikeSaInit(1), 9000), 8000);
  });

  it("begins anew after an answer", () => {
    const requests = new UnansweredRequests();
    requests.handleDatagram(ikeSaInit(1), 1000);
    requests.handleAnswer();
    assert.equal(requests.handleDatagram(ikeSaInit(1), 9000), 0);
    assert.equal(requests.handleDatagram(ikeSaInit(1), 9001), 1);
  });

  it("tells requests apart by SPIs, exchange and message ID", () => {
    const requests = new UnansweredRequests();
    const request = ike({ spiI: 1, spiR: 2, exchange: 37 });
    requests.handleDatagram(request, 1000);
    for (
      const other of [
        ike({ spiI: 3, spiR: 2, exchange: 37 }),
        ike({ spiI: 1, spiR: 3, exchange: 37 }),
        ike({ spiI: 1, spiR: 2, exchange: 36 }),
        withOctet(request, MESSAGE_ID, 1),
      ]
    ) assert.equal(requests.handleDatagram(other, 2000), 0);
    assert.equal(requests.handleDatagram(request, 3000), 2000);
  });

  it("passes over responses, ESP, keepalives and what is cut short", () => {
    const requests = new UnansweredRequests();
    const response = withOctet(ike(), FLAGS, 0x20);
    for (const data of [response, esp(5), KEEPALIVE, ike().subarray(0, 31), new Uint8Array(4)]) {
      requests.handleDatagram(data, 1000);
      assert.equal(requests.handleDatagram(data, 9000), 0);
    }
  });

  it("remembers 64 requests, and forgets the one that waits longest for another", () => {
    const requests = new UnansweredRequests();
    for (let i = 1; i <= 65; i++) requests.handleDatagram(ikeSaInit(i), i);
    assert.equal(requests.handleDatagram(ikeSaInit(65), 1000), 935);
    assert.equal(requests.handleDatagram(ikeSaInit(2), 1000), 998);
    assert.equal(requests.handleDatagram(ikeSaInit(1), 1000), 0);
  });
});
