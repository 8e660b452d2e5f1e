/** The picture in the README: a room as it looks on a working day. Taken on a server of its own. */

import { ask, until } from "../lib/harness.mjs";

const QUERY =
  "```\nSELECT username, message_text\n  FROM messages_with_user_view\n WHERE message_text ILIKE '%harbour%';\n```";

/** Who says what, where, and how long ago in minutes. */
const SCRIPT = [
  ["ada", "harbour walk", 3 * 1440, "Sunday at ten, under the old crane"],
  [
    "linus",
    "general",
    26 * 60,
    "The migration is through: 41,000 messages, every receipt, nobody had to sign up again.",
  ],
  ["noor", "general", 26 * 60 - 2, "And the old address still works?"],
  ["linus", "general", 26 * 60 - 4, "Same port, same events. The old app did not even notice."],
  ["ada", "general", 94, "Morning! I pulled the plug of the server at breakfast."],
  ["ada", "general", 93, "Twice. Not one message lost."],
  ["noor", "general", 91, "On purpose?"],
  ["ada", "general", 90, "The second time, yes. The first was the vacuum cleaner."],
  [
    "mei",
    "general",
    41,
    "I was writing from the train when it went down. The clock beside my message just turned into a tick after the tunnel.",
  ],
  ["mei", "general", 40, "Where are the notes about the harbour walk? I cannot find them."],
  ["linus", "general", 12, `It is your own database, ask it:\n${QUERY}`],
  ["ada", "general", 9, "Found them: the 3rd of June, right under the cake."],
  ["mei", "general", 7, "You two are the best search engine I know."],
  ["noor", "tech", 65, "Backup restored on the spare machine in four minutes"],
  ["mei", "random", 33, "The cake is in the kitchen. I repeat:"],
  ["mei", "random", 32, "the cake is in the kitchen"],
];

/** @param {import("../lib/harness.mjs").Stage} stage */
export default async function screenshot(stage) {
  // Whenever the picture is taken, it is about eleven in the morning there.
  const east = ((((11 - new Date().getUTCHours()) % 24) + 36) % 24) - 12;
  const timezoneId = `Etc/GMT${east > 0 ? "-" : "+"}${Math.abs(east)}`;
  const people = {
    ada: await stage.person("Ada Okafor", { timezoneId, viewport: { width: 1280, height: 800 }, deviceScaleFactor: 2 }),
    linus: await stage.person("Linus Berg"),
    mei: await stage.person("Mei Tanaka"),
    noor: await stage.person("Noor Haddad"),
    tomas: await stage.person("Tomás Rey"),
  };
  const { ada, linus, mei, noor, tomas } = people;
  for (const person of Object.values(people)) {
    await person.register();
    for (const room of ["general", "random", "tech"]) await person.open(room);
  }
  await ada.rest("POST", "rooms", {
    name: "harbour walk",
    description: "Sunday, ten o'clock, the old crane",
    isPrivate: true,
  });
  for (const person of Object.values(people)) await person.open("general");
  /** @type {string[]} */
  const ages = [];
  let slip = "";
  for (const [who, room, minutes, text] of SCRIPT) {
    const person = people[/** @type {keyof typeof people} */ (who)];
    const { message } = await person.rest("POST", `rooms/${encodeURIComponent(room)}/messages`, { message: text });
    ages.push(`('${message.id}'::uuid, interval '${minutes} minutes')`);
    if (String(text).startsWith("Found")) slip = message.id;
    if (String(text).startsWith("The second time")) await ada.open("harbour walk"); // what follows will be news to her
  }
  await ada.rest("PATCH", `messages/${slip}`, {
    message: "Found them: the 3rd of May, right under the cake.",
  });
  await ask(
    `sql UPDATE messages SET created_at = created_at - ago FROM (VALUES ${ages.join(", ")}) AS told (id, ago) WHERE message_id = id`,
  );

  // Seen by all but Tomás, who has left; read by two.
  await tomas.page.close();
  await mei.open("random");
  for (const person of [ada, noor]) await person.page.reload();
  for (const person of [ada, noor]) await person.online();
  await ada.open("general");
  await noor.open("general");
  await ada.sees("You two are the best search engine I know.");
  await ada.page.getByRole("list", { name: "Away" }).getByText(/^Seen/).waitFor();
  await ada.page.getByRole("list", { name: "Here now" }).getByText("Noor Haddad").waitFor();
  await until(async () => (await ada.page.locator(".divider").count()) === 1, "what is new");
  await ada.page.evaluate(() => /** @type {HTMLElement} */ (document.activeElement).blur());
  await ada.page.mouse.move(640, 40);
  await linus.composer.pressSequentially("And the photogr");
  await ada.page.getByText("Linus Berg is typing…").waitFor();
  await ada.page.screenshot({ path: process.env.HUBBUB_PICTURE });
}
