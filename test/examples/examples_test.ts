import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import process from "node:process";
import { exampleCommand } from "../_support/program.ts";
import { projectRoot } from "../_support/vectors.ts";

/** What a child printed, once it has ended. */
async function outputOf(child: ChildProcess): Promise<string> {
  let output = "";
  child.stdout!.setEncoding("utf8").on("data", (text) => output += text);
  let errors = "";
  child.stderr!.setEncoding("utf8").on("data", (text) => errors += text);
  const [status] = await once(child, "close");
  assert.equal(status, 0, errors);
  return output;
}

function run(example: string, ...args: string[]): ChildProcess {
  const [command, ...rest] = exampleCommand(example);
  return spawn(command!, [...rest, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1" },
  });
}

describe("Examples", () => {
  const servers: ChildProcess[] = [];
  after(async () => {
    for (const server of servers) {
      if (server.exitCode !== null || server.signalCode !== null) continue;
      server.kill("SIGKILL");
      await once(server, "close");
    }
  });

  it("pipe a socket through the stages, to a server and back", { timeout: 30_000 }, async () => {
    const server = run("02_server", "0");
    servers.push(server);
    const [line] = await once(server.stdout!.setEncoding("utf8"), "data") as [string];
    const port = /port (\d+)/.exec(line)![1]!;
    server.stdout!.resume();
    server.stderr!.resume();
    const output = await outputOf(run("01_pipe_a_socket", "127.0.0.1", port));
    assert.deepEqual(output.trim().split("\n"), [
      "IKE: got 14 octets",
      "ESP: SPI 4097 back",
      "ESP: SPI 4097 back",
      "ESP: SPI 4097 back",
    ]);
    const ended = once(server, "close");
    server.kill("SIGTERM");
    await ended;
  });

  const skip = process.versions["deno"] === undefined && "the example is for Deno";
  it(
    "pipe through the functions of @std/streams, for which others stand in",
    { skip, timeout: 60_000 },
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "iketcp-examples-"));
      try {
        const urlOf = (path: string) => new URL(path, projectRoot).href;
        const config = join(folder, "deno.json");
        const imports = {
          "@std/streams": urlOf("test/_support/std_streams.ts"),
          "iketcp/encap": urlOf("lib/encap/mod.ts"),
        };
        writeFileSync(config, JSON.stringify({ imports, nodeModulesDir: "none" }));
        // Beside the project's own deno.json, that one would count.
        const example = join(folder, "13_std_streams.ts");
        copyFileSync(new URL("examples/13_std_streams.ts", projectRoot), example);
        const child = spawn(process.execPath, ["run", "--quiet", "--check", "--config", config, example], {
          stdio: ["ignore", "pipe", "pipe"],
          env: { ...process.env, NO_COLOR: "1" },
        });
        const [first, ...messages] = (await outputOf(child)).trim().split("\n");
        assert.equal(first, "23 octets");
        assert.deepEqual(messages.sort(), ["four", "one", "three", "two"]);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );

  it("put one stage into somebody else's pipeline", { timeout: 30_000 }, async () => {
    const output = await outputOf(run("03_one_stage"));
    assert.equal(output.trim().split("\n").length, 3);
    assert.match(output, /^ESP has no order of its own,$/m);
  });

  it("seal IP packets, send them through a stream, and open them", { timeout: 30_000 }, async () => {
    const output = await outputOf(run("04_esp"));
    assert.deepEqual(output.trim().split("\n").sort(), [
      "10.1.0.7: a packet for the office",
      "10.1.0.8: another one for the office",
      "not sent: no_policy",
    ]);
  });

  it("speak through a WebSocket", { timeout: 30_000 }, async () => {
    const output = await outputOf(run("10_web_socket"));
    assert.deepEqual(output.trim().split("\n"), [
      '{"layer":"websocket","protocol":"iketcp"}',
      "IKE: an IKE message",
    ]);
  });

  it("put stages into a pipeline of node:stream", { timeout: 30_000 }, async () => {
    const output = await outputOf(run("11_node_pipeline"));
    assert.deepEqual(output.trim().split("\n"), ["IKE 8 octets", "ESP 8 octets"]);
  });

  it("use Bun's files and sockets", { timeout: 30_000 }, async () => {
    const output = await outputOf(run("12_bun_files_and_sockets"));
    const lines = output.trim().split("\n");
    if (process.versions["bun"] === undefined) assert.match(lines[0]!, /^This example is for Bun/);
    else assert.deepEqual(lines, ["file: from", "file: a file", "socket: through", "socket: a socket"]);
  });

  it("set up a tunnel, ping through it, and delete it", { timeout: 30_000 }, async () => {
    const server = run("05_responder", "0");
    servers.push(server);
    const lines: string[] = [];
    let heard = () => {};
    server.stdout!.setEncoding("utf8").on("data", (text: string) => {
      lines.push(...text.trim().split("\n"));
      heard();
    });
    server.stderr!.resume();
    const hear = async (pattern: RegExp) => {
      while (!lines.some((line) => pattern.test(line))) await new Promise<void>((resolve) => heard = resolve);
      return lines.find((line) => pattern.test(line))!;
    };
    const port = /port (\d+)/.exec(await hear(/^listening/))![1]!;
    const output = (await outputOf(run("06_initiator", "127.0.0.1", port))).trim().split("\n");
    assert.match(output[0]!, /^IKE_SA_INIT \{ .* \} -->$/);
    assert.deepEqual(output.filter((line) => line.startsWith("reply")), [
      "reply 1 from 192.0.2.1",
      "reply 2 from 192.0.2.1",
      "reply 3 from 192.0.2.1",
    ]);
    assert.equal(output.at(-1), "<-- INFORMATIONAL { }");
    await hear(/^client\.example is gone$/);
    const ended = once(server, "close");
    server.kill("SIGTERM");
    await ended;
  });
});
