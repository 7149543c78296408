/** Every way in which the two daemons prove who they are; a relay must not notice the difference. */

const methods = [
  { connection: "rsa", sentence: "RSA certificates, long enough for IKE fragments", everywhere: true },
  { connection: "ecdsa", sentence: "ECDSA P-256 certificates" },
  { connection: "ecdsa384", sentence: "ECDSA P-384 certificates with an intermediate authority" },
  { connection: "ed25519", sentence: "Ed25519 certificates" },
  { connection: "mschapv2", sentence: "EAP-MSCHAPv2", everywhere: true },
  { connection: "tls", sentence: "EAP-TLS" },
  { connection: "eaponly", sentence: "EAP-TLS on both sides and nothing else" },
  { connection: "multi", sentence: "a certificate and then EAP-MSCHAPv2" },
];

export const authentication = [
  ...methods.map(({ connection, sentence, everywhere }) => ({
    name: `the daemons authenticate with ${sentence}`,
    everywhere,
    async run(lab) {
      await lab.relayPair();
      await lab.initiate(`${connection}-relay`);
      await lab.ping();
      await lab.order("carol", "--terminate", "--ike", `${connection}-relay`);
      await lab.noSas();
    },
  })),
  {
    name: "IKE messages longer than a packet cross whole when the daemons do not fragment",
    async run(lab) {
      await lab.up({ FRAGMENTATION: "no" });
      await lab.relayPair();
      await lab.initiate("ecdsa384-relay");
      await lab.initiate("rsa-relay");
      await lab.ping();
    },
  },
  {
    name: "a large key exchange and another cipher make no difference",
    async run(lab) {
      await lab.up({ IKE_PROPOSALS: "aes256gcm16-prfsha512-modp8192", ESP_PROPOSALS: "chacha20poly1305" });
      await lab.relayPair();
      await lab.initiate("psk-relay");
      await lab.ping();
    },
  },
];
