/** Two people sign up and talk: typing, presence, ticks, unread counts, edits, deletion. */

import assert from "node:assert/strict";
import { until } from "../lib/harness.mjs";

/** @param {import("../lib/harness.mjs").Stage} stage */
export default async function talk(stage) {
  const ada = await stage.person("Ada Okafor");
  const linus = await stage.person("Linus Berg");
  await ada.register();
  await linus.register();

  await ada.page.getByRole("button", { name: "Join general" }).click();
  await ada.page.getByRole("heading", { level: 1, name: "general" }).waitFor();
  await linus.open("general");

  // Presence: each sees the other, and who oneself is.
  const here = ada.page.getByRole("list", { name: "Here now" });
  await here.getByText("Linus Berg").waitFor();
  await here.getByText("This is you").waitFor();

  // Typing shows, and goes with the message.
  await linus.composer.pressSequentially("Hello, Ad");
  await ada.page.getByText("Linus Berg is typing…").waitFor();
  await linus.composer.pressSequentially("a!");
  await linus.composer.press("Enter");
  await ada.sees("Hello, Ada!");
  await ada.page.getByText("Linus Berg is typing…").waitFor({ state: "detached" });
  await ada.page
    .getByRole("log", { name: "New messages" })
    .getByText("Linus Berg: Hello, Ada!")
    .waitFor({ state: "attached" });

  // She looks at the room: read. From another room: delivered, counted, and read when she comes back.
  await until(async () => (await linus.told("Hello, Ada!")) === "Read by Ada Okafor; delivered to 1", "the read tick");
  await ada.open("random");
  await linus.say("One.");
  await linus.say("Two.");
  await until(async () => (await linus.told("Two.")) === "Delivered to 1 person", "the delivered tick");
  await until(async () => (await ada.unread("general")).join() === "2", "two unread");
  assert.equal(await ada.page.title(), "(2) random · Hubbub");
  assert.ok(await linus.message("Two.").locator(".tick-delivered").isVisible());
  await ada.open("general");
  await ada.page.getByText("New messages", { exact: true }).first().waitFor();
  await until(async () => (await linus.told("Two.")) === "Read by Ada Okafor; delivered to 1", "read in the end");
  await until(async () => (await ada.page.title()) === "general · Hubbub", "nothing unread");
  assert.deepEqual(await ada.unread("general"), []);

  // The messages of one person form a group: one name, one face.
  assert.equal(
    await ada.page.locator(".message.first", { hasText: "Linus Berg" }).count(),
    2,
    "one group before the divider, one after",
  );

  // Edit the last message with the arrow key; the other sees it, and what it was.
  await linus.composer.press("ArrowUp");
  const editor = linus.page.getByRole("textbox", { name: "Edit message" });
  await editor.fill("Two, with a correction.");
  await editor.press("Enter");
  await ada.sees("Two, with a correction.");
  const edited = ada.message("Two, with a correction.");
  await edited.getByText("edited", { exact: true }).click();
  await ada.page.getByRole("dialog", { name: "Earlier texts" }).getByText("Two.", { exact: true }).waitFor();
  await ada.page.keyboard.press("Escape");
  await linus.sees("Two, with a correction.");

  // Delete, but not without being asked.
  await linus.message("One.").hover();
  await linus.page.getByRole("button", { name: "Delete message" }).click();
  await linus.page.getByRole("button", { name: "Cancel" }).click();
  await linus.message("One.").hover();
  await linus.page.getByRole("button", { name: "Delete message" }).click();
  await linus.page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  for (const person of [ada, linus])
    await person.page.locator(".message.deleted", { hasText: "This message was deleted" }).waitFor();
  assert.deepEqual(await ada.texts(), ["Hello, Ada!", "This message was deleted", "Two, with a correction."]);
  assert.deepEqual(await linus.texts(), await ada.texts());

  // What looks like markup is text; what looks like an address is a link.
  const nasty = `<img src=x onerror="alert(1)"> & https://example.org/a?b=1.`;
  await linus.say(nasty);
  await until(async () => (await ada.texts()).at(-1) === nasty, "the text as it was written");
  assert.equal(await ada.page.locator(".text a").last().getAttribute("href"), "https://example.org/a?b=1");
  assert.equal(await ada.page.locator(".text img").count(), 0);

  // He goes: she sees it.
  await linus.page.close();
  await ada.page.getByRole("list", { name: "Away" }).getByText("Linus Berg").waitFor();
  await ada.page
    .getByRole("list", { name: "Away" })
    .getByText(/^Seen /)
    .waitFor();
}
