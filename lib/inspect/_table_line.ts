/** One line of a Wireshark table: fields with commas between, some in quotes, a comment behind `#`. */

/** More is none of a key table, and would only keep the reader busy. */
const MAX_LINE_LENGTH = 65_536;
const MAX_FIELDS = 64;

/** The fields of a line; none for an empty line or a comment, a sentence where it cannot be read. */
export function splitTableLine(line: string): readonly string[] | string {
  const fields: string[] = [];
  let rest = line.trimStart();
  if (rest === "" || rest.startsWith("#")) return fields;
  if (rest.length > MAX_LINE_LENGTH) return `more than ${MAX_LINE_LENGTH} characters`;
  for (;;) {
    const field = QUOTED.exec(rest) ?? PLAIN.exec(rest)!;
    if (field[0].startsWith('"') && field[1] === undefined) return "a quotation mark without its other half";
    fields.push(unescaped(field[1] ?? field[0].trim(), field[1] !== undefined));
    rest = rest.slice(field[0].length).trimStart();
    if (rest === "" || rest.startsWith("#")) return fields;
    if (!rest.startsWith(",")) return "something behind a quotation mark that is no comma";
    if (fields.length >= MAX_FIELDS) return `more than ${MAX_FIELDS} fields`;
    rest = rest.slice(1).trimStart();
  }
}

const QUOTED = /^"((?:[^"\\]|\\.)*)"/;
const PLAIN = /^[^,#]*/;

/** Wireshark writes octets that are not printable as `\x1f`. */
function unescaped(text: string, quoted: boolean): string {
  if (!quoted) return text;
  return text.replaceAll(
    /\\(?:x([0-9a-fA-F]{2})|(.))/g,
    (_, hex?: string, plain?: string) => hex === undefined ? plain! : String.fromCharCode(parseInt(hex, 16)),
  );
}

/** A field in quotes. */
export function quoted(text: string): string {
  return `"${
    text.replaceAll(/[^\x20-\x7e]|["\\]/g, (character) =>
      `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`)
  }"`;
}
