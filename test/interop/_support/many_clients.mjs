#!/usr/bin/env node
/**
 * Many UDP clients at once: each begins an IKE SA from a port of its own and waits for the answer to its own SPI.
 *
 *     many_clients.mjs HOST PORT COUNT [MILLISECONDS]     prints { answered, strange } as JSON
 */

import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import process from "node:process";

const [host, port, count, patience = "10000"] = process.argv.slice(2);
const retransmission = 1000;

const outcomes = await Promise.all(Array.from({ length: Number(count) }, () => client()));
console.log(JSON.stringify({
  answered: outcomes.filter((outcome) => outcome.answered).length,
  strange: outcomes.reduce((sum, outcome) => sum + outcome.strange, 0),
}));

function client() {
  return new Promise((resolve, reject) => {
    const socket = createSocket("udp4");
    const spi = randomBytes(8);
    const request = initRequest(spi);
    const send = () => socket.send(request, Number(port), host);
    const again = setInterval(send, retransmission);
    const limit = setTimeout(end, Number(patience));
    let answered = false;
    let strange = 0;
    let ended = false;
    socket.on("error", reject);
    socket.on("message", (data) => {
      if (isAnswer(data, spi)) answered = true;
      else strange++;
      if (answered && !ended) setTimeout(end, 300); // a neighbour's answer may still come
    });
    send();

    function end() {
      if (ended) return;
      ended = true;
      clearInterval(again);
      clearTimeout(limit);
      socket.close(() => resolve({ answered, strange }));
      socket.removeAllListeners("message");
    }
  });
}

/** After the non-ESP marker: our SPI, one of the responder's, IKE_SA_INIT as a response that begins with SA. */
function isAnswer(data, spi) {
  return data.length > 60 && data.readUInt32BE(0) === 0 && data.subarray(4, 12).equals(spi) &&
    data.readBigUInt64BE(12) !== 0n && data[20] === 33 && data[22] === 34 && (data[23] & 0x20) !== 0;
}

/** IKE_SA_INIT { SA, KE, Nonce } for AES-CBC-256, HMAC-SHA-256-128, PRF-HMAC-SHA-256, X25519 (RFC 7296, section 3). */
function initRequest(spi) {
  const transforms = [
    [3, 1, 12, [0x80, 0x0e, 0x01, 0x00]],
    [3, 3, 12, []],
    [3, 2, 5, []],
    [0, 4, 31, []],
  ].map(([more, type, id, attributes]) => {
    return Buffer.from([more, 0, 0, 8 + attributes.length, type, 0, 0, id, ...attributes]);
  });
  const proposal = Buffer.concat([
    Buffer.from([
      0,
      0,
      0,
      8 + transforms.reduce((sum, part) => sum + part.length, 0),
      1,
      1,
      0,
      transforms.length,
    ]),
    ...transforms,
  ]);
  const payloads = Buffer.concat([
    payload(34, proposal),
    payload(40, Buffer.concat([Buffer.from([0, 31, 0, 0]), randomBytes(32)])),
    payload(0, randomBytes(32)),
  ]);
  const header = Buffer.alloc(28);
  spi.copy(header);
  header.set([33, 0x20, 34, 0x08], 16);
  header.writeUInt32BE(header.length + payloads.length, 24);
  return Buffer.concat([Buffer.alloc(4), header, payloads]);
}

function payload(next, body) {
  const header = Buffer.from([next, 0, 0, 0]);
  header.writeUInt16BE(4 + body.length, 2);
  return Buffer.concat([header, body]);
}
