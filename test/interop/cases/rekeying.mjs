/** What the daemons do to their SAs while traffic goes on: rekey and delete, from either side. */

import assert from "node:assert/strict";

import { address } from "../_support/lab.mjs";
import { eventually, sleep } from "../_support/shell.mjs";

const names = { carol: "psk-relay", moon: "psk" };

export const rekeying = [
  ...["carol", "moon"].map((side) => ({
    name: `a CHILD_SA rekeyed by ${side} takes over without loss`,
    everywhere: side === "moon",
    async run(lab) {
      const before = await established(lab);
      await throughout(lab, async () => {
        await lab.order(side, "--rekey", "--child", "net");
        await changed(lab, before, (was, is) => was.ike === is.ike && was.esp !== is.esp);
      });
    },
  })),
  ...["carol", "moon"].map((side) => ({
    name: `an IKE SA rekeyed by ${side} keeps its CHILD_SA and its traffic`,
    everywhere: side === "carol",
    async run(lab) {
      const before = await established(lab);
      await throughout(lab, async () => {
        await lab.order(side, "--rekey", "--ike", names[side]);
        await changed(lab, before, (was, is) => was.ike !== is.ike && was.esp === is.esp);
      });
    },
  })),
  {
    name: "both sides may rekey the CHILD_SA at the same time",
    async run(lab) {
      const before = await established(lab);
      await Promise.all([
        lab.order("carol", "--rekey", "--child", "net"),
        lab.order("moon", "--rekey", "--child", "net"),
      ]);
      await changed(lab, before, (was, is) => was.ike === is.ike && was.esp !== is.esp);
      await lab.ping();
    },
  },
  {
    name: "a dozen rekeys in a row leave one SA and working traffic",
    async run(lab) {
      await established(lab);
      await throughout(lab, async () => {
        const rekeys = [["--child", "net"], ["--ike", "psk-relay"]];
        for (const what of rekeys) {
          for (let i = 0; i < 6; i++) {
            await lab.order("carol", "--rekey", ...what);
            await sleep(150);
          }
          // One kind after the other: a CHILD_SA that waits for its deletion is forgotten there when its IKE SA is rekeyed.
          await eventually("the old SAs to go", 8, async () => {
            const all = [...await lab.sas("carol"), ...await lab.sas("moon")];
            return all.length === 2 && all.every((sa) => sa.children.length === 1);
          });
        }
      });
    },
  },
  ...["carol", "moon"].map((side) => ({
    name: `an IKE SA deleted by ${side} is gone on both ends, and a new one can follow`,
    everywhere: side === "moon",
    async run(lab) {
      await established(lab);
      await lab.order(side, "--terminate", "--ike", names[side]);
      await lab.noSas();
      await lab.initiate("psk-relay");
      await lab.ping();
    },
  })),
  ...["carol", "moon"].map((side) => ({
    name: `a CHILD_SA deleted by ${side} is gone on both ends, and the IKE SA stays for another`,
    async run(lab) {
      const [before] = await established(lab);
      await lab.order(side, "--terminate", "--child", "net");
      await eventually("the CHILD_SA to go on both sides", 8, async () => {
        const [sa] = await lab.sas("carol");
        const [twin] = await lab.sas("moon");
        return sa.children.length === 0 && twin.children.length === 0;
      });
      await lab.initiate("psk-relay");
      const [after] = await state(lab);
      assert.equal(after.ike, before.ike, "the IKE SA is the same");
      await lab.ping();
    },
  })),
];

async function established(lab) {
  await lab.relayPair();
  await lab.initiate("psk-relay");
  await lab.ping("carol", address.moonLan, { count: 2 });
  return await state(lab);
}

/** carol's SAs as `{ ike, esp }` of SPIs, checked against moon's. */
async function state(lab) {
  return (await lab.spis()).map((text) => {
    const [, ike, esp] = text.match(/^IKE (\S+) ESP (.*)$/);
    return { ike, esp };
  });
}

/** Waits until the old SA has gone, then judges what took its place. */
async function changed(lab, before, judge) {
  const after = await eventually("one SA to be left", 8, async () => {
    const [mine, ...rest] = await lab.sas("carol");
    const [theirs, ...others] = await lab.sas("moon");
    if (rest.length > 0 || others.length > 0) return undefined;
    if (mine.children.length !== 1 || theirs.children.length !== 1) return undefined;
    const now = await state(lab).catch(() => undefined);
    return now !== undefined && judge(before[0], now[0]) ? now : undefined;
  });
  assert.equal(after.length, 1);
}

/** Pings go on before, during and after the work, and every one is answered. */
async function throughout(lab, work) {
  const ping = lab.startPing("carol", address.moonLan);
  await sleep(300);
  await work();
  await sleep(300);
  const { sent, received, duplicates } = await ping.stop();
  assert.ok(sent > 5, `${sent} pings were sent`);
  // The last one may have been on its way when the ping was stopped.
  assert.ok(received >= sent - 1, `${received} of ${sent} pings were answered`);
  assert.equal(duplicates, 0);
}
