/**
 * The end of a tunnel that answers: IKEv2 and ESP in a TCP connection, no root, no TUN device. It gives each client a virtual
 * address and is a host behind the gateway that answers pings. Give it a port, or 0 for any; stop it with SIGTERM.
 */

import process from "node:process";
import { Credentials, parseIdentity } from "iketcp/ike/auth";
import { listenTcp, runtimeCrypto } from "iketcp/runtime";
import { echoReply, listen, type Session } from "iketcp/tunnel";

const [port = "4500", secret = "an example's secret"] = process.argv.slice(2);

const credentials = new Credentials();
credentials.addPreSharedKey({
  secret: new TextEncoder().encode(secret),
  owners: [parseIdentity("gw.example"), parseIdentity("client.example")],
});

const gateway = listen(await listenTcp({ hostname: "127.0.0.1", port: Number(port) }), {
  crypto: runtimeCrypto(),
  credentials,
  // The words of swanctl.conf.
  configurations: [{
    name: "clients",
    local: { auth: "psk", id: "gw.example" },
    remote: { auth: "psk", id: "*.example" },
    pools: "clients",
    children: { net: { local_ts: "192.0.2.0/24" } },
  }],
  pools: { clients: { addrs: "10.99.0.0/24" } },
  onEvent: (event) => event.type === "message" && console.log(event.line),
  onFailed: ({ text }) => console.log(`refused: ${text}`),
});
console.log(`listening on 127.0.0.1 port ${gateway.address.port}`);
process.on("SIGTERM", () => gateway.close());

for await (const session of gateway.sessions) {
  console.log(`${session.remoteId} is here`);
  answerPings(session).catch((error) => console.log(error.message));
}

async function answerPings(session: Session): Promise<void> {
  const writer = session.writable.getWriter();
  for await (const batch of session.readable) {
    const replies = batch.flatMap((packet) => echoReply(packet) ?? []);
    if (replies.length > 0) await writer.write(replies);
  }
  console.log(`${session.remoteId} is gone`);
}
