/** For those who do not see, or not well: names, landmarks, a log that speaks, text that stands out from its ground. */

import assert from "node:assert/strict";
import { URL_, until } from "../lib/harness.mjs";

const CONTROLS = new Set([
  "button",
  "link",
  "textbox",
  "searchbox",
  "checkbox",
  "combobox",
  "option",
  "menuitem",
  "dialog",
  "image",
]);

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

/**
 * @param {import("../lib/harness.mjs").Person} person
 * @param {string} where
 * @param {string[]} landmarks
 */
async function check(person, where, landmarks) {
  const session = await person.context.newCDPSession(person.page);
  const { nodes } = await session.send("Accessibility.getFullAXTree");
  await session.detach();
  const seen = nodes.filter((node) => !node.ignored);
  const nameless = seen.filter((node) => CONTROLS.has(node.role?.value) && !node.name?.value?.trim());
  assert.deepEqual(
    nameless.map((node) => node.role?.value),
    [],
    `${where}: controls without a name`,
  );
  const roles = new Set(seen.map((node) => node.role?.value));
  for (const landmark of landmarks) assert.ok(roles.has(landmark), `${where}: no ${landmark}`);
  const twice = await person.page.evaluate(() => {
    const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
    return ids.filter((id, at) => ids.indexOf(id) !== at);
  });
  assert.deepEqual(twice, [], `${where}: an id is there twice`);
  const faint = await person.page.evaluate(contrasts);
  assert.deepEqual(faint, [], `${where}: text that does not stand out (WCAG 2.2, 1.4.3)`);
}

/** Runs in the page: texts whose contrast with their ground is below what WCAG asks for. */
function contrasts() {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  if (!canvas) return ["no canvas"];
  /** @type {(colour: string, ground: number[]) => number[]} */
  const over = (colour, ground) => {
    canvas.fillStyle = `rgb(${ground.join(" ")})`;
    canvas.fillRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  /** @type {(element: Element | null) => number[]} */
  const groundOf = (element) => {
    if (!element) return matchMedia("(prefers-color-scheme: dark)").matches ? [0, 0, 0] : [255, 255, 255];
    return over(getComputedStyle(element).backgroundColor, groundOf(element.parentElement));
  };
  /** @type {(colour: number[]) => number} */
  const light = (colour) => {
    const [r, g, b] = colour.map((part) =>
      part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim());
    const box = element.getBoundingClientRect();
    const style = getComputedStyle(element);
    if (
      text.length === 0 ||
      box.width < 2 ||
      style.visibility === "hidden" ||
      element.closest(":disabled, .auth-side, .visually-hidden, .skip")
    )
      continue;
    const ground = groundOf(element);
    const [a, b] = [light(over(style.color, ground)), light(ground)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const large =
      parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && Number(style.fontWeight) >= 600);
    if (ratio < (large ? 3 : 4.5))
      faint.push(
        `${element.tagName.toLowerCase()}.${element.className} "${text[0].textContent?.slice(0, 20)}" ${ratio.toFixed(2)}`,
      );
  }
  return faint;
}
