/**
 * A quiet line while there is no connection: what becomes of what one writes, and a way to try at once.
 *
 * It waits a moment before it shows: most interruptions are over sooner.
 */

import { h } from "./dom.js";
import { plural } from "./format.js";

const PATIENCE_MS = 1_200;

/**
 * @param {import("../core/chat.js").Chat} chat
 * @returns {HTMLElement}
 */
export function connectionBar({ connection, outbox }) {
  const words = h("span", { class: "connection-words" });
  const again = h("button", {
    type: "button",
    class: "link",
    text: "Try now",
    on: { click: () => connection.hurry() },
  });
  const line = h(
    "div",
    { class: "connection-line" },
    h("span", { class: "spinner", "aria-hidden": "true" }),
    words,
    again,
  );
  const bar = h("div", { class: "connection-bar", role: "status" });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let patience;
  const say = () => {
    const waiting = outbox.size;
    const kept = waiting > 0 ? `${plural(waiting, "message")} will be sent` : "What you write is kept, and sent";
    words.textContent = `No connection to the server. ${kept} when it is back.`;
  };
  connection.on("state", (state) => {
    clearTimeout(patience);
    if (state !== "retrying") {
      bar.replaceChildren();
      return;
    }
    patience = setTimeout(() => {
      say();
      bar.replaceChildren(line);
    }, PATIENCE_MS);
  });
  outbox.on("change", say);
  return bar;
}
