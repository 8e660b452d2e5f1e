/** The server is killed while people write: what they wrote waits, is sent by itself, and is there once, in order. */

import assert from "node:assert/strict";
import { URL_, until } from "../lib/harness.mjs";

/** @param {import("../lib/harness.mjs").Stage} stage */
export default async function restart(stage) {
  const ada = await stage.person("Ada Okafor");
  const linus = await stage.person("Linus Berg");
  await ada.register();
  await linus.register();
  await ada.open("tech");
  await linus.open("tech");
  await ada.say("Before.");
  await linus.sees("Before.");

  await stage.kill();
  for (const person of [ada, linus]) await person.page.getByText("No connection to the server.").waitFor();
  for (const text of ["Ada one", "Ada two", "Ada three"]) await ada.say(text);
  for (const text of ["Linus one", "Linus two"]) await linus.say(text);
  assert.equal(await ada.told("Ada two"), "Waiting to be sent");
  assert.equal(await ada.page.locator(".message.outgoing").count(), 3);

  // Her page is closed and opened again: what waits is kept on her device.
  await ada.page.close();
  await stage.start(linus);
  await ada.newPage();
  await ada.page.goto(`${URL_}/#/r/tech`);
  await ada.online();
  await agree([ada, linus], ["Before.", "Ada one", "Ada two", "Ada three", "Linus one", "Linus two"]);

  // Killed in the middle of a burst: some are stored and acknowledged, some stored only, some neither.
  const burst = Array.from({ length: 30 }, (_, at) => `Burst ${at + 1}`);
  for (const text of burst) await ada.say(text);
  await linus.sees("Burst 3");
  await stage.kill();
  await linus.say("While it was down");
  await stage.start(ada, linus);
  await agree([ada, linus], [...burst, "While it was down"]);

  // Edited and deleted while the other was away: the present state comes, once.
  await linus.context.setOffline(true);
  stage.away = true;
  await linus.page.getByText("Reconnecting…").waitFor();
  await ada.message("Burst 7").hover();
  await ada.page.getByRole("button", { name: "Edit message" }).click();
  await ada.page.getByRole("textbox", { name: "Edit message" }).fill("Burst seven");
  await ada.page.keyboard.press("Enter");
  await ada.sees("Burst seven");
  await ada.say("Written while Linus was away");
  await until(async () => (await ada.told("Written while Linus was away"))?.startsWith("Sent"), "stored");
  await linus.context.setOffline(false);
  await linus.sees("Burst seven");
  await linus.sees("Written while Linus was away");
  stage.away = false;
  assert.equal((await linus.texts()).filter((text) => text === "Burst 7").length, 0);
  await until(
    async () => (await ada.told("Written while Linus was away"))?.startsWith("Read by Linus Berg"),
    "read after all",
  );
  assert.deepEqual(await linus.texts(), await ada.texts());
}

/**
 * All of `texts` are on every page and in the database once, each person's own in the order written, and the pages
 * show the same.
 *
 * @param {import("../lib/harness.mjs").Person[]} people
 * @param {string[]} texts
 */
async function agree(people, texts) {
  for (const { page } of people)
    await until(async () => (await page.locator(".message.outgoing").count()) === 0, "nothing waits any more", 30_000);
  const { data } = await people[0].rest("GET", "rooms/tech/messages?limit=100");
  const stored = data.map((/** @type {any} */ one) => one.message);
  for (const person of people) {
    await until(
      async () => (await person.texts()).join("\n") === stored.join("\n"),
      `${person.name} sees what is stored`,
    );
  }
  for (const text of texts)
    assert.equal(stored.filter((/** @type {string} */ one) => one === text).length, 1, `${text} is there once`);
  for (const name of ["Ada", "Linus", "Burst"]) {
    const own = texts.filter((text) => text.startsWith(name));
    assert.deepEqual(
      stored.filter((/** @type {string} */ one) => own.includes(one)),
      own,
      `${name} in the order written`,
    );
  }
}
