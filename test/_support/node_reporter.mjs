// @ts-check
/**
 * A reporter for `node --test` that writes one JSON line per test: `{ file, name, outcome }`. Suites are not tests; a file
 * that fails as a whole (it threw while loading, crashed or was cancelled) is a failed test of its own, and one that
 * passes as a whole, which Node says only where it holds no test, is `empty`.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

/** @param {AsyncIterable<import("node:test/reporters").TestEvent>} source */
export default async function* report(source) {
  for await (const event of source) {
    if (event.type !== "test:pass" && event.type !== "test:fail") continue;
    const { data } = event;
    const file = data.file?.startsWith("file:") ? fileURLToPath(data.file) : data.file ?? data.name;
    const isFile = data.nesting === 0 && (data.name === file || file.endsWith(`/${data.name}`));
    const failed = event.type === "test:fail" && data.todo === undefined;
    const skipped = data.skip !== undefined || data.todo !== undefined;
    // A suite passes and fails along with its tests; by itself only when a hook or its body failed, or when it is skipped.
    if (data.details.type === "suite" && !skipped && !(failed && failedByItself(data.details))) continue;
    const outcome = failed ? "failed" : isFile ? "empty" : skipped ? "skipped" : "passed";
    yield JSON.stringify({ file, name: data.name, outcome }) + "\n";
  }
}

/** @param {{ duration_ms: number, error?: unknown }} details */
function failedByItself(details) {
  const { failureType } = /** @type {{ failureType?: string }} */ (details.error ?? {});
  return failureType !== "subtestsFailed";
}
