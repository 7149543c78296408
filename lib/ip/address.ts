/** IP addresses as octets and as text: dotted decimal for IPv4, RFC 5952 for IPv6. */

/** Writes 4 octets as IPv4 and 16 as IPv6 in the form of RFC 5952; throws a `TypeError` on any other number of octets. */
export function formatIpAddress(octets: Uint8Array): string {
  if (octets.length === 4) return octets.join(".");
  if (octets.length !== 16) {
    throw new TypeError(`Cannot write IP address: expected 4 or 16 octets, got ${octets.length}`);
  }
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(octets[i]! << 8 | octets[i + 1]!);
  // IPv4-mapped addresses keep their dotted end (RFC 5952, section 5).
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${octets.subarray(12).join(".")}`;
  }
  const { start, length } = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(":");
  return `${hex.slice(0, start).join(":")}::${hex.slice(start + length).join(":")}`;
}

/** Reads an IPv4 or IPv6 address; a zone (`%eth0`) is passed over. `undefined` for anything else, such as a host name. */
export function parseIpAddress(text: string): Uint8Array<ArrayBuffer> | undefined {
  return text.includes(":") ? parseIpv6(text.replace(/%.*$/, "")) : parseIpv4(text);
}

function parseIpv4(text: string): Uint8Array<ArrayBuffer> | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)) {
    return undefined;
  }
  return Uint8Array.from(parts, Number);
}

function parseIpv6(text: string): Uint8Array<ArrayBuffer> | undefined {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (dotted !== null) {
    const octets = parseIpv4(dotted[2]!);
    if (octets === undefined) return undefined;
    const high = (octets[0]! << 8 | octets[1]!).toString(16);
    const low = (octets[2]! << 8 | octets[3]!).toString(16);
    return parseIpv6(`${dotted[1]!}${high}:${low}`);
  }
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [before, after] = halves.map((half) => half === "" ? [] : half.split(":")) as [string[], string[]?];
  const groups = after === undefined
    ? before
    : [...before, ...Array<string>(Math.max(0, 8 - before.length - after.length)).fill("0"), ...after];
  if (groups.length !== 8 || !groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  if (after !== undefined && before.length + after.length > 7) return undefined; // `::` stands for at least one group
  const octets = new Uint8Array(16);
  groups.forEach((group, i) => {
    const value = parseInt(group, 16);
    octets[2 * i] = value >>> 8;
    octets[2 * i + 1] = value & 0xff;
  });
  return octets;
}

/** The first of the longest runs of zero groups: what `::` stands for (RFC 5952, section 4.2). */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (groups[end] === 0) end++;
    if (end - start > best.length) best = { start, length: end - start };
    start = Math.max(start, end - 1);
  }
  return best;
}
