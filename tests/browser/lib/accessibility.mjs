/** What must hold wherever one looks: every control has a name, landmarks are there, text stands out from its ground. */

import assert from "node:assert/strict";

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

/**
 * @param {import("./harness.mjs").Person} person
 * @param {string} where
 * @param {string[]} landmarks
 */
export async function check(person, where, landmarks) {
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
      !element.checkVisibility({ visibilityProperty: true }) ||
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
