/// <reference lib="dom" />
/** `examples/browser` in Chromium: what a person sees and does, against its server on each runtime. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import process from "node:process";
import type { Page } from "playwright-core";
import { Browser, SKIP } from "./_chromium.ts";
import { PageServer } from "./_server.ts";

describe("The page with a tunnel", { skip: SKIP, timeout: 100_000 }, () => {
  let browser: Browser;
  let server: PageServer;

  before(async () => {
    [browser, server] = await Promise.all([Browser.start(), PageServer.start("node")]);
  });

  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  it("connects, pings, rekeys and disconnects by keyboard alone", async () => {
    const page = await browser.open(server.url);
    assert.equal(await page.locator("#sas article").count(), 0);
    assert.ok(await page.locator("#ping").isDisabled());

    await tabTo(page, "connect");
    await page.keyboard.press("Enter");
    await says(page, /^Ping 1: answer from 192\.0\.2\.1 in \d+\.\d ms$/);
    assert.equal(await page.textContent("#state-text"), "Connected");
    assert.equal(await focus(page), "connect");
    assert.deepEqual(await ladder(page), [
      "sent IKE_SA_INIT { SA, KEi, Ni",
      "received IKE_SA_INIT { SA, KEr, Nr",
      "sent IKE_AUTH SK { IDi",
      "received IKE_AUTH SK { IDr",
      "sent ESP { IP, echo request 1 to 192.0.2.1 }",
      "received ESP { IP, echo reply 1 }",
    ]);
    const first = await associations(page);
    assert.equal(first.length, 2);
    assert.match(first[0]!, /^IKE SA.*SPIi[0-9a-f]{16}SPIr[0-9a-f]{16}suiteaes256gcm16-prfsha384-x25519/);
    assert.match(first[0]!, /virtual IP10\.99\.0\.1/);
    assert.match(
      first[1]!,
      /^Child SA net.*SPI in[0-9a-f]{8}SPI out[0-9a-f]{8}suiteaes128gcm16local10\.99\.0\.1\/32remote192\.0\.2\.0\/24/,
    );

    await tabTo(page, "rekey");
    await page.keyboard.press("Space");
    await page.locator("#rekey-count", { hasText: /^2$/ }).waitFor();
    await page.waitForFunction(() => document.querySelectorAll("#sas article").length === 2);
    const second = await associations(page);
    for (const [i, text] of second.entries()) {
      assert.match(text, /renewed/);
      for (const spi of spis(text)) assert.ok(!spis(first[i]!).includes(spi), `${spi} is from before`);
    }
    const talk = (await ladder(page)).slice(6);
    assert.equal(talk[0], "sent CREATE_CHILD_SA SK { N(REKEY_SA), SA, Ni, KEi, TSi, TSr }");
    assert.ok(talk.includes("received CREATE_CHILD_SA SK { SA, Nr, KEr }"), talk.join("\n"));
    assert.equal(talk.filter((line) => line === "sent INFORMATIONAL SK { D }").length, 2);

    await tabTo(page, "ping");
    await page.keyboard.press("Enter");
    await says(page, /^Ping 2: answer/);

    await tabTo(page, "connect");
    await page.keyboard.press("Enter");
    await says(page, /^The SAs are deleted$/);
    assert.equal(await page.textContent("#state-text"), "Not connected");
    assert.equal(await page.locator("#sas article").count(), 0);
    assert.deepEqual((await ladder(page)).slice(-2), [
      "sent INFORMATIONAL SK { D }",
      "received INFORMATIONAL SK { }",
    ]);
    assert.equal(await page.textContent("#error"), "");
    assert.match(server.output, /page-[0-9a-f]{4}\.example is gone/);
    await page.close();
  });

  it("sends datagrams in bulk, counts them, and plots them", async () => {
    const page = await browser.open(server.url);
    await page.getByLabel("ESP proposal").selectOption("chacha20poly1305-x25519");
    await page.getByRole("button", { name: "Connect" }).click();
    await says(page, /^Ping 1: answer/);
    await page.getByRole("button", { name: "Bulk" }).click();
    await received(page, 1000);
    // Keys are renewed under load, and nothing gets lost.
    await page.getByRole("button", { name: "Rekey" }).click();
    await page.locator("#rekey-count", { hasText: /^2$/ }).waitFor();
    await page.screenshot({ path: join(pictures, "page.png") });
    await page.getByRole("button", { name: "Stop bulk" }).click();
    await says(page, /^\d+ datagrams came back, 0 did not, 0 were damaged: /);
    const numbers = await page.locator("#counters dd").allTextContents();
    assert.equal(numbers[0], numbers[1]);
    assert.equal(numbers[2]!.trim(), "0");
    assert.match((await associations(page))[1]!, /suitechacha20poly1305/);
    assert.ok(statSync(join(pictures, "page.png")).size > 20_000);
    assert.ok(await plottedColors(page) > 2, "the plot holds axes and curves");
    await page.close();
  });

  it("says why a wrong key is refused, and goes on with the right one", async () => {
    const page = await browser.open(server.url);
    await page.getByLabel("Pre-shared key").fill("another secret");
    await page.keyboard.press("Enter");
    const alert = page.getByRole("alert");
    await alert.filter({ hasText: "There is no tunnel" }).waitFor();
    assert.match(await alert.innerText(), /AUTHENTICATION_FAILED[^]*same pre-shared key/);
    assert.equal(await page.textContent("#state-text"), "Failed");
    await page.getByLabel("Pre-shared key").fill("an example's secret");
    await page.keyboard.press("Enter");
    await says(page, /^Ping 1: answer/);
    assert.equal(await alert.innerText(), "");
    await page.close();
  });

  it("says why when the gateway goes in the middle of bulk and when it is gone, and goes on when it is back", async () => {
    const other = await PageServer.start("bun");
    const page = await browser.open(other.url);
    assert.ok(await page.getByLabel("WebTransport").isDisabled());
    assert.match(await page.locator("#carrier-note").innerText(), /WebTransport/);
    await page.getByRole("button", { name: "Connect" }).click();
    await says(page, /^Ping 1: answer/);
    // Writes wait then, which is what a WebSocketStream of Chromium's does not survive.
    await page.getByRole("button", { name: "Bulk" }).click();
    await received(page, 1000);
    await other.stop("SIGKILL");
    const alert = page.getByRole("alert");
    await alert.filter({ hasText: "The tunnel broke" }).waitFor();
    assert.match(await alert.innerText(), /gw\.example[^]*Is its program still running\?/);
    assert.equal(await page.locator("#sas article").count(), 0);
    assert.ok(await page.locator("#bulk").isDisabled());
    await page.getByRole("button", { name: "Connect" }).click();
    await alert.filter({ hasText: "There is no tunnel" }).waitFor();
    assert.match(await alert.innerText(), /Cannot ask 127\.0\.0\.1:\d+ where[^]*Is its program/);
    // What the bulk had done is told beside the counters, and not as news.
    await page.locator("#rate", { hasText: "Mbit/s" }).waitFor();
    await says(page, /^There is no tunnel$/);

    const again = await PageServer.start("bun", new URL(other.url).port);
    try {
      await page.getByRole("button", { name: "Connect" }).click();
      await says(page, /^Ping 1: answer/);
      assert.equal(await alert.innerText(), "");
    } finally {
      assert.equal(await again.stop(), 0);
    }
    await says(page, /^The gateway has deleted the SAs$/);
    assert.equal(await page.textContent("#state-text"), "Not connected");
    browser.complaints.length = 0; // the browser tells of the refused connection, too
    await page.close();
  });

  it("says why a gateway that is not there cannot be reached", async () => {
    const page = await browser.open(server.url);
    const nowhere = { webSocket: { url: "ws://127.0.0.1:9/vpn" }, webTransport: { reason: "none" } };
    await page.route("**/carriers.json", (route) => route.fulfill({ json: nowhere }));
    await page.getByRole("button", { name: "Connect" }).click();
    const alert = page.getByRole("alert");
    await alert.filter({ hasText: "There is no tunnel" }).waitFor();
    assert.match(await alert.innerText(), /Cannot connect to ws:\/\/127\.0\.0\.1:9\/vpn[^]*Is its program/);
    browser.complaints.length = 0;
    await page.close();
  });

  it("lets two pages and one that was loaded anew have their tunnels beside each other", async () => {
    const pages = [await browser.open(server.url), await browser.open(server.url)];
    for (const page of pages) {
      await page.getByRole("button", { name: "Connect" }).click();
      await says(page, /^Ping 1: answer/);
    }
    const [first, second] = pages as [Page, Page];
    await second.getByRole("button", { name: "Bulk" }).click();
    await received(second, 500);
    await second.reload();
    await second.getByRole("button", { name: "Connect" }).click();
    await says(second, /^Ping 1: answer/);
    for (const page of [first, second]) {
      await page.getByRole("button", { name: "Ping", exact: true }).click();
      await says(page, /^Ping 2: answer/);
      await page.close();
    }
  });

  it("keeps its height, and shows the newest message, however many there are", async () => {
    const page = await browser.open(server.url);
    await page.getByRole("button", { name: "Connect" }).click();
    await says(page, /^Ping 1: answer/);
    const height = () => page.evaluate(() => document.documentElement.scrollHeight);
    const before = await height();
    for (let pings = 2; pings <= 30; pings++) await page.locator("#ping").click();
    await says(page, /^Ping 30: answer/);
    await page.locator("#rekey").click();
    await page.locator("#rekey-count", { hasText: /^2$/ }).waitFor();
    await page.waitForFunction(() => document.querySelectorAll("#sas article").length === 2);
    assert.ok(await height() <= before + 100, `${before} became ${await height()}`);
    const newest = page.locator("#messages li").last();
    const [frame, row] = [await page.locator("#ladder").boundingBox(), await newest.boundingBox()];
    assert.ok(row!.y > frame!.y && row!.y + row!.height <= frame!.y + frame!.height, "it is in sight");
    // Who scrolls back stays there.
    await page.locator("#ladder").focus();
    await page.keyboard.press("Home");
    await page.waitForFunction(() => {
      const [frame, first] = ["#ladder", "#messages li"].map((name) =>
        document.querySelector(name)!.getBoundingClientRect()
      );
      return first!.top >= frame!.top - 4;
    });
    await page.close();
  });

  it("goes by WebTransport where the server has it", async () => {
    const other = await PageServer.start("deno");
    try {
      const page = await browser.open(other.url);
      assert.ok(await page.locator("#carrier-note").isHidden());
      await tabTo(page, "", "webSocket");
      await page.keyboard.press("ArrowRight");
      assert.ok(await page.getByLabel("WebTransport").isChecked());
      await page.keyboard.press("Enter");
      await says(page, /^Ping 1: answer/);
      assert.match((await associations(page))[0]!, /virtual IP10\.99\.1\.1/); // the pool of that carrier
      await page.getByRole("button", { name: "Disconnect" }).click();
      await says(page, /^The SAs are deleted$/);
      await page.close();
    } finally {
      assert.equal(await other.stop(), 0);
    }
  });

  it("fits on a narrow screen, and speaks to nobody but its own server", async () => {
    const page = await browser.open(server.url, { width: 320, height: 640 });
    await page.getByRole("button", { name: "Connect" }).click();
    await says(page, /^Ping 1: answer/);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= 320, `the page is ${width} wide`);
    for (const part of [".ends > span", "button", "#messages .lane"]) {
      const boxes = await page.locator(part).evaluateAll((parts) =>
        parts.map((each) => ({
          right: Math.round(each.getBoundingClientRect().right),
          wide: each.scrollWidth > each.clientWidth + 4,
        }))
      );
      for (const { right, wide } of boxes) assert.ok(right <= 302 && !wide, `${part} ends at ${right}`);
    }
    const [left, right] = await page.locator(".ends > span").evaluateAll((ends) =>
      ends.map((end) => end.getBoundingClientRect())
    );
    assert.ok(left!.right < right!.left, "the ends stand beside each other");
    await page.close();
    const hosts = new Set(browser.requests.map((url) => new URL(url).hostname || "data"));
    assert.deepEqual([...hosts].filter((host) => host !== "data"), ["127.0.0.1"]);
    assert.deepEqual(browser.complaints, []);
  });
});

