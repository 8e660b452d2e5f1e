/** Plays one scenario: `node run.mjs talk`. The server's address is in HUBBUB_URL, the browser's path in HUBBUB_CHROMIUM. */

import { play } from "./lib/harness.mjs";

const { default: scenario } = await import(`./scenarios/${process.argv[2]}.mjs`);
try {
  await play(scenario);
  process.exit(0);
} catch (error) {
  console.error(error);
  process.exit(1);
}
