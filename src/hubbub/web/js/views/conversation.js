/**
 * The middle: the open room's head, its messages, and where one writes. Or, with no room open, where to go.
 */

import { avatar } from "./avatar.js";
import { badge, plural } from "./format.js";
import { Composer } from "./composer.js";
import { connectionBar } from "./connection-bar.js";
import { h, icon, iconButton, setAttribute, soon } from "./dom.js";
import { MessageList } from "./messages.js";
import { Welcome } from "./welcome.js";

/** @typedef {import("../core/chat.js").Chat} Chat */
/** @typedef {import("../core/store.js").Room} Room */

const FACES = 3;

export class Conversation {
  #chat;
  /** @type {Room | null} */
  #room = null;

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
      connectionBar(chat),
      this.messages.element,
      this.composer.element,
      this.welcome.element,
    );
    const drawHead = soon(() => this.#drawHead());
    chat.store.on("rooms", drawHead);
    chat.store.on("people", (roomId) => roomId === this.#room?.roomId && drawHead());
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
}
