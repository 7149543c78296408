/** The project's own files as text, for the tests that read sources instead of running them. */

import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { projectRoot } from "./vectors.ts";

/** One import or re-export of a module. */
export interface Import {
  /** As written: `../bytes/mod.ts`, `node:net`. */
  readonly specifier: string;
  /** Whether it is gone when the module runs (`import type`). */
  readonly typeOnly: boolean;
  /** Whether it is an `import()`, which happens when the code around it runs. */
  readonly dynamic: boolean;
}

/** All files below a folder of the project, relative to the project; none when the folder does not exist. */
export function filesBelow(folder: string): string[] {
  const url = new URL(`${folder}/`, projectRoot);
  if (!existsSync(url)) return [];
  return readdirSync(url, { recursive: true, encoding: "utf8" })
    .map((path) => `${folder}/${path.replaceAll("\\", "/")}`)
    .filter((path) => statSync(new URL(path, projectRoot)).isFile())
    .sort();
}

/** The text of a file, its path relative to the project. */
export function readSource(path: string): string {
  return readFileSync(new URL(path, projectRoot), "utf8");
}

/** A program text without its comments, and so without the imports and names in examples. */
export function withoutComments(source: string): string {
  return source.replace(/^([ \t]*)\/\*[\s\S]*?\*\//gm, "$1").replace(/(^|\s)\/\/.*$/gm, "$1");
}

/** Everything that a module imports or re-exports. */
export function importsOf(source: string): Import[] {
  const code = withoutComments(source);
  const statements = /^(?:import|export)\s+(type\s)?(?:[\w$*\s{},]*?\sfrom\s*)?["']([^"'\n]+)["']/gm;
  const found: Import[] = [];
  for (const [, type, specifier = ""] of code.matchAll(statements)) {
    found.push({ specifier, typeOnly: type !== undefined, dynamic: false });
  }
  for (const [, specifier = ""] of code.matchAll(/\bimport\(\s*["']([^"'\n]+)["']/g)) {
    found.push({ specifier, typeOnly: false, dynamic: true });
  }
  return found;
}

/** The file that a relative specifier means, relative to the project; null for a package or a `node:` module. */
export function resolveImport(from: string, specifier: string): string | null {
  if (!specifier.startsWith(".")) return null;
  return new URL(specifier, new URL(from, projectRoot)).pathname.slice(projectRoot.pathname.length);
}

/** One name that a module exports. */
export interface Export {
  readonly name: string;
  /** Whether it is gone when the program runs: an interface or a type. */
  readonly typeOnly: boolean;
}

/** Everything that a file exports, with what it passes on from other files, sorted by name. */
export function exportsOf(path: string): Export[] {
  const names = new Map<string, Export>();
  const add = (name: string, typeOnly: boolean): void => void names.set(name, { name, typeOnly });
  const code = withoutComments(readSource(path));
  const declarations =
    /^export\s+(?:declare\s+|abstract\s+|async\s+)*(class|function\*?|const|let|interface|type)\s+([\w$]+)/gm;
  for (const [, kind = "", name = ""] of code.matchAll(declarations)) {
    add(name, kind === "interface" || kind === "type");
  }
  for (const [, type, list = ""] of code.matchAll(/^export\s+(type\s+)?\{([^}]*)\}/gm)) {
    for (const item of list.split(",").map((part) => part.trim()).filter((part) => part !== "")) {
      add(item.split(/\s+/).at(-1)!, type !== undefined || item.startsWith("type "));
    }
  }
  for (
    const [, type, name, specifier = ""] of code.matchAll(
      /^export\s+(type\s+)?\*\s*(?:as\s+([\w$]+)\s+)?from\s+["']([^"']+)["']/gm,
    )
  ) {
    if (name !== undefined) add(name, type !== undefined);
    else {
      for (const passed of exportsOf(resolveImport(path, specifier)!)) {
        add(passed.name, passed.typeOnly || type !== undefined);
      }
    }
  }
  return [...names.values()].sort((a, b) => a.name < b.name ? -1 : 1);
}
