/** `openssl speed`: what a C program does with the same cipher on one core of this machine. */

import { execFileSync } from "node:child_process";

/** Our keywords and OpenSSL's names. */
const NAMES: Readonly<Record<string, string>> = {
  aes256gcm16: "aes-256-gcm",
  chacha20poly1305: "chacha20-poly1305",
};

/** Octets a second of encryption by blocks of a size; undefined where there is no `openssl`, or none that knows this. */
export function opensslSpeed(keyword: string, size: number): number | undefined {
  const name = NAMES[keyword];
  if (name === undefined) return undefined;
  try {
    const output = execFileSync("openssl", [
      "speed",
      "-mr",
      "-seconds",
      "1",
      "-bytes",
      String(size),
      "-evp",
      name,
    ], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    const figure = /^\+F:.*:([\d.]+)$/m.exec(output)?.[1];
    return figure === undefined ? undefined : Number(figure);
  } catch {
    return undefined;
  }
}
