/** A phone 360 pixels wide: drawers, buttons for fingers, nothing wider than the screen. */

import assert from "node:assert/strict";
import { until } from "../lib/harness.mjs";

/** @param {import("../lib/harness.mjs").Stage} stage */
export default async function phone(stage) {
  const mei = await stage.person("Mei Tanaka", {
    viewport: { width: 360, height: 700 },
    hasTouch: true,
    isMobile: true,
  });
  const { page } = mei;
  const fits = async (/** @type {string} */ where) => {
    const wide = await page.evaluate(() => {
      const over = [...document.querySelectorAll("#app *")].filter((one) => {
        const box = one.getBoundingClientRect();
        return (
          box.width > 0 &&
          box.left >= 0 &&
          box.left < innerWidth &&
          box.right > innerWidth + 1 &&
          !one.closest("pre, [inert], .visually-hidden")
        );
      });
      return {
        page: document.documentElement.scrollWidth - innerWidth,
        over: over.map((one) => `${one.tagName}.${one.className}`),
      };
    });
    assert.deepEqual(wide, { page: 0, over: [] }, `${where} is wider than the screen`);
  };

  await page.goto(process.env.HUBBUB_URL ?? "");
  await fits("signing in");
  await mei.register();
  await page.locator(".card").first().waitFor();
  await fits("the welcome");

  // The rooms are a drawer; what lies behind it is out of reach.
  await page.getByRole("button", { name: "Show the rooms" }).tap();
  await page.getByRole("navigation", { name: "Rooms" }).getByRole("button", { name: "Find a room" }).waitFor();
  assert.equal(await page.locator("main").evaluate((element) => element.inert), true);
  await page.keyboard.press("Escape");
  await until(() => page.locator("main").evaluate((element) => !element.inert), "Escape closes the drawer");
  await page.getByRole("button", { name: "Join random" }).tap();
  await page.getByRole("heading", { level: 1, name: "random" }).waitFor();

  // On a touch keyboard Enter begins a line, and the button sends.
  const word = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft".repeat(2);
  await mei.composer.fill("First line");
  await mei.composer.press("Enter");
  await mei.composer.pressSequentially("second line");
  await page.getByRole("button", { name: "Send message" }).tap();
  await until(async () => (await mei.texts()).includes("First line\nsecond line"), "two lines in one message");
  await mei.composer.fill(`${word} https://example.org/${"a".repeat(120)}\n\`\`\`\n${"code ".repeat(40)}\n\`\`\``);
  await page.getByRole("button", { name: "Send message" }).tap();
  await until(async () => (await mei.texts()).at(-1)?.startsWith(word), "a very long word");
  await fits("the room");

  // A tap on a message shows what can be done with it.
  await page.locator("li.message.mine", { hasText: "First line" }).locator(".text").tap();
  await page.getByRole("button", { name: "Edit message" }).tap();
  await page.getByRole("textbox", { name: "Edit message" }).fill("Edited with a finger");
  await fits("the editor");
  await page.getByRole("button", { name: "Save" }).tap();
  await mei.sees("Edited with a finger");

  // The people are a drawer too, closed by a tap beside it.
  await page.getByRole("button", { name: /^People/ }).tap();
  await page.getByRole("complementary", { name: "People in this room" }).getByText("Mei Tanaka").waitFor();
  await page.touchscreen.tap(10, 400);
  await page.getByRole("complementary", { name: "People in this room" }).waitFor({ state: "hidden" });
  await page.getByRole("button", { name: "Show the rooms" }).tap();
  await fits("the drawer");
}
