/** Rooms of one's own: made, kept private, opened to somebody, left; and what is refused is said where it belongs. */

import assert from "node:assert/strict";
import { URL_, until } from "../lib/harness.mjs";

/** @param {import("../lib/harness.mjs").Stage} stage */
export default async function rooms(stage) {
  const ada = await stage.person("Ada Okafor");
  const noor = await stage.person("Noor Haddad");
  await ada.register();
  await noor.register();
  const name = `cellar ${process.env.HUBBUB_RUN}`;

  // A name that is taken is said beside the field, and what was typed stays.
  stage.expected = /status of 409/;
  await ada.page.getByRole("button", { name: "Create a room" }).first().click();
  await ada.page.getByLabel("Name").fill("general");
  await ada.page.getByRole("button", { name: "Create room" }).click();
  const field = ada.page.getByLabel("Name");
  await until(async () => (await field.getAttribute("aria-invalid")) === "true", "the name is taken");
  stage.expected = /$^/;
  await field.fill(name);
  await ada.page.getByLabel("Private").check();
  await ada.page.getByRole("button", { name: "Create room" }).click();
  await ada.page.getByRole("heading", { level: 1, name }).waitFor();

  // Invisible to others, also by its address.
  await noor.page.goto(`${URL_}/#/r/${encodeURIComponent(name)}`);
  await noor.page.getByText(`There is no room “${name}” that you may see.`).waitFor();
  await noor.page.keyboard.press("Control+k");
  await noor.page.getByRole("combobox").fill(name);
  await noor.page.getByText(`No room matches “${name}”.`).waitFor();
  await noor.page.keyboard.press("Escape");

  // Let in, she has it at once.
  await ada.say("Nobody hears me down here.");
  await ada.page.getByRole("button", { name: "Add people" }).click();
  await ada.page.getByRole("searchbox").fill(noor.username);
  await ada.page.getByRole("button", { name: "Add Noor Haddad" }).click();
  await ada.page.getByText("Added", { exact: true }).waitFor();
  await ada.page.keyboard.press("Escape");
  await ada.page.getByRole("complementary").getByText("Noor Haddad").waitFor();
  await noor.page.locator("button.room", { hasText: name }).click();
  await noor.sees("Nobody hears me down here.");
  await noor.say("Now somebody does.");
  await ada.sees("Now somebody does.");

  // A message that the server will not have: said, kept, taken back into the box.
  await ada.composer.fill("x".repeat(17_000));
  await ada.composer.press("Enter");
  const failed = ada.page.locator(".message.failed");
  await failed.getByText(/^Not sent\. .*16384 bytes/).waitFor();
  await ada.page.reload();
  await failed.waitFor();
  await failed.getByRole("button", { name: "Try again" }).click();
  await failed.getByText(/^Not sent\./).waitFor();
  await failed.getByRole("button", { name: "Edit", exact: true }).click();
  assert.equal((await ada.composer.inputValue()).length, 17_000);
  await failed.waitFor({ state: "detached" });
  await ada.composer.fill("Shorter.");
  await ada.composer.press("Enter");
  await noor.sees("Shorter.");

  // A draft stays with its room.
  await noor.composer.fill("Half a thou");
  await noor.open("general");
  assert.equal(await noor.composer.inputValue(), "");
  await noor.page.keyboard.press("Alt+ArrowUp");
  await noor.page.getByRole("heading", { level: 1, name }).waitFor();
  assert.equal(await noor.composer.inputValue(), "Half a thou");

  // Left: gone from her list, and her from theirs; no message of it comes any more.
  await noor.page.getByRole("button", { name: "Leave this room" }).click();
  await noor.page
    .getByRole("dialog")
    .getByText(/private/)
    .waitFor();
  await noor.page.getByRole("button", { name: "Leave", exact: true }).click();
  await noor.page.locator("button.room", { hasText: name }).waitFor({ state: "detached" });
  await until(
    async () => !(await ada.page.getByRole("complementary").innerText()).includes("Noor Haddad"),
    "she is gone",
  );

  // Signed out in one window is signed out in the other.
  const first = noor.page;
  const second = await noor.newPage();
  await second.goto(URL_);
  await noor.online();
  stage.expected = /status of 401/; // the other window may be asking something just then
  await second.getByRole("button", { name: "Sign out" }).click();
  await second.getByRole("heading", { name: "Welcome back" }).waitFor();
  await first.getByText("You signed out in another window.").waitFor();
}
