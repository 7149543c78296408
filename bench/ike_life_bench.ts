/**
 * IKE SAs that live: rekeys, what many idle ones cost, and whether a handshake or a rekey costs more where there are many. Both ends
 * are in one process and reach each other by function call. It runs by itself, too: `node bench/ike_life_bench.ts --quick --only rekey`.
 */

import { runtimeCrypto } from "../lib/runtime/mod.ts";
import { type Bar, Bench, calibrated, Rounds, startClock } from "./_harness.ts";
import type { Suite } from "./_ike_ends.ts";
import { LiveSas } from "./_live_sas.ts";

/** DESIGN.md, section 6: the cost of one does not grow with their number. */
const FLAT_BAR: Bar = { of: "ratio", atMost: 1.5 };

const bench = new Bench();
const crypto = runtimeCrypto();
const FEW = 10;
const MANY = bench.quick ? 1000 : 10_000;

const SUITE: Suite = { method: "psk", ike: "aes256gcm16-prfsha384-x25519", esp: "aes256gcm16" };
const SUITE_WITH_PFS: Suite = { ...SUITE, esp: "aes256gcm16-x25519" };

await benchRekeys();
await benchMany();
await benchLiveness();

/** CREATE_CHILD_SA and the deletion of what was replaced, on one IKE SA again and again. */
async function benchRekeys(): Promise<void> {
  const names = ["child SA", "child SA with PFS", "IKE SA"] as const;
  const nameOf = (what: string) => `ike-life/rekey of ${what === "IKE SA" ? "an" : "a"} ${what}`;
  await bench.group(names.flatMap((what) => [nameOf(what), `${nameOf(what)}, each second`]), async () => {
    const plain = new LiveSas(SUITE, crypto);
    const forward = new LiveSas(SUITE_WITH_PFS, crypto);
    const ike = new LiveSas(SUITE, crypto);
    const rounds = await Rounds.run({
      "child SA": await timed(() => plain.rekeyChild()),
      "child SA with PFS": await timed(() => forward.rekeyChild()),
      "IKE SA": await timed(() => ike.rekeyIke()),
    }, bench.rounds);
    for (const what of names) {
      bench.row(nameOf(what), rounds.cost(what) * 1e6, "us");
      bench.row(`${nameOf(what)}, each second`, 1 / rounds.cost(what), "rekeys/s");
    }
  });
}

/** The same work beside few and beside many established SAs: handshakes, rekeys, and being woken for nothing. */
async function benchMany(): Promise<void> {
  const nameOf = (what: string, count: number) => `ike-life/${what}, ${count} SAs`;
  const kinds = ["handshake and deletion", "rekey of a child SA", "timeout"] as const;
  const idle = `ike-life/ten idle minutes, ${MANY} SAs`;
  const names = [...kinds.flatMap((kind) => [nameOf(kind, FEW), nameOf(kind, MANY)]), idle];
  await bench.group(names, async () => {
    const [few, many] = [new LiveSas(SUITE, crypto, FEW), new LiveSas(SUITE, crypto, MANY)];
    const works = {
      "handshake and deletion": (live: LiveSas) => live.ends.delete(live.ends.connect()),
      "rekey of a child SA": (live: LiveSas) => live.rekeyChild(),
      "timeout": (live: LiveSas) => live.ends.wake(),
    };
    for (const kind of kinds) {
      const rounds = await Rounds.run({
        few: await timed(() => works[kind](few)),
        many: await timed(() => works[kind](many)),
      }, bench.rounds);
      bench.row(nameOf(kind, FEW), rounds.cost("few") * 1e6, "us");
      // A timeout for nothing takes less than a microsecond, of which nothing can be told.
      const bar = kind === "timeout" ? {} : { bar: FLAT_BAR };
      bench.row(nameOf(kind, MANY), rounds.cost("many") * 1e6, "us", {
        to: { name: nameOf(kind, FEW), ratio: rounds.ratio("many", "few") },
        ...bar,
      });
    }
    const clock = startClock();
    many.ends.advance(600_000);
    bench.row(idle, clock().busy * 1e3, "ms");
  });
}

/** Many SAs that say nothing for so long that the initiator asks each of them, twice in the time that is measured. */
async function benchLiveness(): Promise<void> {
  const name = `ike-life/liveness of ${MANY} SAs each 30 s`;
  // deno-lint-ignore require-await
  await bench.group([name, `${name}, wakes`], async () => {
    const { ends } = new LiveSas({ ...SUITE, dpdDelay: 30 }, crypto, MANY);
    ends.advance(60_000);
    const seconds = 60;
    const clock = startClock();
    const wakes = ends.advance(1000 * seconds);
    bench.row(name, clock().busy * 1e3 / seconds, "ms/s");
    bench.row(`${name}, wakes`, wakes / seconds, "1/s");
  });
}

/** Seconds that one call takes. */
function timed(call: () => void): Promise<() => Promise<number>> {
  return calibrated((amount) => {
    for (let i = 0; i < amount; i++) call();
    return Promise.resolve();
  }, bench.quick ? 0.05 : 0.3);
}
