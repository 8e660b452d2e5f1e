/**
 * The rooms: which there are, which have news, and who I am below them.
 */

import { avatar } from "./avatar.js";
import { badge, briefly, excerpt, plural } from "./format.js";
import { h, icon, iconButton, setAttribute, soon } from "./dom.js";

/** @typedef {import("../core/chat.js").Chat} Chat */
/** @typedef {import("../core/store.js").Room} Room */

/** @type {Record<string, string>} */
const STATES = { online: "Connected", connecting: "Connecting…", retrying: "Reconnecting…", idle: "Offline" };

export class Sidebar {
  #chat;
  #actions;
  /** @type {Map<string, { element: HTMLLIElement, signature: string }>} */
  #drawn = new Map();

  /**
   * @param {Chat} chat
   * @param {{ open: (room: Room) => void, find: () => void, create: () => void, signOut: () => void, keys: () => void, close: () => void }} actions
   */
  constructor(chat, actions) {
    this.#chat = chat;
    this.#actions = actions;
    this.list = h("ul", { class: "rooms" });
    this.empty = h("p", {
      class: "rooms-empty",
      hidden: true,
      text: "You are in no room yet. Find one, or make your own.",
    });
    this.state = h("span", { class: "connection-state", role: "status" });
    this.me = h("div", { class: "me" });
    this.element = h(
      "nav",
      { class: "sidebar", id: "rooms", "aria-label": "Rooms" },
      h(
        "header",
        { class: "brand" },
        h("img", { src: "./icon.svg", alt: "", width: 30, height: 30 }),
        h("span", { class: "brand-name", text: "Hubbub" }),
        iconButton("close", "Close the list of rooms", actions.close, { class: "drawer-only" }),
      ),
      h(
        "button",
        { type: "button", class: "find", "aria-keyshortcuts": "Control+K", on: { click: actions.find } },
        icon("search"),
        h("span", { text: "Find a room" }),
        h("kbd", { text: "Ctrl K" }),
      ),
      h(
        "div",
        { class: "rooms-head" },
        h("h2", { class: "list-heading", text: "Rooms" }),
        iconButton("plus", "Create a room", actions.create),
      ),
      h("div", { class: "rooms-scroll" }, this.list, this.empty),
      h(
        "footer",
        { class: "me-bar" },
        this.me,
        iconButton("keys", "Keyboard shortcuts", actions.keys, { class: "wide-only" }),
        iconButton("power", "Sign out", actions.signOut),
      ),
    );
    const draw = soon(() => this.#draw());
    chat.store.on("rooms", draw);
    chat.store.on("timeline", draw);
    chat.connection.on("state", () => this.#drawMe());
    this.#draw();
    this.#drawMe();
  }

  #draw() {
    const { store } = this.#chat;
    const rooms = store.list();
    this.empty.hidden = rooms.length > 0 || !store.ready;
    /** @type {Map<string, { element: HTMLLIElement, signature: string }>} */
    const drawn = new Map();
    rooms.forEach((room, at) => {
      const open = room.roomId === store.openId;
      const line = this.#line(room);
      const signature = JSON.stringify([room.name, room.unread, room.isPrivate, open, line, lastAt(room)]);
      let kept = this.#drawn.get(room.roomId);
      if (!kept) kept = { element: h("li"), signature: "" };
      if (kept.signature !== signature) {
        const button =
          kept.element.querySelector("button") ??
          h("button", { type: "button", class: "room", on: { click: () => this.#actions.open(room) } });
        this.#fill(button, room, open, line);
        kept.element.replaceChildren(button);
      }
      drawn.set(room.roomId, { element: kept.element, signature });
      if (this.list.children[at] !== kept.element) this.list.insertBefore(kept.element, this.list.children[at] ?? null);
    });
    for (const [id, { element }] of this.#drawn) if (!drawn.has(id)) element.remove();
    this.#drawn = drawn;
  }

  /**
   * @param {HTMLElement} button
   * @param {Room} room
   * @param {boolean} open
   * @param {string} line
   */
  #fill(button, room, open, line) {
    const news = room.unread > 0;
    button.className = ["room", open && "open", news && "news"].filter(Boolean).join(" ");
    setAttribute(button, "aria-current", open ? "page" : null);
    const kind = room.isPrivate ? ", private" : "";
    setAttribute(
      button,
      "aria-label",
      `${room.name}${kind}${news ? `, ${plural(room.unread, "unread message")}` : ""}`,
    );
    button.replaceChildren(
      avatar(room.roomId, room.name, { shape: "room" }),
      h(
        "span",
        { class: "room-text" },
        h(
          "span",
          { class: "room-top" },
          h("span", { class: "room-name" }, room.name, room.isPrivate && icon("lock")),
          h("span", { class: "room-time", text: lastAt(room) ? briefly(lastAt(room)) : "" }),
        ),
        h(
          "span",
          { class: "room-bottom" },
          h("span", { class: "room-line", text: line }),
          news && h("span", { class: "badge", text: badge(room.unread) }),
        ),
      ),
    );
  }

  /**
   * @param {Room} room
   * @returns {string} what was said last, or what the room is for
   */
  #line(room) {
    const { store } = this.#chat;
    const last = room.timeline.newest ?? room.latest;
    if (!last) return room.description || "Nothing said yet";
    const who = last.userId === store.myId ? "You" : store.nameOf(last.userId, last).split(" ")[0];
    return `${who}: ${last.deleted ? "deleted a message" : excerpt(last.message, 60)}`;
  }

  #drawMe() {
    const { me } = this.#chat.store;
    const { state } = this.#chat.connection;
    if (!me) return;
    const name = me.displayName || me.username;
    this.state.textContent = STATES[state];
    this.state.className = `connection-state state-${state}`;
    this.me.replaceChildren(
      avatar(me.userId, name, { online: state === "online" }),
      h(
        "span",
        { class: "person-text" },
        h("span", { class: "person-name", text: name, title: `@${me.username}` }),
        this.state,
      ),
    );
  }
}

/** @param {Room} room */
function lastAt(room) {
  return room.timeline.newest?.timestamp ?? room.latest?.timestamp ?? room.lastActivity ?? "";
}
