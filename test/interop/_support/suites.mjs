/** What strongSwan and our engine both have, one proposal of IKE and one of ESP each. */

const ike = [
  "aes128-sha1-modp2048",
  "aes192-sha256-modp3072",
  "aes256-sha384-modp4096",
  "aes256-sha512-modp6144",
  "aes256-sha512-modp8192",
  "aes256-sha256-ecp256",
  "aes256-sha384-ecp384",
  "aes256-sha512-ecp521",
  "aes256-sha256-curve25519",
  "aes256-sha512-x448",
  "aes128ctr-sha256-curve25519",
  "aes256ctr-sha256-modp2048",
  "aes128-aesxcbc-prfaesxcbc-modp2048",
  "aes128-aescmac-prfaescmac-curve25519",
  "aes128-sha256-prfsha1-curve25519",
  "aes128gcm16-prfsha256-curve25519",
  "aes192gcm16-prfsha256-curve25519",
  "aes256gcm16-prfsha384-ecp384",
  "aes128gcm8-prfsha256-ecp256",
  "aes256gcm12-prfsha512-ecp256",
  "aes128ccm16-prfsha256-curve25519",
  "aes256ccm8-prfsha256-curve25519",
  "chacha20poly1305-prfsha256-curve25519",
  "chacha20poly1305-prfsha512-x448",
];

const esp = [
  "aes128gcm16",
  "aes192gcm16",
  "aes256gcm16",
  "aes128gcm8",
  "aes256gcm12",
  "aes128ccm8",
  "aes128ccm16",
  "aes256ccm16",
  "chacha20poly1305",
  "aes128-sha1",
  "aes128-sha256",
  "aes192-sha384",
  "aes256-sha512",
  "aes256-sha256",
  "aes128-aesxcbc",
  "aes128-aescmac",
  "aes128ctr-sha256",
  "aes256ctr-sha256",
  "null-sha256",
];

/** Every proposal of either kind at least once. */
export const suites = ike.map((proposal, i) => ({
  name: `suite-${i}`,
  proposals: proposal,
  esp_proposals: esp[i % esp.length],
}));
