/**
 * The middle: the open room's head, its messages, and where one writes. Or, with no room open, where to go.
 */

import { avatar } from "./avatar.js";
import { badge, plural } from "./format.js";
import { Composer } from "./composer.js";
import { h, icon, iconButton, setAttribute, soon } from "./dom.js";
import { MessageList } from "./messages.js";
import { Welcome } from "./welcome.js";

/** @typedef {import("../core/chat.js").Chat} Chat */
/** @typedef {import("../core/store.js").Room} Room */

/** The quiet line about the connection waits this long: most interruptions are over sooner. */
const PATIENCE_MS = 1_200;
const FACES = 3;

export class Conversation {
  #chat;
  /** @type {Room | null} */
  #room = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #patience;

  /**
   * @param {Chat} chat
   * @param {import("./dialogs.js").Dialogs} dialogs
   * @param {{ menu: () => void, people: () => void, leave: (room: Room) => void, open: (room: Room) => void, find: () => void, create: () => void }} actions
   */
  constructor(chat, dialogs, actions) {
    this.#chat = chat;
    this.messages = new MessageList(chat, dialogs);
    this.composer = new Composer(chat, () => this.#editLast());
    this.messages.onRewrite = (text) => this.composer.take(text);
    this.messages.tools.onEditorClosed = () => this.composer.focus();
    this.welcome = new Welcome(chat, actions);
    this.title = h("h1", { class: "room-title", tabindex: -1 });
    this.about = h("p", { class: "room-about" });
    this.menuCount = h("span", { class: "badge", hidden: true });
    const menu = iconButton("menu", "Show the rooms", actions.menu, {
      class: "drawer-only menu",
      "aria-controls": "rooms",
    });
    menu.append(this.menuCount);
    this.faces = h("span", { class: "faces", "aria-hidden": "true" });
    this.count = h("span", { class: "here-count" });
    this.peopleButton = h(
      "button",
      { type: "button", class: "here-button", "aria-controls": "people", on: { click: actions.people } },
      this.faces,
      icon("people"),
      this.count,
    );
    this.leave = iconButton("leave", "Leave this room", () => this.#room && actions.leave(this.#room));
    this.notice = h("div", { class: "connection-bar", role: "status" });
    this.head = h(
      "header",
      { class: "room-head" },
      menu,
      h("div", { class: "room-heading" }, this.title, this.about),
      this.peopleButton,
      this.leave,
    );
    this.element = h(
      "main",
      { class: "conversation", id: "conversation", "aria-label": "Conversation" },
      this.head,
      this.notice,
      this.messages.element,
      this.composer.element,
      this.welcome.element,
    );
    const drawHead = soon(() => this.#drawHead());
    chat.store.on("rooms", drawHead);
    chat.store.on("people", (roomId) => roomId === this.#room?.roomId && drawHead());
    chat.connection.on("state", () => this.#drawConnection());
    this.show(null);
  }

  /** @param {Room | null} room */
  show(room) {
    this.#room = room;
    for (const part of [this.messages.element, this.composer.element, this.peopleButton, this.leave])
      part.hidden = room === null;
    this.welcome.element.hidden = room !== null;
    this.messages.show(room);
    this.composer.show(room);
    this.#drawHead();
  }

  #editLast() {
    const row = this.messages.lastOwn();
    if (row) this.messages.tools.edit(row);
    return row !== null;
  }

  #drawHead() {
    const { store } = this.#chat;
    const room = this.#room;
    const elsewhere = store.totalUnread - (room?.unread ?? 0);
    this.menuCount.hidden = elsewhere === 0;
    this.menuCount.textContent = badge(elsewhere);
    this.title.replaceChildren(room?.name ?? "Hubbub", room?.isPrivate ? icon("lock") : "");
    this.about.textContent = room?.description ?? "";
    if (!room) return;
    this.messages.look();
    const others = [...room.here].filter((id) => id !== store.myId).slice(0, FACES);
    this.faces.replaceChildren(...others.map((id) => avatar(id, store.nameOf(id), { size: "small" })));
    const here = Math.max(room.here.size, this.#chat.connection.online ? 1 : 0);
    this.count.textContent = String(here);
    setAttribute(this.peopleButton, "aria-label", `People: ${plural(here, "person", "people")} here now`);
    setAttribute(this.peopleButton, "title", `${plural(here, "person", "people")} here now`);
  }

  #drawConnection() {
    const { connection, outbox } = this.#chat;
    clearTimeout(this.#patience);
    if (connection.state !== "retrying") {
      this.notice.replaceChildren();
      this.notice.classList.remove("shown");
      return;
    }
    this.#patience = setTimeout(() => {
      const kept =
        outbox.size > 0
          ? `${plural(outbox.size, "message")} will be sent when it is back.`
          : "What you write is kept and sent when it is back.";
      this.notice.replaceChildren(
        h("span", { class: "spinner", "aria-hidden": "true" }),
        h("span", { text: `No connection to the server. ${kept}` }),
        h("button", { type: "button", class: "link", text: "Try now", on: { click: () => connection.hurry() } }),
      );
      this.notice.classList.add("shown");
    }, PATIENCE_MS);
  }
}
