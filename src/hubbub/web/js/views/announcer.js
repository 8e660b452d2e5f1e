/**
 * For whoever listens instead of looking: a log that speaks each new message of the open room, in plain words.
 *
 * The list itself is silent, so that loading old messages, ticks and buttons do not chatter.
 */

import { excerpt } from "./format.js";
import { h } from "./dom.js";

const KEEP = 5;

/**
 * @param {import("../core/chat.js").Chat} chat
 * @returns {HTMLElement}
 */
export function announcer(chat) {
  const log = h("div", { class: "visually-hidden", role: "log", "aria-live": "polite", "aria-label": "New messages" });
  chat.store.on("arrived", ({ room, message }) => {
    if (room !== chat.store.open) return;
    log.append(h("p", { text: `${chat.store.nameOf(message.userId, message)}: ${excerpt(message.message, 300)}` }));
    while (log.children.length > KEEP) log.firstElementChild?.remove();
  });
  return log;
}
