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
 * Reads the lines of `node_reporter.mjs`.
 *
 * @param {string} text
 * @returns {TestReport[]}
 */
export function readNodeReport(text) {
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

/**
 * Reads Bun's JUnit report: one `testcase` per test.
 *
 * @param {string} xml
 * @returns {TestReport[]}
 */
export function readBunReport(xml) {
  return [...testCases(xml)].map(({ attributes, outcome }) => ({
    file: attributes.get("file") ?? "",
    name: attributes.get("name") ?? "",
    outcome,
  }));
}

/**
 * Reads Deno's JUnit report. Suites and tests are both `testcase`s there, a test's name being that of its suite, ` > `
 * and its own. A suite is left out, except one that failed while all its tests passed (a leak, a hook).
 *
 * @param {string} xml
 * @returns {TestReport[]}
 */
export function readDenoReport(xml) {
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
  return cases.filter(({ name, outcome }) => {
    const anyFailed = suites.get(name);
    return anyFailed === undefined || (outcome === "failed" && !anyFailed);
  });
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
