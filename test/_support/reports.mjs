// @ts-check
/**
 * Reads what each runtime's test runner reports into one list of tests, so that counts mean the same everywhere: a
 * test is what `it` or `test` registers; suites count only when they fail by themselves.
 *
 * @module
 */

/**
 * @typedef {object} TestReport
 * @property {string} file The file as the runner names it; empty where the report does not say.
 * @property {string} name
 * @property {"passed" | "failed" | "skipped"} outcome
 */

/**
 * @typedef {object} Report
 * @property {TestReport[]} tests
 * @property {string[]} unheard Files that were given and left no test: they hold none, or failed to load.
 */

/**
 * @callback ReadReport
 * @param {string} text What the runner wrote for machines.
 * @param {string} output What it printed for people.
 * @param {string[]} files The files that it was given, relative to the project.
 * @returns {Report}
 */

/**
 * Reads the lines of `node_reporter.mjs`.
 *
 * @type {ReadReport}
 */
export function readNodeReport(text) {
  /** @type {{ file: string, name: string, outcome: TestReport["outcome"] | "empty" }[]} */
  const lines = text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
  return {
    tests: lines.flatMap(({ file, name, outcome }) => outcome === "empty" ? [] : [{ file, name, outcome }]),
    unheard: lines.filter(({ outcome }) => outcome === "empty").map(({ file }) => file),
  };
}

/**
 * Reads Bun's JUnit report: one `testcase` per test. A suite that is skipped as a whole is not in it; that its file was
 * loaded shows in the heading of the file, unless an error follows.
 *
 * @type {ReadReport}
 */
export function readBunReport(xml, output, files) {
  const tests = [...testCases(xml)].map(({ attributes, outcome }) => ({
    file: attributes.get("file") ?? "",
    name: attributes.get("name") ?? "",
    outcome,
  }));
  const heard = new Set(tests.map(({ file }) => file));
  for (const [, file = ""] of output.matchAll(/^(\S+\.ts):\n(?!\n# Unhandled error)/gm)) heard.add(file);
  return { tests, unheard: files.filter((file) => !heard.has(file)) };
}

/**
 * Reads Deno's JUnit report. Suites and tests are both `testcase`s there, a test's name being that of its suite, ` > `
 * and its own. A suite is left out, except one that failed while all its tests passed (a leak, a hook). The report
 * does not name files; headings do.
 *
 * @type {ReadReport}
 */
export function readDenoReport(xml, output, files) {
  const cases = [...testCases(xml)].map(({ attributes, outcome }) => ({
    file: "",
    name: attributes.get("name") ?? "",
    outcome,
  }));
  /** @type {Map<string, boolean>} Name of each suite, and whether anything in it failed. */
  const suites = new Map();
  for (const { name, outcome } of cases) {
    for (let at = name.lastIndexOf(" > "); at > 0; at = name.lastIndexOf(" > ", at - 1)) {
      const suite = name.slice(0, at);
      suites.set(suite, (suites.get(suite) ?? false) || outcome === "failed");
    }
  }
  const tests = cases.filter(({ name, outcome }) => {
    const anyFailed = suites.get(name);
    return anyFailed === undefined || (outcome === "failed" && !anyFailed);
  });
  const heard = new Set();
  for (const [, file] of output.matchAll(/^running [1-9]\d* tests? from \.\/(.+)$/gm)) heard.add(file);
  return { tests, unheard: files.filter((file) => !heard.has(file)) };
}

/**
 * @param {string} xml
 * @returns {Generator<{ attributes: Map<string, string>, outcome: TestReport["outcome"] }>}
 */
function* testCases(xml) {
  for (const match of xml.matchAll(/<testcase\b((?:[^>"]|"[^"]*")*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)) {
    const [, head = "", body = ""] = match;
    /** @type {Map<string, string>} */
    const attributes = new Map();
    for (const [, name = "", value = ""] of head.matchAll(/([\w-]+)="([^"]*)"/g)) {
      attributes.set(name, unescapeXml(value));
    }
    const outcome = /<(failure|error)\b/.test(body)
      ? "failed"
      : /<skipped\b/.test(body)
      ? "skipped"
      : "passed";
    yield { attributes, outcome };
  }
}

/** @param {string} text */
function unescapeXml(text) {
  return text
    .replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&quot;/g, '"').replace(/&apos;/g, "'")
    .replace(
      /&#(x?)([0-9a-fA-F]+);/g,
      (_, hex, digits) => String.fromCodePoint(parseInt(digits, hex ? 16 : 10)),
    )
    .replace(/&amp;/g, "&");
}
