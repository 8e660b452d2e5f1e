/** For those who do not see, or not well: names, landmarks, a log that speaks, text that stands out from its ground. */

import assert from "node:assert/strict";
import { check } from "../lib/accessibility.mjs";
import { URL_, until } from "../lib/harness.mjs";

/** @param {import("../lib/harness.mjs").Stage} stage */
export default async function accessible(stage) {
  for (const colorScheme of /** @type {("light" | "dark")[]} */ (["light", "dark"])) {
    const ada = await stage.person(`Ada ${colorScheme}`, { colorScheme });
    const linus = await stage.person(`Linus ${colorScheme}`);
    const { page } = ada;
    await page.goto(URL_);
    await page.getByRole("heading", { name: "Welcome back" }).waitFor();
    await check(ada, "signing in", ["main"]);
    await page.getByRole("button", { name: "Create an account" }).click();
    await page.getByRole("button", { name: "Create account" }).click();
    const name = page.getByLabel("User name");
    assert.equal(await name.getAttribute("aria-invalid"), "true");
    const problem = await name.getAttribute("aria-describedby");
    assert.equal(await page.locator(`#${problem}`).textContent(), "Please fill this in.");
    assert.ok(
      await name.evaluate((element) => element === document.activeElement),
      "the first wrong field has the focus",
    );
    await check(ada, "a form with problems", ["main"]);

    await ada.register();
    await page.locator(".card").first().waitFor();
    await check(ada, "the welcome", ["main", "navigation"]);
    await ada.open("general");
    await linus.register();
    await linus.open("general");
    await linus.say("Is this readable?");
    await ada.sees("Is this readable?");
    await ada.say("I hope so: `code` too.");
    await until(async () => (await page.locator(".tick-read").count()) > 0, "a read tick");
    await page.locator("li.message").last().hover();
    await check(ada, "a conversation", ["main", "navigation", "complementary"]);
    const log = page.getByRole("log", { name: "New messages" });
    assert.equal(await log.getAttribute("aria-live"), "polite");
    assert.match(await log.innerText(), /Is this readable\?/);
    assert.equal(await page.locator("html").getAttribute("lang"), "en");
    assert.equal(await page.getByRole("heading", { level: 1 }).count(), 1);

    const dialogs = {
      "Create a room": "Create a room",
      "Find a room": "Find a room",
      "Keyboard shortcuts": "Keyboard shortcuts",
    };
    for (const [button, title] of Object.entries(dialogs)) {
      await page.getByRole("button", { name: button }).first().click();
      await page.getByRole("dialog", { name: title }).waitFor();
      await check(ada, title, []);
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
    }
    await ada.context.close();
    await linus.context.close();
  }
}
