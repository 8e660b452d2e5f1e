/**
 * The page's beginning: builds the core and the views, and tells the core what only a page knows.
 *
 * That is: whether somebody is looking (for read receipts), what other tabs wrote, and that the network is back.
 */

import { io } from "../vendor/socket.io.esm.min.js";
import { browserStorage } from "./client/platform.js";
import { Api } from "./core/api.js";
import { Chat } from "./core/chat.js";
import { tabLock, tabVault } from "./core/platform.js";
import { Session, SESSION_KEY } from "./core/session.js";
import { Auth } from "./views/auth.js";
import { Dialogs } from "./views/dialogs.js";
import { Shell } from "./views/shell.js";

const url = new URL(".", document.baseURI);
const storage = browserStorage();
const api = new Api(url.href);
const session = new Session(api, storage, tabLock(storage), tabVault(SESSION_KEY));
const chat = new Chat({ api, session, storage, url, io });
const dialogs = new Dialogs((message) => chat.editsOf(message));
const app = /** @type {HTMLElement} */ (document.getElementById("app"));
const auth = new Auth(session);

/** @type {Shell | null} */
let shell = null;

/** @type {Record<string, string>} */
const REASONS = {
  ended: "Your session has ended. Please sign in again.",
  elsewhere: "You signed out in another window.",
};

/** @param {string} reason */
function show(reason) {
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  if (session.user) {
    shell ??= new Shell(chat, dialogs, storage);
    app.replaceChildren(shell.element);
  } else {
    document.title = "Hubbub";
    auth.draw(REASONS[reason] ?? "");
    app.replaceChildren(auth.element);
    auth.focus();
  }
}

function watch() {
  chat.watched = document.visibilityState === "visible" && document.hasFocus();
  if (chat.watched) shell?.conversation.messages.look();
}

session.on("change", show);
document.addEventListener("visibilitychange", () => {
  watch();
  if (document.visibilityState !== "visible") return;
  if (chat.connection.online) chat.refreshRooms().catch(() => {});
  else chat.connection.hurry();
});
window.addEventListener("focus", watch);
window.addEventListener("blur", watch);
window.addEventListener("online", () => chat.connection.hurry());
window.addEventListener("storage", (event) => {
  if (event.key === null || event.key === SESSION_KEY) session.follow();
  else if (event.newValue === null) chat.outbox.follow(event.key);
});

document.body.append(dialogs.notices);
watch();
chat.start();
show("");
