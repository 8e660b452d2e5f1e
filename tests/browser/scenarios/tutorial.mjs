/** docs/tutorial.md, from step 6 on: Ann and Sam on the shop's page, while the shop writes, the chat stops, and its database moves. */

import assert from "node:assert/strict";
import { ask, until, URL_ } from "../lib/harness.mjs";

/** @param {import("../lib/harness.mjs").Stage} stage */
export default async function tutorial(stage) {
  const [ann, sam] = [await visitor(stage, "ann"), await visitor(stage, "sam")];
  await ann.locator("#order input").fill("Rye bread");
  await ann.locator("#order button").click();
  for (const page of [ann, sam]) {
    await page.locator("#room", { hasText: "order-1" }).waitFor();
    await page.locator("#messages li", { hasText: "Ann ordered: Rye bread" }).waitFor();
    await page.locator("#here", { hasText: /Ann.*Sam|Sam.*Ann/ }).waitFor();
  }

  await ann.locator("#say input").pressSequentially("When?");
  await sam.locator("#typing", { hasText: "Ann writes" }).waitFor();
  await ann.locator("#say button").click();
  await sam.locator("#messages li", { hasText: "Ann: When?" }).waitFor();
  await ann.locator("#messages li", { hasText: "Ann: When? ✓✓" }).waitFor(); // Sam's page has shown it
  await say(sam, "Today.");
  await ann.locator("#messages li", { hasText: "Sam: Today." }).waitFor();

  assert.equal(await ship(ann), 404, "a customer ships nothing");
  for (let turn = 0; turn < 2; turn += 1) assert.equal(await ship(sam), 200);
  await ann.locator("#messages li", { hasText: "Shop: It is on its way." }).waitFor();

  await sam.evaluate(async () => void (await fetch("/leave"))); // ends his session in the chat, and so this page's socket
  await ann.locator("#here", { hasText: /^Ann$/ }).waitFor();
  await sam.goto(`${URL_}/as/sam`);
  await ann.locator("#here", { hasText: /Ann.*Sam|Sam.*Ann/ }).waitFor();

  await ask("stop");
  await say(ann, "Thank you!");
  await ann.locator("#messages li.waiting", { hasText: "Ann: Thank you!" }).waitFor();
  await ask("move");
  const said = ["Shop: Ann ordered: Rye bread", "Ann: When?", "Sam: Today.", "Shop: It is on its way.", "Ann: Thank you!"];
  for (const page of [ann, sam])
    await until(async () => {
      const shown = await page.locator("#messages li:not(.waiting):not(.sending)").allTextContents();
      return JSON.stringify(shown.map((text) => text.replace(" ✓✓", ""))) === JSON.stringify(said);
    }, "the same five messages on both pages", 60_000);
}

/**
 * A window of one person's own.
 *
 * @param {import("../lib/harness.mjs").Stage} stage
 * @param {string} name
 */
async function visitor(stage, name) {
  const context = await stage.browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  page.on("pageerror", (error) => stage.troubles.push(`${name}: ${error.stack}`));
  await page.goto(`${URL_}/as/${name}`);
  return page;
}

/**
 * @param {import("playwright-core").Page} page
 * @param {string} text
 */
async function say(page, text) {
  await page.locator("#say input").fill(text);
  await page.locator("#say button").click();
}

/** @param {import("playwright-core").Page} page */
const ship = (page) => page.evaluate(async () => (await fetch("/orders/1/ship", { method: "POST" })).status);
