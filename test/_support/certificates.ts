/** The certificates of the tests; `certificates/make.sh` says what each is and made them. */

import { readSource } from "./sources.ts";

/** The certificates with a key. */
export type CertificateName =
  | "server"
  | "renewed"
  | "other-name"
  | "expired"
  | "stranger"
  | "self-signed"
  | "rsa";

/** The authority that tests trust, as PEM. */
export const CA: string = read("ca.crt");

/** A certificate and its key, as PEM. */
export function identity(name: CertificateName): { readonly cert: string; readonly key: string } {
  return { cert: read(`${name}.crt`), key: read(`${name}.key`) };
}

function read(name: string): string {
  return readSource(`test/_support/certificates/${name}`);
}
