/** Credentials of our engine from names of files, as a setup in JSON has them. */

import { readFileSync } from "node:fs";

import { Credentials, parseIdentity } from "iketcp/ike/auth";

export function readCredentials({ psks = [], certs = [], keys = [], cacerts = [], users = [] }) {
  const credentials = new Credentials();
  for (const { ids, secret } of psks) {
    credentials.addPreSharedKey({
      owners: ids.map(parseIdentity),
      secret: new TextEncoder().encode(secret),
    });
  }
  for (const file of certs) credentials.addCertificates(readFileSync(file, "utf8"));
  for (const file of keys) credentials.addPrivateKey(readFileSync(file, "utf8"));
  for (const file of cacerts) credentials.addAuthorities(readFileSync(file, "utf8"));
  for (const { id, secret } of users) {
    credentials.addEapUser({ identity: parseIdentity(id), password: secret });
  }
  return credentials;
}
