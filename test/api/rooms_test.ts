/** Holds the table of rooms, and which way their arrows point, against the import lines of `lib/`. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { filesBelow, importsOf, readSource, resolveImport, withoutComments } from "../_support/sources.ts";

/**
 * What each room may import besides `errors` and `bytes`: rooms, or parts of rooms. Names of packages are those of
 * package.json. A room that is not listed does not exist.
 */
const ROOMS: Readonly<
  Record<string, { readonly rooms: readonly string[]; readonly packages?: readonly string[] }>
> = {
  errors: { rooms: [] },
  bytes: { rooms: [] },
  encap: { rooms: [] },
  crypto: {
    rooms: [],
    packages: [
      "@noble/ciphers/aes.js",
      "@noble/ciphers/chacha.js",
      "@noble/curves/ed25519.js",
      "@noble/curves/ed448.js",
      "@noble/curves/nist.js",
      "@noble/hashes/hmac.js",
      "@noble/hashes/legacy.js",
      "@noble/hashes/sha2.js",
    ],
  },
  ip: { rooms: [] },
  esp: { rooms: ["crypto", "ip"] },
  ike: { rooms: ["ike/codec", "ike/auth", "ike/eap", "crypto", "ip"] },
  "ike/auth": {
    rooms: ["crypto", "ip"],
    packages: ["@noble/hashes/legacy.js", "@peculiar/asn1-schema", "@peculiar/asn1-x509", "asn1js"],
  },
  "ike/eap": { rooms: ["ike/auth", "crypto"], packages: ["@noble/hashes/legacy.js"] },
  "ike/codec": { rooms: [] },
  transport: { rooms: [] },
  // Of `ike` it takes what opens sealed messages; captures are opened as the engine opens what comes in.
  inspect: { rooms: ["encap", "ip", "crypto", "ike/codec", "ike"] },
  relay: { rooms: ["encap", "transport", "ike/codec"] },
  tunnel: { rooms: ["ike", "ike/codec", "esp", "encap", "transport", "crypto", "ip"] },
  runtime: { rooms: ["transport", "crypto", "ike/eap"] },
  cli: {
    rooms: [
      "encap",
      "ip",
      "ike",
      "ike/auth",
      "ike/codec",
      "transport",
      "inspect",
      "relay",
      "runtime",
      "tunnel",
    ],
    packages: ["commander"],
  },
};

/** The rooms that may know a runtime: its globals and the `node:` modules. */
const RUNTIME_ROOMS: readonly string[] = ["runtime", "cli"];

/** Entry points that load in any runtime, a browser included: nothing that they import statically may be a `node:` module. */
const PORTABLE_ENTRIES: readonly string[] = [
  "mod.ts",
  "lib/encap/mod.ts",
  "lib/crypto/mod.ts",
  "lib/esp/mod.ts",
  "lib/ike/mod.ts",
  "lib/ike/codec/mod.ts",
  "lib/ike/auth/mod.ts",
  "lib/ike/eap/mod.ts",
  "lib/transport/mod.ts",
  "lib/inspect/mod.ts",
  "lib/relay/mod.ts",
  "lib/tunnel/mod.ts",
];

/** A room whose files may name `TransformStream` without being a stage: commands put taps between stages. */
const TAP_ROOM = "cli";

const files = filesBelow("lib").filter((path) => path.endsWith(".ts"));

/** The room that a file of `lib/` belongs to: the longest name in the table that its path begins with. */
function roomOf(path: string): string | undefined {
  const inside = path.slice("lib/".length).replace(/\.ts$/, "");
  return Object.keys(ROOMS)
    .filter((room) => inside === room || inside.startsWith(`${room}/`))
    .sort((a, b) => b.length - a.length)[0];
}

