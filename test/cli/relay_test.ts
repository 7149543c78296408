/**
 * `iketcp relay` as a program, on the runtime that runs this test: how it begins, what it prints, what it tells when
 * something is wrong, how signals reach it, and the status it ends with.
 */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { RELAY_LIMITS } from "../../lib/relay/mod.ts";
import { connectTcp, listenCarrier, listenTcp, openUdp } from "../../lib/runtime/mod.ts";
import { parseCarrierUrl, type TransportAddress } from "../../lib/transport/mod.ts";
import { identity } from "../_support/certificates.ts";
import { decodeItems, readCapture } from "../_support/captures.ts";
import { programCommand } from "../_support/program.ts";
import { readAtLeast, settlesWithin, until } from "../_support/streams.ts";
import { esp, frame, ike, ikeSaInit, PREFIX, text } from "../relay/_messages.ts";
import { Daemon, IPV4, RawStream } from "../relay/_scene.ts";

/** A line that the program prints with `--json`. */
type Line = Readonly<Record<string, unknown>> & { readonly event: string };

/** A run of `iketcp relay`. */
class Program {
  readonly child: ChildProcess;
  stdout = "";
  stderr = "";
  #ended = false;
  /** The exit status, once all output has been read. */
  readonly status: Promise<number | null>;

  constructor(...args: string[]) {
    const [command, ...start] = programCommand();
    const child = this.child = spawn(command!, [...start, "relay", ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout!.setEncoding("utf8").on("data", (text: string) => this.stdout += text);
    child.stderr!.setEncoding("utf8").on("data", (text: string) => this.stderr += text);
    this.status = new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (status) => {
        this.#ended = true;
        resolve(status);
      });
    });
  }

  /** The lines so far, which all must be JSON objects with an event. */
  get lines(): Line[] {
    const whole = this.stdout.slice(0, this.stdout.lastIndexOf("\n") + 1);
    return whole.split("\n").slice(0, -1).map((line) => JSON.parse(line) as Line);
  }

  /** Waits for so many lines of an event in all, and gives the last of them. */
  async line(event: string, count = 1): Promise<Line> {
    const found = () => this.lines.filter((line) => line.event === event);
    await until(
      () => found().length >= count || this.child.exitCode !== null,
      `line ${count} of ${event} comes`,
    );
    assert.ok(found().length >= count, `no line of ${event}; ${this.stdout}${this.stderr}`);
    return found()[count - 1]!;
  }

  /** Where it listens, once it says so. */
  async address(): Promise<TransportAddress> {
    const { hostname, port } = parseCarrierUrl(String((await this.line("listening")).url), { listen: true });
    return { hostname, port };
  }

  /** Sends a signal. Deno's `ChildProcess.kill` sends no second one. */
  signal(name: NodeJS.Signals): void {
    process.kill(this.child.pid!, name);
  }

  /** Ends it by a signal. */
  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    this.signal(signal);
    return await this.status;
  }

  /** Ends it if it runs. */
  async kill(): Promise<void> {
    if (!this.#ended) this.signal("SIGKILL");
    await this.status;
  }
}

/** Runs `use` with a program, which it need not end. */
async function withProgram(args: readonly string[], use: (program: Program) => Promise<void>): Promise<void> {
  const program = new Program(...args);
  try {
    await use(program);
  } finally {
    await program.kill();
  }
}

/** Runs the program to its end, which it must come to by itself. */
async function run(...args: string[]): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const program = new Program(...args);
  if (!await settlesWithin(program.status, 20_000)) await program.kill();
  return { status: await program.status, stdout: program.stdout, stderr: program.stderr };
}

function urlOf(scheme: "tcp" | "tls" | "udp", { hostname, port }: TransportAddress): string {
  return `${scheme}://${hostname}:${port}`;
}

/** A client that has sent these octets. */
async function client(address: TransportAddress, ...octets: Uint8Array[]): Promise<RawStream> {
  const stream = new RawStream(await connectTcp(address));
  if (octets.length > 0) await stream.write(...octets);
  return stream;
}

const TO_TCP = ["--to", "tcp://127.0.0.1:9"] as const;
const TO_UDP = ["--to", "udp://127.0.0.1:9"] as const;
const LISTEN_TCP = ["--listen", "tcp://127.0.0.1:0"] as const;
const LISTEN_UDP = ["--listen", "udp://127.0.0.1:0"] as const;

