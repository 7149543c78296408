/**
 * The end of a tunnel that asks: sets up an IKE SA and a child SA with the responder, pings a host behind it through ESP, and
 * deletes both. Give it the host and the port of the responder.
 */

import process from "node:process";
import { Credentials, parseIdentity } from "iketcp/ike/auth";
import { connectTcp, runtimeCrypto } from "iketcp/runtime";
import { connect, emitIcmpEcho, parseIcmpEcho } from "iketcp/tunnel";

const [hostname = "127.0.0.1", port = "4500", secret = "an example's secret"] = process.argv.slice(2);

const credentials = new Credentials();
credentials.addPreSharedKey({
  secret: new TextEncoder().encode(secret),
  owners: [parseIdentity("gw.example"), parseIdentity("client.example")],
});

const session = await connect(await connectTcp({ hostname, port: Number(port) }), {
  crypto: runtimeCrypto(),
  credentials,
  configuration: {
    name: "office",
    local: { auth: "psk", id: "client.example" },
    remote: { auth: "psk", id: "gw.example" },
    vips: "0.0.0.0",
    children: { net: { remote_ts: "192.0.2.0/24" } },
  },
  onEvent: (event) => event.type === "message" && console.log(event.line),
});
const [source] = session.configuration.addresses;
console.log(`${session.established.suite}, I am ${source!.join(".")}`);

const writer = session.writable.getWriter();
const reader = session.readable.getReader();
for (let sequence = 1; sequence <= 3; sequence++) {
  await writer.write(emitIcmpEcho({
    kind: "request",
    source: source!,
    destination: new Uint8Array([192, 0, 2, 1]),
    identifier: 1,
    sequence,
    data: new TextEncoder().encode("through ESP"),
  }));
  const { value: [packet] = [] } = await reader.read();
  const reply = parseIcmpEcho(packet!);
  console.log(`${reply!.kind} ${reply!.sequence} from ${reply!.source.join(".")}`);
}
await session.close();
