/**
 * The page once somebody is signed in: rooms, conversation, people; the address, the title and the keys.
 *
 * On a narrow screen rooms and people are drawers over the conversation: one at a time, closed by Escape, by a
 * press beside them, or by choosing a room; what lies behind an open drawer is inert.
 */

import { announcer } from "./announcer.js";
import { badge } from "./format.js";
import { Conversation } from "./conversation.js";
import { addPeople, createRoom, findRoom } from "./room-dialogs.js";
import { h, setAttribute, soon } from "./dom.js";
import { People } from "./people.js";
import { Sidebar } from "./sidebar.js";

/** @typedef {import("../core/chat.js").Chat} Chat */
/** @typedef {import("../core/store.js").Room} Room */

const LAST_ROOM = "hubbub.room";

export class Shell {
  #chat;
  #dialogs;
  #storage;
  /** @type {"rooms" | "people" | null} */
  #drawer = null;
  #peopleShown = true;
  /** The id of the room on show, or none. */
  #shown = "";
  #wasReady = false;
  #narrow = matchMedia("(max-width: 760px)");
  #medium = matchMedia("(max-width: 1080px)");

  /**
   * @param {Chat} chat
   * @param {import("./dialogs.js").Dialogs} dialogs
   * @param {import("../core/types.js").Storage} storage
   */
  constructor(chat, dialogs, storage) {
    this.#chat = chat;
    this.#dialogs = dialogs;
    this.#storage = storage;
    const open = (/** @type {Room} */ room) => this.go(room);
    const find = () => findRoom(chat, dialogs, open);
    const create = () => createRoom(chat, dialogs, open);
    const close = () => this.#setDrawer(null);
    this.sidebar = new Sidebar(chat, {
      open,
      find,
      create,
      close,
      keys: () => dialogs.showKeys(),
      signOut: () => this.#signOut(),
    });
    this.people = new People(chat, {
      close: () => this.#togglePeople(),
      add: (room) => addPeople(chat, dialogs, room),
    });
    this.conversation = new Conversation(chat, dialogs, {
      open,
      find,
      create,
      menu: () => this.#setDrawer("rooms"),
      people: () => this.#togglePeople(),
      leave: (room) => this.#leave(room),
    });
    this.shade = h("div", { class: "shade", on: { click: close } });
    const skip = h("a", {
      class: "skip",
      href: "#conversation",
      text: "Skip to the conversation",
      on: { click: (/** @type {Event} */ event) => this.#skip(event) },
    });
    this.element = h(
      "div",
      { class: "shell" },
      skip,
      this.sidebar.element,
      this.conversation.element,
      this.people.element,
      this.shade,
      announcer(chat),
    );
    chat.store.on(
      "rooms",
      soon(() => this.#roomsChanged()),
    );
    window.addEventListener("hashchange", () => this.#follow());
    document.addEventListener("keydown", (event) => this.#keyed(event));
    for (const query of [this.#narrow, this.#medium]) query.addEventListener("change", () => this.#layOut());
    this.#layOut();
    this.#follow();
  }

  /** @param {Room} room */
  go(room) {
    const address = `#/r/${encodeURIComponent(room.name)}`;
    this.#setDrawer(null);
    if (location.hash !== address) history.pushState(null, "", address);
    this.#follow();
    if (!matchMedia("(pointer: coarse)").matches) this.conversation.composer.focus();
  }

  /** Show what the address names. */
  #follow() {
    const { store } = this.#chat;
    const named = decodeURIComponent(/^#\/r\/(.+)$/.exec(location.hash)?.[1] ?? "");
    const room = store.find(named) ?? (named || !store.ready ? undefined : this.#usual());
    this.#shown = room?.roomId ?? "";
    if (room) {
      this.#storage.setItem(LAST_ROOM, room.roomId);
      this.#chat.open(room.roomId);
      this.conversation.show(room);
      this.people.show(room);
    } else {
      if (store.openId) this.#chat.close();
      this.conversation.show(null);
      this.people.show(null);
      this.conversation.welcome.draw(named);
    }
    this.#layOut();
    this.#title();
  }

  /** @returns {Room | undefined} where the person was last, else the first */
  #usual() {
    const { store } = this.#chat;
    return store.rooms.get(this.#storage.getItem(LAST_ROOM) ?? "") ?? store.list()[0];
  }

  /** Rooms came or went: the one on show may be among them. */
  #roomsChanged() {
    const { store } = this.#chat;
    const begins = store.ready && !this.#wasReady;
    this.#wasReady = store.ready;
    if (this.#shown && !store.rooms.has(this.#shown)) {
      // Its address means nothing any more.
      history.replaceState(null, "", location.pathname + location.search);
      this.#follow();
    } else if (begins) this.#follow();
    this.#title();
  }

  #title() {
    const { store } = this.#chat;
    const total = store.totalUnread;
    const room = store.open?.name;
    document.title = `${total > 0 ? `(${badge(total)}) ` : ""}${room ? `${room} · ` : ""}Hubbub`;
  }

  /** @param {"rooms" | "people" | null} drawer */
  #setDrawer(drawer) {
    if (drawer === this.#drawer) return;
    const from = this.#drawer;
    this.#drawer = drawer;
    this.#layOut();
    if (drawer === "rooms")
      /** @type {HTMLElement | null} */ (this.sidebar.element.querySelector(".room.open, .room, .find"))?.focus();
    else if (drawer === "people") this.people.element.querySelector("button")?.focus();
    else if (from === "rooms")
      /** @type {HTMLElement | null} */ (this.conversation.head.querySelector(".menu"))?.focus();
    else if (from === "people") this.conversation.peopleButton.focus();
  }

  #togglePeople() {
    if (this.#medium.matches) this.#setDrawer(this.#drawer === "people" ? null : "people");
    else {
      this.#peopleShown = !this.#peopleShown;
      this.#layOut();
    }
  }

  #layOut() {
    const narrow = this.#narrow.matches;
    const medium = this.#medium.matches;
    if ((this.#drawer === "rooms" && !narrow) || (this.#drawer === "people" && !medium)) this.#drawer = null;
    const people = this.#shown !== "" && (medium ? this.#drawer === "people" : this.#peopleShown);
    setAttribute(this.element, "data-drawer", this.#drawer);
    this.people.element.hidden = !people;
    this.sidebar.element.inert = narrow && this.#drawer !== "rooms";
    this.conversation.element.inert = this.#drawer !== null;
    setAttribute(this.conversation.peopleButton, "aria-expanded", String(people));
  }

  /** @param {Event} event */
  #skip(event) {
    event.preventDefault();
    if (this.#chat.store.open) this.conversation.composer.focus();
    else this.conversation.title.focus();
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    if (!this.element.isConnected || document.querySelector("dialog[open]")) return;
    const target = /** @type {HTMLElement} */ (event.target);
    const writing = target.matches?.("input, textarea");
    const command = event.ctrlKey || event.metaKey;
    if (command && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      findRoom(this.#chat, this.#dialogs, (room) => this.go(room));
    } else if (event.altKey && !command && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault();
      this.#step(event.key === "ArrowDown" ? 1 : -1, event.shiftKey);
    } else if (event.key === "?" && !writing) this.#dialogs.showKeys();
    else if (event.key === "Escape" && !event.defaultPrevented) this.#escape();
  }

  #escape() {
    if (this.#drawer) this.#setDrawer(null);
    else if (this.#chat.store.open) {
      this.conversation.messages.toEnd();
      this.conversation.composer.focus();
    }
  }

  /**
   * @param {1 | -1} step
   * @param {boolean} withNews only rooms with unread messages
   */
  #step(step, withNews) {
    const { store } = this.#chat;
    const rooms = store.list();
    const at = rooms.findIndex((room) => room.roomId === store.openId);
    for (let away = 1; away <= rooms.length; away += 1) {
      const room = rooms[(at + step * away + rooms.length * 2) % rooms.length];
      if (room && (!withNews || room.unread > 0)) {
        this.go(room);
        return;
      }
    }
  }

  /** @param {Room} room */
  async #leave(room) {
    const more = room.isPrivate
      ? "It is private: you will not be able to come back by yourself."
      : "You can join it again at any time.";
    const sure = await this.#dialogs.confirm({
      title: `Leave ${room.name}?`,
      text: "You will no longer get its messages.",
      more,
      action: "Leave",
      danger: true,
    });
    if (!sure) return;
    try {
      await this.#chat.leave(room);
    } catch (/** @type {any} */ error) {
      this.#dialogs.notice(`You are still in ${room.name}. ${error.message}`);
    }
  }

  async #signOut() {
    const { size } = this.#chat.outbox;
    if (size > 0) {
      const text = size === 1 ? "One message has not been sent yet." : `${size} messages have not been sent yet.`;
      const sure = await this.#dialogs.confirm({
        title: "Sign out?",
        text,
        more: "Signing out now discards them.",
        action: "Sign out",
        danger: true,
      });
      if (!sure) return;
    }
    await this.#chat.signOut();
  }
}