describe("iketcp relay", () => {
  it("carries datagrams between two daemons, tells events, and ends on SIGTERM with status 0", async () => {
    const responder = await Daemon.open({ local: IPV4 });
    const to = urlOf("udp", responder.address);
    await withProgram([...LISTEN_TCP, "--to", to, "--json"], async (far) => {
      const farAddress = await far.address();
      const farUrl = urlOf("tcp", farAddress);
      await withProgram([...LISTEN_UDP, "--to", farUrl, "--json"], async (near) => {
        const initiator = await Daemon.open({ remote: await near.address() });
        const listening = await near.line("listening");
        assert.deepEqual(listening.to, [farUrl]);
        assert.equal(listening.pid, near.child.pid);

        initiator.send(ikeSaInit(1));
        const { from } = await responder.expect(ikeSaInit(1));
        responder.send(ike(), from);
        await initiator.expect(ike());
        initiator.send(esp(5, 1, 1400));
        await responder.expect(esp(5, 1, 1400));

        const opened = await near.line("stream_opened");
        assert.deepEqual(Object.keys(opened).sort(), ["client", "event", "local", "remote"]);
        assert.equal(opened.client, `127.0.0.1:${initiator.address.port}`);
        assert.equal(opened.remote, `127.0.0.1:${farAddress.port}`);
        assert.equal((await far.line("stream_opened")).client, opened.local);

        far.signal("SIGUSR2");
        const counters = await far.line("counters");
        assert.deepEqual([counters.streams, counters.messagesFromStream, counters.messagesToStream], [
          1,
          2,
          1,
        ]);
        assert.equal(counters.octetsFromStream, ikeSaInit(1).byteLength + 1400);
        await initiator.endpoint.close();

        assert.equal(await near.end(), 0, near.stderr);
        assert.equal((await near.line("counters")).messagesToStream, 2);
        assert.equal((await far.line("stream_ended")).error, undefined);
        assert.equal(near.stderr + far.stderr, "");
      });
    });
    await responder.endpoint.close();
  });

  it("prints one line when it is ready, and no JSON unless asked", async () => {
    await withProgram([...LISTEN_TCP, ...TO_UDP], async (program) => {
      await until(() => program.stdout.includes("\n"), "the line comes");
      const pid = program.child.pid;
      assert.match(
        program.stdout,
        new RegExp(
          `^listening on tcp://127\\.0\\.0\\.1:\\d+, relaying to udp://127\\.0\\.0\\.1:9 \\(process ${pid}\\)\n$`,
        ),
      );
      program.signal("SIGUSR2");
      await until(() => program.stdout.split("\n").length === 3, "counters come");
      assert.match(program.stdout, /\ncounters: streams 0, streamsOpened 0, .*partial 0\n$/);
      assert.equal(await program.end(), 0);
    });
  });

  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    it(`ends streams in order, prints counters and ends with status 0 on ${signal}`, async () => {
      const daemon = await Daemon.open({ local: IPV4 });
      await withProgram([...LISTEN_TCP, "--to", urlOf("udp", daemon.address), "--json"], async (program) => {
        const stream = await client(await program.address(), PREFIX, frame(ike()));
        await daemon.expect(ike());
        const ended = program.end(signal);
        assert.equal(await stream.expectEnd(), "end");
        await stream.end();
        assert.equal(await ended, 0, program.stderr);
        assert.equal(program.lines.at(-1)!.event, "counters");
        assert.equal(program.lines.at(-1)!.streams, 0);
        assert.equal((await program.line("stream_ended")).error, undefined);
        await stream.release();
      });
      await daemon.endpoint.close();
    });
  }

  it("ends at once with status 1 on a second signal", async () => {
    await withProgram([...LISTEN_TCP, ...TO_UDP, "--json"], async (program) => {
      const stream = await client(await program.address(), PREFIX);
      await program.line("stream_opened");
      program.signal("SIGTERM");
      await stream.expectEnd(); // it now waits for our end
      assert.equal(await program.end("SIGINT"), 1);
      await stream.release();
    });
  });

  it("names the octets of a wrong prefix, and what they look like", async () => {
    const daemon = await Daemon.open({ local: IPV4 });
    await withProgram([...LISTEN_TCP, "--to", urlOf("udp", daemon.address), "--json"], async (program) => {
      const address = await program.address();
      const stream = await client(address, text("GET / HTTP/1.1\r\n\r\n"));
      await stream.expectEnd();
      const { error, client: who } = await program.line("stream_ended");
      assert.equal(who, `127.0.0.1:${stream.connection.localAddress.port}`);
      assert.equal((error as { code: string }).code, "ERR_ENCAP_PREFIX");
      assert.match(
        (error as { message: string }).message,
        /IKETCP.*47 45 54 20.*: this looks like an HTTP request$/,
      );
      const good = await client(address, PREFIX, frame(ike()));
      await daemon.expect(ike());
      await Promise.all([stream.release(), good.release()]);
    });
    await daemon.endpoint.close();
  });

  it("bounds clients by its limits before their WebSocket is there", async () => {
    const args = ["--listen", "ws://127.0.0.1:0/vpn", ...TO_UDP, "--json"];
    const limits = ["--limit", "prefix_timeout=1s", "--limit", "max_half_open=1"];
    await withProgram([...args, ...limits], async (program) => {
      const { url } = await program.line("listening");
      const { hostname, port } = parseCarrierUrl(String(url), { listen: true });
      const slow = await client({ hostname, port }, text("GET /vpn HTTP/1.1\r\n"));
      const refused = async (count: number) => (await program.line("client_refused", count)).error as Error;
      const second = await client({ hostname, port });
      assert.match((await refused(1)).message, /too many handshakes are under way/);
      assert.match((await refused(2)).message, /with status 408: /);
      const garbage = await client({ hostname, port }, PREFIX, frame(ike()));
      assert.match((await refused(3)).message, /with status 400: /);
      await Promise.all([slow.release(), second.release(), garbage.release()]);
    });
  });

  it("goes on when the other end refuses, and says when it tries again", async () => {
    const listener = await listenTcp(IPV4);
    await listener.close();
    const to = urlOf("tcp", listener.address);
    const args = [...LISTEN_UDP, "--to", to, "--json", "--limit", "reconnect_delay=20ms"];
    await withProgram(args, async (program) => {
      const daemon = await Daemon.open({ remote: await program.address() });
      daemon.send(ike());
      const { error, retryIn } = await program.line("stream_failed", 2);
      assert.equal((error as { code: string }).code, "ERR_TRANSPORT_REFUSED");
      assert.match(
        (error as { message: string }).message,
        new RegExp(`127\\.0\\.0\\.1:${listener.address.port}`),
      );
      assert.ok(Number(retryIn) >= 30 && Number(retryIn) <= 40, String(retryIn));

      const again = await listenTcp(listener.address);
      const { value } = await again.connections.getReader().read();
      const stream = new RawStream(value!);
      assert.deepEqual(await stream.expectMessages(1), [ike()]);
      await Promise.all([again.close(), stream.release(), daemon.endpoint.close()]);
    });
  });

  it("tries the URLs of --to in order", async () => {
    const closed = await listenTcp(IPV4);
    await closed.close();
    const listener = await listenTcp(IPV4);
    const [first, second] = [urlOf("tcp", closed.address), urlOf("tcp", listener.address)];
    await withProgram([...LISTEN_UDP, "--to", first, "--to", second, "--json"], async (program) => {
      const daemon = await Daemon.open({ remote: await program.address() });
      daemon.send(ike());
      const { value } = await listener.connections.getReader().read();
      const stream = new RawStream(value!);
      await stream.expectMessages(1);
      assert.equal((await program.line("carrier")).url, second);
      assert.equal(program.lines.filter(({ event }) => event === "stream_failed").length, 0);
      await Promise.all([stream.release(), daemon.endpoint.close()]);
    });
    await listener.close();
  });

  it("keeps to its limits, and leaves from the address of --bind", async () => {
    const daemon = await Daemon.open({ local: IPV4 });
    const to = urlOf("udp", daemon.address);
    const args = [...LISTEN_TCP, "--to", to, "--json", "--limit", "max_connections=1", "--bind", "127.0.0.2"];
    try {
      await withProgram(args, async (program) => {
        const address = await program.address();
        const first = await client(address, PREFIX, frame(ike()));
        assert.equal((await daemon.expect(ike())).from.hostname, "127.0.0.2");
        // The reset may be there before the system tells that the connection is.
        const second = await client(address).catch((error) => {
          assert.equal(error.code, "ERR_TRANSPORT_RESET");
        });
        await second?.expectEnd();
        assert.equal((await program.line("stream_refused")).limit, "max_connections");
        await Promise.all([first.release(), second?.release()]);
      });
    } finally {
      await daemon.endpoint.close();
    }
  });

  it("writes with --capture what crosses, so that decode can read it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "iketcp-relay-"));
    const daemon = await Daemon.open({ local: IPV4 });
    try {
      const file = join(folder, "out.pcapng");
      const args = [...LISTEN_TCP, "--to", urlOf("udp", daemon.address), "--json", "--capture", file];
      await withProgram(args, async (program) => {
        const stream = await client(await program.address(), PREFIX, frame(ikeSaInit(1)), frame(esp(5)));
        const { from } = await daemon.expect(ikeSaInit(1));
        daemon.send(ike(), from);
        await stream.expectMessages(1);
        const ended = program.end();
        await stream.expectEnd();
        await stream.end();
        assert.equal(await ended, 0, program.stderr);
        await stream.release();
      });
      // What a real daemon would send inside its IKE messages is not there, which the decoder tells in rows of its own.
      const rows = decodeItems(readCapture([new Uint8Array(readFileSync(file))]));
      const kinds = rows.map(({ kind }) => kind).filter((kind) => kind !== "error");
      assert.deepEqual(kinds, ["prefix", "ike", "esp", "ike"]);
    } finally {
      rmSync(folder, { recursive: true });
      await daemon.endpoint.close();
    }
  });

  it("goes along the list of carriers, and says which one carries and how (R-TLS-2, R-TLS-11)", async () => {
    const gone = await listenTcp(IPV4);
    await gone.close();
    const listener = await listenCarrier(parseCarrierUrl("tls+tcp://127.0.0.1:0", { listen: true }), {
      tls: identity("server"),
    });
    const accepted = listener.connections.getReader();
    const certificates = fileURLToPath(new URL("../_support/certificates/", import.meta.url));
    const args = ["--listen", urlOf("udp", IPV4), "--json", "--no-proxy", "--ca", `${certificates}ca.crt`];
    const to = ["--to", urlOf("tcp", gone.address), "--to", urlOf("tls", listener.address)];
    await withProgram([...args, ...to], async (program) => {
      const daemon = await Daemon.open({ remote: await program.address() });
      daemon.send(ikeSaInit(1));
      const { url, layers } = await program.line("carrier");
      assert.equal(url, urlOf("tls", listener.address));
      assert.match(String(layers), /^TLSv1\.3 TLS_\S+ (resumed )?verified by ca certificate [0-9a-f]{64}$/);
      const { value: stream } = await accepted.read();
      const octets = await readAtLeast(stream!.readable.getReader(), PREFIX.length);
      assert.deepEqual(octets.slice(0, PREFIX.length), PREFIX, "the prefix is inside TLS (R-PFX-9, R-TLS-4)");
      assert.equal(await program.end(), 0, program.stderr);
      await Promise.all([stream!.close(), daemon.endpoint.close()]);
    });
    await listener.close();
  });

  it("goes on when nobody reads its lines any more", async () => {
    const daemon = await Daemon.open({ local: IPV4 });
    await withProgram([...LISTEN_TCP, "--to", urlOf("udp", daemon.address), "--json"], async (program) => {
      const address = await program.address();
      program.child.stdout!.destroy();
      for (let i = 1; i <= 3; i++) {
        const stream = await client(address, PREFIX, frame(esp(i)));
        await daemon.expect(esp(i));
        await stream.release();
      }
      assert.equal(await program.end(), 0, program.stderr);
    });
    await daemon.endpoint.close();
  });

  it("lists every limit with its default in its help", async () => {
    const { status, stdout, stderr } = await run("--help");
    assert.deepEqual([status, stderr], [0, ""]);
    for (const [name, { bounds }] of Object.entries(RELAY_LIMITS)) {
      assert.ok(stdout.split("\n").some((line) => line.includes(` ${name} `) && line.includes(bounds)), name);
    }
    assert.match(stdout, / max_opening_octets +256KiB /);
    assert.doesNotMatch(stdout, /default: (false|\[\])/);
  });

  const misuses: readonly [what: string, args: readonly string[], sentence: RegExp][] = [
    ["without --listen", TO_TCP, /--listen/],
    ["without --to", LISTEN_UDP, /--to/],
    ["with an option that does not exist", [...LISTEN_UDP, ...TO_TCP, "--nonsense"], /--nonsense/],
    ["between UDP and UDP", [...LISTEN_UDP, ...TO_UDP], /expected udp:\/\/ on one side/],
    ["between two streams", [...LISTEN_TCP, ...TO_TCP], /expected udp:\/\/ on one side/],
    ["to two daemons", [...LISTEN_TCP, ...TO_UDP, ...TO_UDP], /Cannot relay to 2 daemons/],
    ["with two --listen", [...LISTEN_UDP, ...LISTEN_UDP, ...TO_TCP], /Cannot listen twice/],
    ["with a URL of no scheme", [...LISTEN_UDP, "--to", "gw.example"], /gw\.example/],
    ["with a scheme that does not exist", [...LISTEN_UDP, "--to", "gopher://gw"], /gopher/],
    ["with a port above 65535", [...LISTEN_UDP, "--to", "tcp://gw:65536"], /65536/],
    [
      "with a limit that does not exist",
      [...LISTEN_UDP, ...TO_TCP, "--limit", "nonsense=1"],
      /"nonsense".*max_peers/,
    ],
    ["with a limit of no value", [...LISTEN_UDP, ...TO_TCP, "--limit", "max_peers"], /max_peers=VALUE/],
    ["with a limit of 0", [...LISTEN_UDP, ...TO_TCP, "--limit", "max_peers=0"], /at least 1/],
    ["with a duration of no unit that exists", [
      ...LISTEN_UDP,
      ...TO_TCP,
      "--limit",
      "peer_idle_time=1parsec",
    ], /peer_idle_time.*1parsec/],
    [
      "with a --capture in no folder",
      [...LISTEN_TCP, ...TO_UDP, "--capture", "/no-such-folder/x"],
      /\/no-such-folder\/x/,
    ],
    ["with a --bind that is no address", [...LISTEN_TCP, ...TO_UDP, "--bind", "localhost"], /"localhost"/],
  ];
  it("tells wrong usage in one sentence, with status 2", async () => {
    await inPairs(misuses, async ([what, args, sentence]) => {
      const { status, stdout, stderr } = await run(...args);
      assert.deepEqual([status, stdout], [2, ""], `${what}: ${stderr}`);
      assert.match(stderr, /^[^\n]+\n$/, what);
      assert.match(stderr, sentence, what);
    });
  });

  it("tells what failed in one sentence, with status 1", async () => {
    const tcp = await listenTcp(IPV4);
    const udp = await openUdp({ local: IPV4 });
    const [tcpUrl, udpUrl] = [urlOf("tcp", tcp.address), urlOf("udp", udp.localAddress)];
    const failures: readonly [what: string, args: readonly string[], sentence: RegExp][] = [
      ["a TCP address in use", ["--listen", tcpUrl, ...TO_UDP], /Cannot listen on tcp .*address.* in use/],
      ["a UDP address in use", ["--listen", udpUrl, ...TO_TCP], /address.* in use/],
      ["a foreign address to listen on", ["--listen", "tcp://192.0.2.1:0", ...TO_UDP], /192\.0\.2\.1/],
      ["a foreign address to leave from", [...LISTEN_TCP, ...TO_UDP, "--bind", "192.0.2.1"], /192\.0\.2\.1/],
      [
        "a daemon's name that nobody knows",
        [...LISTEN_TCP, "--to", "udp://no-such-host.invalid"],
        /no-such-host\.invalid/,
      ],
    ];
    try {
      await inPairs(failures, async ([what, args, sentence]) => {
        const { status, stdout, stderr } = await run(...args);
        assert.deepEqual([status, stdout], [1, ""], `${what}: ${stderr}`);
        assert.match(stderr, /^iketcp: [A-Z][^\n]+\n$/, what);
        assert.match(stderr, sentence, what);
      });
    } finally {
      await Promise.all([tcp.close(), udp.close()]);
    }
  });

  it("says with each attempt that a stream's host name cannot be resolved", async () => {
    const args = [...LISTEN_UDP, "--to", "tcp://no-such-host.invalid", "--json"];
    await withProgram(args, async (program) => {
      const daemon = await Daemon.open({ remote: await program.address() });
      daemon.send(ike());
      const { error } = await program.line("stream_failed");
      assert.equal((error as { code: string }).code, "ERR_TRANSPORT_RESOLVE");
      assert.match((error as { message: string }).message, /no-such-host\.invalid/);
      await daemon.endpoint.close();
    });
  });
});

/** Two at a time: a start of the program is mostly waiting for one core. */
async function inPairs<T>(items: readonly T[], use: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await use(item);
  };
  await Promise.all([worker(), worker()]);
}
