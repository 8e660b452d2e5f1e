/** Without a mouse: sign in, find a room, write, edit, delete, move about, sign out. */

import assert from "node:assert/strict";
import { PASSWORD, URL_, until } from "../lib/harness.mjs";

/** @param {import("../lib/harness.mjs").Stage} stage */
export default async function keyboard(stage) {
  const someone = await stage.person("Kim Mouse");
  await someone.register();
  const kim = await stage.person("Kim Mouse");
  const { page } = kim;
  const { keyboard: keys } = page;
  const focused = () =>
    page.evaluate(
      () => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent ?? "",
    );
  /** @param {string | RegExp} name Tab until this has the focus, which can be seen */
  const tabTo = async (name, key = "Tab") => {
    for (let steps = 0; steps < 40; steps += 1) {
      await keys.press(key);
      const now = await focused();
      if (typeof name === "string" ? now === name : name.test(now)) {
        const shown = await page.evaluate(() => {
          const element = document.activeElement;
          const ring = (/** @type {Element | null | undefined} */ one) =>
            one && getComputedStyle(one).outlineStyle !== "none";
          return Boolean(ring(element) || ring(element?.querySelector(".bubble")));
        });
        assert.ok(shown, `${name} shows that it has the focus`);
        return;
      }
    }
    assert.fail(`${name} is not reached with ${key}; at ${await focused()}`);
  };

  await page.goto(URL_);
  await page.getByLabel("User name or e-mail").waitFor();
  await keys.type(kim.username);
  await keys.press("Tab");
  await keys.type("wrong password");
  stage.expected = /status of 401/;
  await keys.press("Enter");
  await page.getByRole("alert").filter({ hasText: /wrong/ }).waitFor();
  await keys.press("Control+a");
  await keys.type(PASSWORD);
  await keys.press("Enter");
  await kim.online();
  stage.expected = /$^/;

  await keys.press("Control+k");
  await page.getByRole("combobox").waitFor();
  await keys.type("rand");
  await keys.press("Enter");
  await page.getByRole("heading", { level: 1, name: "random" }).waitFor();
  await keys.type("Typed, not clicked");
  await keys.press("Shift+Enter");
  await keys.type("in two lines");
  await keys.press("Enter");
  const text = "Typed, not clicked\nin two lines";
  await until(async () => (await kim.texts()).includes(text), "the message");
  await until(
    async () => (await page.locator(".tick").last().getAttribute("aria-label"))?.startsWith("Sent"),
    "its tick",
  );

  // Edit with the arrow, cancel with Escape: the focus is where writing goes on.
  await keys.press("ArrowUp");
  await page.getByRole("textbox", { name: "Edit message" }).waitFor();
  await keys.press("Escape");
  assert.equal(await focused(), "Message random");
  await keys.press("ArrowUp");
  await keys.press("Control+a");
  await keys.type("Typed, then mended");
  await keys.press("Enter");
  await kim.sees("Typed, then mended");

  // Into the list, to the message, to what can be done with it.
  await tabTo(/^Messages in random/, "Shift+Tab");
  await keys.press("ArrowUp");
  assert.match(await focused(), /^You, .*: Typed, then mended$/);
  await tabTo("Delete message");
  await keys.press("Enter");
  await page.getByRole("dialog").waitFor();
  assert.equal(await focused(), "Cancel", "the harmless answer has the focus");
  await keys.press("Tab");
  await keys.press("Enter");
  await page.locator(".message.deleted").waitFor();
  await keys.press("Escape");
  assert.equal(await focused(), "Message random");

  // From room to room, and what the keys are.
  await kim.open("general");
  await kim.open("random");
  await keys.type("by keyboard still");
  assert.equal(await kim.composer.inputValue(), "by keyboard still");
  await kim.composer.fill("");
  await kim.open("general");
  await keys.press("Alt+ArrowDown");
  await page.getByRole("heading", { level: 1, name: "random" }).waitFor();
  await page.evaluate(() => /** @type {HTMLElement} */ (document.activeElement).blur());
  await keys.press("?");
  await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
  await keys.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });

  await page.reload();
  await kim.online();
  await page.locator("body").press("Tab");
  assert.equal(await focused(), "Skip to the conversation");
  await keys.press("Enter");
  await until(async () => (await focused()) === "Message random", "skipped to where one writes");
  await tabTo("Sign out", "Shift+Tab");
  stage.expected = /status of 401/; // whatever the page was asking just then
  await keys.press("Enter");
  await page.getByRole("heading", { name: "Welcome back" }).waitFor();
  assert.equal(await page.evaluate(() => localStorage.getItem("hubbub.session")), null);
}
