/**
 * Who is in the room: those connected now, and the others with the time they were seen last.
 */

import { avatar } from "./avatar.js";
import { h, iconButton, soon } from "./dom.js";
import { lastSeen } from "./format.js";

/** @typedef {import("../core/chat.js").Chat} Chat */
/** @typedef {import("../core/store.js").Room} Room */
/** @typedef {import("../core/types.js").User} User */

const MINUTE_MS = 60_000;

export class People {
  #chat;
  /** @type {Room | null} */
  #room = null;

  /**
   * @param {Chat} chat
   * @param {{ close: () => void, add: (room: Room) => void }} actions
   */
  constructor(chat, { close, add }) {
    this.#chat = chat;
    this.body = h("div", { class: "people-body" });
    this.add = h("button", {
      type: "button",
      class: "button quiet small people-add",
      text: "Add people",
      on: { click: () => this.#room && add(this.#room) },
    });
    this.element = h(
      "aside",
      { class: "people", id: "people", "aria-label": "People in this room" },
      h(
        "header",
        { class: "people-head" },
        h("h2", { text: "People" }),
        iconButton("close", "Close the list of people", close),
      ),
      this.body,
      this.add,
    );
    const draw = soon(() => this.#draw());
    chat.store.on("rooms", draw);
    chat.store.on("people", (roomId) => roomId === this.#room?.roomId && draw());
    // "Seen 3 min ago" grows old by itself.
    setInterval(draw, MINUTE_MS);
  }

  /** @param {Room | null} room */
  show(room) {
    this.#room = room;
    this.#draw();
  }

  #draw() {
    const room = this.#room;
    if (!room) {
      this.body.replaceChildren();
      return;
    }
    const { users, me } = this.#chat.store;
    this.add.hidden = room.createdBy !== me?.userId && me?.role !== "admin";
    const everyone = [...new Set([...room.here, ...room.members])].flatMap((id) => users.get(id) ?? []);
    everyone.sort((a, b) => nameOf(a).localeCompare(nameOf(b)));
    const here = everyone.filter((user) => room.here.has(user.userId));
    const away = everyone.filter((user) => !room.here.has(user.userId));
    this.body.replaceChildren(...this.#group("Here now", here, true), ...this.#group("Away", away, false));
  }

  /**
   * @param {string} title
   * @param {User[]} users
   * @param {boolean} online
   */
  #group(title, users, online) {
    if (users.length === 0) return [];
    const heading = h(
      "h3",
      { class: "list-heading" },
      title,
      h("span", { class: "count", text: String(users.length) }),
    );
    return [
      heading,
      h("ul", { class: "people-list", "aria-label": title }, ...users.map((user) => this.#person(user, online))),
    ];
  }

  /**
   * @param {User} user
   * @param {boolean} online
   */
  #person(user, online) {
    const me = user.userId === this.#chat.store.myId;
    const state = online
      ? me
        ? "This is you"
        : "Online"
      : user.online
        ? "Online, elsewhere"
        : lastSeen(user.lastSeen);
    const name = h("span", { class: "person-name", text: nameOf(user), title: `@${user.username}` });
    return h(
      "li",
      { class: online ? "person" : "person away" },
      avatar(user.userId, nameOf(user), { online: online || user.online === true }),
      h("span", { class: "person-text" }, name, h("span", { class: "person-state", text: state })),
    );
  }
}

/** @param {User} user */
function nameOf(user) {
  return user.displayName || user.username;
}
