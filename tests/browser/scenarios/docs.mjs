/** The page of the REST interface: found, signed in to, tried; what is right and what is wrong, seen and heard. */

import assert from "node:assert/strict";
import { check } from "../lib/accessibility.mjs";
import { PASSWORD, URL_, until } from "../lib/harness.mjs";

/** @param {import("../lib/harness.mjs").Stage} stage */
export default async function docs(stage) {
  stage.expected = /Failed to load resource: the server responded with a status of (401|404|409)/;
  const ada = await stage.person("Ada Reader");
  const { page } = ada;
  await ada.register();
  await page.keyboard.press("?");
  await page.getByRole("link", { name: "The REST interface" }).click();
  await page.waitForURL(`${URL_}/docs/`);
  await page.getByRole("heading", { level: 1, name: "REST" }).waitFor();
  assert.equal(await page.getByText("Not signed in").count(), 1, "nothing of the chat's session is used");
  await check(ada, "the beginning", ["main", "navigation", "banner"]);

  // Found by words, gone to by the keyboard alone; the focus is where one reads on.
  await page.keyboard.press("/");
  await page.keyboard.type("post rooms make");
  await until(async () => (await page.locator(".docs-link:visible").count()) === 1, "one operation is left");
  assert.equal(await page.getByRole("navigation").getByRole("status").textContent(), "1 operation");
  await page.keyboard.press("Enter");
  const title = page.getByRole("heading", { level: 1, name: "Make a room, and be its first member" });
  await until(() => title.evaluate((one) => one === document.activeElement), "the focus is on the title");
  assert.equal(new URL(page.url()).hash, "#createRoom");
  const body = page.getByLabel("Body (JSON)");
  assert.deepEqual(JSON.parse(await body.inputValue()), { name: "reading" });
  await check(ada, "an operation", ["main", "navigation"]);

  // Without a token: refused, and said.
  const send = page.getByRole("button", { name: "Send" });
  const status = page.locator(".docs-status");
  const answered = async (/** @type {RegExp} */ what) => {
    await until(async () => what.test((await status.textContent()) ?? ""), `an answer ${what}`);
    return page.getByRole("region", { name: "Answer", exact: true }).getByLabel("Body of the answer").textContent();
  };
  await send.click();
  assert.equal(JSON.parse((await answered(/^401 /)) ?? "").code, "unauthorized");

  await page.getByRole("button", { name: "Sign in first" }).click();
  await page.getByLabel("User name or e-mail").fill(ada.username);
  await page.getByLabel("Password", { exact: true }).fill("not this one");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").filter({ hasText: /\w/ }).waitFor();
  await check(ada, "a refused sign-in", []);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.keyboard.press("Enter");
  await page.getByText(`Signed in as ${ada.username}`).waitFor();

  // Three operations, and the same once more, which is a conflict. What is sent is what the page says.
  const room = `reading-${ada.username}`;
  await body.fill("{ no json");
  await send.click();
  assert.equal(await body.getAttribute("aria-invalid"), "true");
  await body.fill(JSON.stringify({ name: room }));
  const command = page.getByLabel("The same by curl");
  assert.ok((await command.textContent())?.includes(`-d '{"name":"${room}"}'`));
  assert.ok((await command.textContent())?.includes('"Authorization: Bearer $TOKEN"'));
  await send.click();
  const made = JSON.parse((await answered(/^201 /)) ?? "");
  assert.equal(made.data.name, room);
  await send.click();
  assert.equal(JSON.parse((await answered(/^409 /)) ?? "").code, "conflict");
  await page.getByText("Headers of the answer").click();
  assert.match((await page.locator("pre[aria-label='Headers of the answer']").textContent()) ?? "", /x-request-id: \w+/);

  await page.goto(`${URL_}/docs#listMessages`); // another operation, by its address: the page and the token stay
  await page.getByRole("heading", { level: 1, name: "A page of a room, oldest first" }).waitFor();
  await send.click();
  const field = page.getByLabel("room", { exact: true });
  assert.equal(await field.getAttribute("aria-invalid"), "true", "what the address needs is asked for");
  await field.fill("nowhere at all");
  assert.match((await command.textContent()) ?? "", /rooms\/nowhere%20at%20all\/messages/);
  await send.click();
  assert.equal(JSON.parse((await answered(/^(401|404) /)) ?? "").success, false);

  // The token was in memory alone.
  await page.reload();
  await page.getByText("Not signed in").waitFor();
  const tokens = await page.evaluate(() =>
    Object.values({ ...sessionStorage, ...localStorage })
      .filter((value) => value.includes("refreshToken"))
      .map((value) => JSON.parse(value).user.username),
  );
  assert.deepEqual(tokens, [ada.username], "only the chat keeps a session");

  for (const colorScheme of /** @type {("light" | "dark")[]} */ (["light", "dark"])) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width: 390, height: 780 });
    await page.getByRole("link", { name: /Delete an account/ }).click();
    await page.getByRole("heading", { level: 1, name: "Delete an account" }).waitFor();
    await check(ada, `a phone, ${colorScheme}`, ["main", "navigation"]);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wide <= 0, `${wide} pixels too wide`);
  }
}
