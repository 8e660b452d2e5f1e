/**
 * Where one writes: grows with the text, keeps a draft for each room, says that I am typing.
 *
 * Enter sends and Shift+Enter begins a line; on a touch keyboard Enter begins a line and the button sends.
 */

import { h, iconButton } from "./dom.js";
import { listed } from "./format.js";

/** @typedef {import("../core/chat.js").Chat} Chat */
/** @typedef {import("../core/store.js").Room} Room */

const MOST_NAMES = 3;

export class Composer {
  #chat;
  #editLast;
  /** @type {Room | null} */
  #room = null;

  /**
   * @param {Chat} chat
   * @param {() => boolean} editLast begin to edit my newest message; false when there is none
   */
  constructor(chat, editLast) {
    this.#chat = chat;
    this.#editLast = editLast;
    this.area = h("textarea", {
      class: "composer-text",
      rows: 1,
      dir: "auto",
      enterkeyhint: "send",
      autocomplete: "off",
    });
    this.button = iconButton("send", "Send message", () => this.#send(), { class: "send" });
    this.typing = h("p", { class: "typing", role: "status" });
    const form = h(
      "form",
      { class: "composer-box", on: { submit: (/** @type {Event} */ event) => event.preventDefault() } },
      this.area,
      this.button,
    );
    form.addEventListener("click", (event) => event.target === form && this.area.focus());
    this.element = h("div", { class: "composer" }, this.typing, form);
    this.area.addEventListener("input", () => this.#changed());
    this.area.addEventListener("keydown", (event) => this.#keyed(event));
    this.area.addEventListener("blur", () => chat.typing.stop());
    chat.store.on("typing", (roomId) => roomId === this.#room?.roomId && this.#drawTyping());
  }

  /** @param {Room | null} room */
  show(room) {
    if (room === this.#room) return;
    this.#chat.typing.stop();
    this.#room = room;
    this.area.value = room?.draft ?? "";
    const label = room ? `Message ${room.name}` : "Message";
    this.area.setAttribute("aria-label", label);
    this.area.setAttribute("placeholder", label);
    this.#fit();
    this.#drawTyping();
  }

  /** @param {string} text put before what is written already */
  take(text) {
    this.area.value = [text, this.area.value].filter(Boolean).join("\n");
    this.#changed();
    this.focus();
  }

  focus() {
    this.area.focus({ preventScroll: true });
  }

  #changed() {
    const room = this.#room;
    if (!room) return;
    room.draft = this.area.value;
    this.#fit();
    if (room.draft.trim()) this.#chat.typing.keystroke(room.roomId);
    else this.#chat.typing.stop();
  }

  #send() {
    const room = this.#room;
    const text = this.area.value.trim();
    if (!room || !text) return;
    this.area.value = "";
    room.draft = "";
    this.#fit();
    this.#chat.send(room, text);
    this.focus();
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    if (event.isComposing) return;
    const plain = !event.shiftKey && !event.altKey && !event.ctrlKey && !event.metaKey;
    const touch = matchMedia("(pointer: coarse)").matches;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey || (plain && !touch))) {
      event.preventDefault();
      this.#send();
    } else if (event.key === "ArrowUp" && plain && this.area.value === "" && this.#editLast()) {
      event.preventDefault();
    }
  }

  #fit() {
    this.button.disabled = this.area.value.trim() === "";
    this.area.style.height = "auto";
    this.area.style.height = `${this.area.scrollHeight}px`;
  }

  #drawTyping() {
    const names = [...(this.#room?.typing.keys() ?? [])].map((id) => this.#chat.store.nameOf(id));
    if (names.length === 0) {
      this.typing.replaceChildren();
      return;
    }
    const who =
      names.length > MOST_NAMES ? "Several people are" : `${listed(names)} ${names.length === 1 ? "is" : "are"}`;
    const dots = h("span", { class: "typing-dots", "aria-hidden": "true" }, h("i"), h("i"), h("i"));
    this.typing.replaceChildren(dots, `${who} typing…`);
  }
}