/** `SCREENSHOTS` keeps pictures, for a person to look at. */
const kept = process.env["SCREENSHOTS"];
const pictures = kept ?? mkdtempSync(join(tmpdir(), "iketcp-page-"));
after(() => kept ?? rmSync(pictures, { recursive: true }));

/** Moves the focus on by Tab until the element with an id has it, or the one with a value. */
async function tabTo(page: Page, id: string, value?: string): Promise<void> {
  for (let presses = 0; presses < 20; presses++) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => ({
      id: document.activeElement?.id,
      value: (document.activeElement as HTMLInputElement | null)?.value,
    }));
    if (value === undefined ? at.id === id : at.value === value) return;
  }
  assert.fail(`Tab does not reach ${id || value}`);
}

async function focus(page: Page): Promise<string | undefined> {
  return await page.evaluate(() => document.activeElement?.id);
}

async function says(page: Page, pattern: RegExp): Promise<void> {
  try {
    await page.getByRole("status").filter({ hasText: pattern }).waitFor();
  } catch (error) {
    const [status, alert] = [await page.textContent("#status"), await page.textContent("#error")];
    throw new Error(`Expected ${pattern}, got "${status}" and the error "${alert}"`, { cause: error });
  }
}

/** Waits until so many packets came back. */
async function received(page: Page, packets: number): Promise<void> {
  await page.waitForFunction(
    (packets) =>
      Number(document.querySelector("#received")!.firstChild!.textContent!.replaceAll(",", "")) > packets,
    packets,
  );
}

/** The sequence diagram as text, without what follows the third payload of the first messages. */
async function ladder(page: Page): Promise<string[]> {
  const lines = await page.locator("#messages .lane").allTextContents();
  return lines.map((line) =>
    line.replace(": ", " ").replaceAll("\u00a0", " ")
      .replace(/(IKE_SA_INIT \{ \w+, \w+, \w+|IKE_AUTH SK \{ \w+).*/, "$1")
  );
}

async function associations(page: Page): Promise<string[]> {
  return await page.locator("#sas article").allTextContents();
}

function spis(text: string): string[] {
  return Array.from(text.matchAll(/SPI\w?(?: in| out)?([0-9a-f]{16}|[0-9a-f]{8})/g), ([, spi]) => spi!);
}

/** How many colours the plot is drawn in. */
async function plottedColors(page: Page): Promise<number> {
  return await page.evaluate(() => {
    const canvas = document.querySelector<HTMLCanvasElement>("#plot canvas")!;
    const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
    const colors = new Set<string>();
    for (let i = 0; i < data.length; i += 4) {
      if (data[i + 3] === 255) colors.add(`${data[i]} ${data[i + 1]} ${data[i + 2]}`);
    }
    return colors.size;
  });
}
