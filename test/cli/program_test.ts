/** What every command shares: how it is started again. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { programCommand, type Start } from "../../lib/cli/_program.ts";

function command(start: Partial<Start>): string {
  return programCommand({ runtime: "node", script: "/usr/bin/iketcp", cwd: "/home/me", env: {}, ...start });
}

describe("How the program says that it is started again", () => {
  it("is npm run or bun run in a checkout", () => {
    const script = "/home/me/iketcp/dist/lib/cli/main.js";
    const env = { npm_package_name: "iketcp", npm_lifecycle_event: "start" };
    assert.equal(command({ script, env }), "npm run -s iketcp --");
    assert.equal(command({ runtime: "bun", script, env }), "npx bun run iketcp");
  });

  it("is npx where a package holds it, or nobody has it", () => {
    const script = "/home/me/app/node_modules/.bin/iketcp";
    assert.equal(command({ script, env: { npm_package_name: "app" } }), "npx iketcp");
    assert.equal(command({ script, env: { npm_command: "exec" } }), "npx iketcp");
  });

  it("is its own name where it is installed", () => {
    assert.equal(command({}), "iketcp");
  });

  it("is its file where that was started", () => {
    const script = "/home/me/src/lib/cli/main.ts";
    assert.equal(command({ script }), "node src/lib/cli/main.ts");
    assert.equal(command({ runtime: "bun", script }), "bun src/lib/cli/main.ts");
    const env = { npm_package_name: "another" };
    assert.equal(command({ runtime: "deno", script, env }), "deno run -A src/lib/cli/main.ts");
  });
});
