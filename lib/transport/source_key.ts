/** What counts as one source of connections. */

/**
 * An IPv4 address itself, and the /64 of an IPv6 one: whoever has one IPv6 address mostly has all those of its /64, so that a
 * limit for each address would be none (RFC 4291, section 2.5.4).
 */
export function sourceKey(hostname: string): string {
  if (!hostname.includes(":")) return hostname;
  const [address = "", zone] = hostname.split("%");
  const [front = "", back] = address.split("::");
  const groups = front === "" ? [] : front.split(":");
  if (back !== undefined) {
    const behind = back === "" ? 0 : back.split(":").length + (back.includes(".") ? 1 : 0);
    while (groups.length + behind < 8) groups.push("0");
    groups.push(...back.split(":"));
  }
  const prefix = groups.slice(0, 4).map((group) => parseInt(group, 16).toString(16));
  return `${prefix.join(":")}::/64${zone === undefined ? "" : `%${zone}`}`;
}
