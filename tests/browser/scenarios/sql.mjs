/** SQL is live: what `psql -c` writes appears in two open pages; what it takes back appears in none. */

import assert from "node:assert/strict";
import { ask, until } from "../lib/harness.mjs";

/** @param {import("../lib/harness.mjs").Stage} stage */
export default async function sql(stage) {
  const ada = await stage.person("Ada Okafor");
  const linus = await stage.person("Linus Berg");
  await ada.register();
  await linus.register();
  await ada.page.getByRole("button", { name: "Join general" }).click();
  await ada.page.getByRole("heading", { level: 1, name: "general" }).waitFor();
  await linus.open("general");
  await linus.say("Is anybody at the console?");
  await ada.sees("Is anybody at the console?");

  /** @param {string} text */
  const insert = (text) =>
    `INSERT INTO messages (user_id, room_id, message_text) SELECT user_id, room_id, '${text}' FROM users, rooms
     WHERE username = '${ada.username}' AND room_name = 'general'`;
  await ask(`sql BEGIN; ${insert("Never said.")}; ROLLBACK`);
  await ask(`sql ${insert("Yes, by psql.")}`);
  for (const person of [ada, linus]) await person.sees("Yes, by psql.");
  await ask(`sql UPDATE messages SET message_text = 'Yes, by hand.' WHERE message_text = 'Yes, by psql.'`);
  for (const person of [ada, linus]) await person.sees("Yes, by hand.");
  await ask(`sql SELECT hubbub.post_message('general', '${linus.username}', 'And by an application.')`);
  for (const person of [ada, linus]) {
    await until(async () => (await person.texts()).at(-1) === "And by an application.", "the last one");
    const texts = await person.texts();
    assert.ok(!texts.includes("Never said."), "what was rolled back");
    assert.deepEqual(texts.slice(-3), ["Is anybody at the console?", "Yes, by hand.", "And by an application."]);
  }
}
