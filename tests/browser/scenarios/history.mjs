/** A long room: older messages come as one scrolls up, nothing jumps, and the way back is short. */

import assert from "node:assert/strict";
import { ask, until } from "../lib/harness.mjs";

const MANY = 260;

/** @param {import("../lib/harness.mjs").Stage} stage */
export default async function history(stage) {
  const ada = await stage.person("Ada Okafor");
  const mei = await stage.person("Mei Tanaka");
  await ada.register();
  await mei.register();
  const room = `annals ${process.env.HUBBUB_RUN}`;
  await ada.page.getByRole("button", { name: "Create a room" }).first().click();
  await ada.page.getByLabel("Name").fill(room);
  await ada.page.getByLabel("What is it for?").fill("What happened, in order");
  await ada.page.getByRole("button", { name: "Create room" }).click();
  await ada.page.getByText(`Nothing has been said in ${room} yet`).waitFor();
  // Written with plain SQL, which is as good as a client: the open page shows each of them, in order.
  await ask(
    `sql INSERT INTO messages (user_id, room_id, message_text) SELECT user_id, room_id, 'Entry ' || number
     FROM users, rooms, generate_series(1, ${MANY}) AS number
     WHERE username = '${ada.username}' AND room_name = '${room}' ORDER BY number`,
  );
  await until(async () => (await ada.texts()).at(-1) === `Entry ${MANY}`, "all of them live");
  assert.deepEqual(await ada.texts(), entries(1, MANY));

  await mei.open(room);
  await mei.sees(`Entry ${MANY}`);
  assert.equal((await mei.texts()).length, 100);
  const { scroller, atEnd } = probes(mei.page);
  await until(atEnd, "it begins at the end");

  // Up, page by page: what one looks at stays where it is while older messages come above it.
  for (let round = 0; (await mei.texts()).length < MANY; round += 1) {
    assert.ok(round < 10, "older messages stopped coming");
    const before = (await mei.texts()).length;
    const place = await scroller.evaluate((element) => {
      element.scrollTop = 300;
      const top = element.getBoundingClientRect().top;
      const row = [...element.querySelectorAll("li.message")].find((one) => one.getBoundingClientRect().bottom > top);
      return { key: row?.getAttribute("data-key"), top: row?.getBoundingClientRect().top ?? 0 };
    });
    await until(async () => (await mei.texts()).length > before, "an older page");
    await mei.page.locator(".loading-older").waitFor({ state: "detached" });
    const after = await mei.page
      .locator(`li[data-key="${place.key}"]`)
      .evaluate((row) => row.getBoundingClientRect().top);
    assert.ok(Math.abs(after - place.top) <= 2, `the reader's place moved by ${after - place.top} px`);
  }
  assert.deepEqual(await mei.texts(), entries(1, MANY));
  await scroller.evaluate((element) => (element.scrollTop = 0));
  await mei.page.getByText(`This is where ${room} begins`).waitFor();

  // News while reading what is old: nothing moves, the button counts, and leads there.
  await ada.say("News!");
  await until(async () => (await mei.texts()).at(-1) === "News!", "the news");
  assert.equal(await scroller.evaluate((element) => element.scrollTop), 0);
  await until(async () => (await mei.unread(room)).join() === "1", "unread, since it is not on the screen");
  await mei.page.getByRole("button", { name: "Jump to the latest message, 1 new message" }).click();
  await until(atEnd, "back at the end");
  await until(async () => (await mei.unread(room)).length === 0, "read, now that it is on the screen");
  await mei.page.locator(".jump").waitFor({ state: "hidden" });

  // The one who stays at the end is kept there.
  await ada.say("More news!");
  await mei.sees("More news!");
  await until(atEnd, "still at the end");

  // Another day, another heading; a reload shows the same again.
  await mei.page.getByText("Today", { exact: true }).waitFor();
  await mei.page.reload();
  await mei.sees("More news!");
  assert.equal(await mei.page.getByRole("heading", { level: 1 }).textContent(), room, "the address remembers the room");
}

/** @param {import("playwright-core").Page} page */
function probes(page) {
  const scroller = page.locator(".scroller");
  const atEnd = () =>
    scroller.evaluate((element) => element.scrollHeight - element.scrollTop - element.clientHeight < 2);
  return { scroller, atEnd };
}

/**
 * @param {number} first
 * @param {number} last
 */
function entries(first, last) {
  return Array.from({ length: last - first + 1 }, (_, at) => `Entry ${first + at}`);
}