describe("Rooms", () => {
  it("are those of the table", () => {
    const strays = files.filter((path) => roomOf(path) === undefined);
    assert.deepEqual(strays, [], "files of lib/ that are in no room");
    const empty = Object.keys(ROOMS).filter((room) => !files.some((path) => roomOf(path) === room));
    assert.deepEqual(empty, [], "rooms without a file");
  });

  it("import only the rooms and packages that the table allows", () => {
    const wrong: string[] = [];
    for (const path of files) {
      const room = roomOf(path)!;
      const { rooms, packages = [] } = ROOMS[room]!;
      for (const { specifier } of importsOf(readSource(path))) {
        if (specifier.startsWith("node:")) continue;
        const target = resolveImport(path, specifier);
        if (target === null) {
          if (!packages.includes(specifier)) wrong.push(`${path}: the package ${specifier}`);
          continue;
        }
        const other = target.startsWith("lib/") ? roomOf(target) : undefined;
        if (other === undefined) wrong.push(`${path}: ${specifier} is in no room`);
        else if (other !== room && !["errors", "bytes", ...rooms].includes(other)) {
          wrong.push(`${path}: ${room} must not import ${other} (${specifier})`);
        }
      }
    }
    assert.deepEqual(wrong, []);
  });

  it("import no file of another room that is that room's own (`_name.ts`)", () => {
    const wrong: string[] = [];
    for (const path of files) {
      for (const { specifier } of importsOf(readSource(path))) {
        const target = resolveImport(path, specifier);
        if (target !== null && /\/_[^/]+$/.test(target) && roomOf(target) !== roomOf(path)) {
          wrong.push(`${path}: ${specifier}`);
        }
      }
    }
    assert.deepEqual(wrong, []);
  });

  it("form no circle", () => {
    for (const room of Object.keys(ROOMS)) {
      const reached = new Set<string>();
      const waiting = [...ROOMS[room]!.rooms];
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        if (reached.has(next)) continue;
        reached.add(next);
        waiting.push(...ROOMS[next]!.rooms);
      }
      assert.ok(!reached.has(room), `${room} imports itself through ${[...reached].join(", ")}`);
    }
  });

  it("hold no files that import each other in a circle", () => {
    const graph = new Map(files.map((path) => [path, importsAtRunTime(path)]));
    const done = new Set<string>();
    const visit = (path: string, trail: readonly string[]): void => {
      assert.ok(
        !trail.includes(path),
        `a circle: ${[...trail.slice(trail.indexOf(path)), path].join(" -> ")}`,
      );
      if (done.has(path)) return;
      for (const target of graph.get(path) ?? []) visit(target, [...trail, path]);
      done.add(path);
    };
    for (const path of files) visit(path, []);
  });

  it("know a runtime only in runtime and cli", () => {
    const wrong: string[] = [];
    for (const path of files) {
      if (RUNTIME_ROOMS.includes(roomOf(path)!)) continue;
      const source = readSource(path);
      for (const { specifier } of importsOf(source)) {
        if (/^(node|npm|jsr|bun|https?):/.test(specifier)) wrong.push(`${path}: ${specifier}`);
      }
      const global = /\b(?:Deno|Bun|process|Buffer)\.\w+|\bglobalThis\b[^;]*\b(?:Deno|Bun|process|Buffer)\b/;
      const match = global.exec(withoutComments(source));
      if (match !== null) wrong.push(`${path}: ${match[0]}`);
    }
    assert.deepEqual(wrong, []);
  });

  it("name TransformStream only in files called *_stream.ts, and where commands put taps", () => {
    const wrong = files.filter((path) =>
      /\bTransformStream\b/.test(withoutComments(readSource(path))) &&
      !path.endsWith("_stream.ts") && roomOf(path) !== TAP_ROOM
    );
    assert.deepEqual(wrong, []);
  });
});

describe("Portable entry points", () => {
  for (const entry of PORTABLE_ENTRIES) {
    it(`reach no file of runtime or cli: ${entry}`, () => {
      const reached = new Set<string>();
      const waiting = [entry];
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        if (reached.has(next)) continue;
        reached.add(next);
        waiting.push(...importsAtRunTime(next));
      }
      const wrong = [...reached].filter((path) => RUNTIME_ROOMS.includes(roomOf(path) ?? ""));
      assert.deepEqual(wrong, []);
    });
  }
});

/** The files that a file makes run before it runs itself. */
function importsAtRunTime(path: string): string[] {
  return importsOf(readSource(path))
    .filter(({ typeOnly, dynamic }) => !typeOnly && !dynamic)
    .map(({ specifier }) => resolveImport(path, specifier))
    .filter((target) => target !== null);
}
