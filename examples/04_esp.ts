/**
 * IP packets through a tunnel, by hand: two SAs with keys that both ends know, ESP, and the stream of RFC 9329 between them.
 * What an IKE daemon would agree on stands here as constants. IKETCP_CRYPTO=ffi makes it several times faster.
 */

import { EncapsulationStream, InPlaceFramer } from "iketcp";
import { type CipherSpec, parseEspProposal } from "iketcp/crypto";
import {
  EspDecryptStream,
  EspEncryptStream,
  InboundSa,
  OutboundSa,
  parseTrafficSelector,
  SaTable,
} from "iketcp/esp";
import { runtimeCrypto } from "iketcp/runtime";
import { memoryPair } from "iketcp/transport";

const crypto = runtimeCrypto();
const { encryption } = parseEspProposal("aes256gcm16-esn");
const cipher: CipherSpec = {
  encryption: encryption[0]!,
  encryptionKey: globalThis.crypto.getRandomValues(new Uint8Array(36)), // 32 octets of key, 4 of salt
  esn: true,
};

// An SA has one direction. The client's table says which packets it is for, the gateway's what may come out of it.
const [branch, office] = [[parseTrafficSelector("10.1.0.0/16")], [parseTrafficSelector("10.2.0.0/16")]];
const client = new SaTable();
client.addOutbound(new OutboundSa({ spi: 0xc0ffee, cipher, crypto }), { local: branch, remote: office });
const gateway = new SaTable();
gateway.addInbound(
  new InboundSa({ spi: 0xc0ffee, cipher, crypto, selectors: { local: office, remote: branch } }),
);

// A connection; `connectTcp` and `listenTcp` of iketcp/runtime give real ones.
const [here, there] = memoryPair();
const [originator, responder] = [
  // With room in front of each packet, encryption and framing are one pass over one slab.
  new EncapsulationStream({ role: "originator", framer: new InPlaceFramer() }),
  new EncapsulationStream({ role: "responder" }),
];
const piped = [
  here.readable.pipeThrough(originator).pipeTo(here.writable),
  there.readable.pipeThrough(responder).pipeTo(there.writable),
];

const encrypt = new EspEncryptStream({
  table: client,
  room: 2,
  onDrop: ({ reason }) => console.log(`not sent: ${reason}`),
});
encrypt.readable.pipeTo(originator.esp.writable);
const decrypt = new EspDecryptStream({
  table: gateway,
  onDrop: ({ reason }) => console.log(`dropped: ${reason}`),
});

const packets = encrypt.writable.getWriter();
packets.write([
  ipPacket("10.1.0.7", "10.2.0.1", "a packet for the office"),
  ipPacket("10.1.0.7", "192.0.2.1", "a packet that no SA is for"),
  ipPacket("10.1.0.8", "10.2.0.1", "another one for the office"),
]);
packets.close();
originator.ike.writable.close();

for await (const batch of responder.esp.readable.pipeThrough(decrypt)) {
  for (const packet of batch) {
    console.log(`${packet.subarray(12, 16).join(".")}: ${new TextDecoder().decode(packet.subarray(20))}`);
  }
}
await Promise.all([responder.ike.writable.close(), responder.esp.writable.close(), ...piped]);
client.dispose(); // wipes the keys
gateway.dispose();

/** An IPv4 header, its checksum left to those who forward it, and a text behind it. */
function ipPacket(from: string, to: string, text: string): Uint8Array {
  const payload = new TextEncoder().encode(text);
  const packet = new Uint8Array(20 + payload.length);
  packet.set([0x45, 0, 0, packet.length, 0, 0, 0, 0, 64, 253]); // protocol 253: for experiments (RFC 3692)
  packet.set([...from.split("."), ...to.split(".")].map(Number), 12);
  packet.set(payload, 20);
  return packet;
}
