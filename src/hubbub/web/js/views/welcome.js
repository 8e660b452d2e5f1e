/**
 * With no room open: the public rooms to begin with, or the one the address names, to be joined with one press.
 */

import { avatar } from "./avatar.js";
import { h, icon } from "./dom.js";
import { plural } from "./format.js";

/** @typedef {import("../core/chat.js").Chat} Chat */
/** @typedef {import("../core/store.js").Room} Room */
/** @typedef {import("../core/types.js").RoomListing} RoomListing */

export class Welcome {
  #chat;
  #actions;
  /** The room the address names, if it is not mine. */
  #wanted = "";

  /**
   * @param {Chat} chat
   * @param {{ open: (room: Room) => void, find: () => void, create: () => void }} actions
   */
  constructor(chat, actions) {
    this.#chat = chat;
    this.#actions = actions;
    this.element = h("section", { class: "welcome", "aria-label": "Choose a room" });
  }

  /**
   * @param {string} wanted
   */
  async draw(wanted) {
    this.#wanted = wanted;
    const { store } = this.#chat;
    if (!store.ready) {
      this.element.replaceChildren(h("p", { class: "welcome-wait", text: "Connecting…" }));
      return;
    }
    try {
      const all = await this.#chat.browse();
      if (this.#wanted !== wanted) return;
      this.element.replaceChildren(...this.#content(all.filter((one) => !store.rooms.has(one.roomId))));
    } catch (/** @type {any} */ error) {
      this.element.replaceChildren(
        h("p", { class: "trouble", role: "alert" }, icon("alert"), `The rooms could not be loaded. ${error.message}`),
        h("button", {
          type: "button",
          class: "button quiet",
          text: "Try again",
          on: { click: () => this.draw(wanted) },
        }),
      );
    }
  }

  /** @param {RoomListing[]} others public rooms that are not mine */
  #content(others) {
    const { me, rooms } = this.#chat.store;
    const first = (me?.displayName || me?.username || "").split(" ")[0];
    const wanted = others.find((one) => one.name === this.#wanted || one.roomId === this.#wanted);
    const title = wanted
      ? `You are not in ${wanted.name} yet`
      : rooms.size === 0
        ? `Welcome, ${first}`
        : "Choose a room";
    const lost = this.#wanted && !wanted;
    const text = wanted
      ? "Join it to read what was said and to answer."
      : lost
        ? `There is no room “${this.#wanted}” that you may see.`
        : others.length > 0
          ? "Join a room to begin. You can leave it at any time."
          : "You are in every public room there is. Choose one on the left, or make a new one.";
    const shown = wanted ? [wanted] : others.slice(0, 8);
    return [
      h("img", { src: "./icon.svg", alt: "", width: 64, height: 64, class: "welcome-mark" }),
      h("h2", { text: title }),
      h("p", { class: "welcome-text", text }),
      h("ul", { class: "cards" }, ...shown.map((one) => this.#card(one))),
      h(
        "div",
        { class: "welcome-more" },
        h("button", { type: "button", class: "button quiet", text: "Find a room", on: { click: this.#actions.find } }),
        h("button", {
          type: "button",
          class: "button quiet",
          text: "Create a room",
          on: { click: this.#actions.create },
        }),
      ),
    ];
  }

  /** @param {RoomListing} listing */
  #card(listing) {
    const problem = h("span", { class: "field-problem", role: "alert" });
    const join = h("button", {
      type: "button",
      class: "button small",
      text: "Join",
      "aria-label": `Join ${listing.name}`,
    });
    join.addEventListener("click", async () => {
      join.disabled = true;
      problem.textContent = "";
      try {
        this.#actions.open(await this.#chat.join(listing.roomId));
      } catch (/** @type {any} */ error) {
        problem.textContent = error.message;
        join.disabled = false;
      }
    });
    const people = plural(listing.memberCount ?? 0, "member");
    return h(
      "li",
      { class: "card" },
      avatar(listing.roomId, listing.name, { shape: "room", size: "large" }),
      h(
        "span",
        { class: "card-text" },
        h("strong", { text: listing.name }),
        h("span", { text: listing.description || people }),
        problem,
      ),
      join,
    );
  }
}
