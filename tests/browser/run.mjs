/**
 * Plays scenarios in one browser, one after another, until its input ends: `node run.mjs`. The browser's path is in
 * HUBBUB_CHROMIUM. Each is asked for by a line `{"scenario": "talk", "env": {…}}` that says where the server is
 * (HUBBUB_URL), what makes its people's names its own (HUBBUB_RUN), and where pictures of a failure go
 * (HUBBUB_PICTURES); `@played` answers. The first that fails ends it.
 */

import { launch, lines, play } from "./lib/harness.mjs";

const browser = await launch();
try {
  for await (const line of { [Symbol.asyncIterator]: () => lines }) {
    const { scenario, env } = JSON.parse(line);
    Object.assign(process.env, env);
    await play(browser, (await import(`./scenarios/${scenario}.mjs`)).default);
    process.stdout.write("@played\n");
  }
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await browser.close();
}
process.exit();
