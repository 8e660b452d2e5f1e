/** Access tokens of a few seconds, two windows: each lives on through many of them without losing its connection. */

import assert from "node:assert/strict";
import { until, URL_ } from "../lib/harness.mjs";

/** @param {import("../lib/harness.mjs").Stage} stage */
export default async function tokens(stage) {
  const ada = await stage.person("Ada Okafor");
  await ada.register();
  await ada.open("general");
  const first = ada.page;
  const second = await ada.newPage();
  await second.goto(`${URL_}/#/r/general`);
  await ada.online();
  for (const page of [first, second]) {
    await page.evaluate(() => {
      const state = document.querySelector(".connection-state");
      const seen = [];
      Object.assign(window, { seen });
      if (state)
        new MutationObserver(() => seen.push(state.textContent)).observe(state, {
          childList: true,
          characterData: true,
          subtree: true,
        });
    });
  }
  const held = () => first.evaluate(() => JSON.parse(localStorage.getItem("hubbub.session") ?? "{}").token);
  const met = new Set([await held()]);
  await until(async () => met.add(await held()).size >= 4, "four tokens, one after the other", 40_000);
  await second.locator(".composer-text").fill("Still here.");
  await second.locator(".composer-text").press("Enter");
  await ada.sees("Still here.");
  await first.locator("li.message", { hasText: "Still here." }).waitFor();
  for (const page of [first, second]) {
    assert.deepEqual(await page.evaluate(() => /** @type {any} */ (window).seen), [], "the connection was never lost");
  }
}
