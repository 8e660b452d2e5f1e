/**
 * The list of a room's messages: kept in step with the store, scrolled as a reader expects.
 *
 * At the end it follows what comes; anywhere else what the reader looks at stays where it is, whatever is added
 * above or below. Near the top older messages are asked for. Rows whose content is the same keep their element.
 */

import { badge, dayOf, plural } from "./format.js";
import { h, icon, soon } from "./dom.js";
import { renderMessage, signature } from "./message-row.js";
import { RowTools } from "./row-tools.js";
import { rowsOf } from "../core/rows.js";

/** @typedef {import("../core/chat.js").Chat} Chat */
/** @typedef {import("../core/store.js").Room} Room */
/** @typedef {import("../core/rows.js").Row} Row */
/** @typedef {import("../core/rows.js").MessageRow} MessageRow */

/** Closer to the end than this counts as being there, in CSS pixels. */
const NEAR_END = 60;
/** Closer to the top than this asks for older messages. */
const NEAR_TOP = 500;
/** Whoever stays at the end of a busy room holds no more messages than this. */
const MOST = 1_000;

export class MessageList {
  #chat;
  /** @type {Room | null} */
  #room = null;
  /** @type {Row[]} */
  #rows = [];
  /** @type {Map<string, { element: HTMLElement, signature: string }>} */
  #drawn = new Map();
  #atEnd = true;
  /** A room that was just opened is scrolled to its news, or its end, once. */
  #placed = false;

  /**
   * @param {Chat} chat
   * @param {import("./dialogs.js").Dialogs} dialogs
   */
  constructor(chat, dialogs) {
    this.#chat = chat;
    this.refresh = soon(() => this.#draw());
    this.list = h("ol", { class: "messages", tabindex: 0 });
    this.status = h("div", { class: "list-status" });
    this.scroller = h("div", { class: "scroller" }, this.status, this.list);
    this.jumpCount = h("span", { class: "badge", hidden: true });
    this.jump = h(
      "button",
      {
        type: "button",
        class: "jump",
        hidden: true,
        "aria-label": "Jump to the latest message",
        title: "Jump to the latest message",
        on: { click: () => this.toEnd() },
      },
      icon("down"),
      this.jumpCount,
    );
    this.element = h("div", { class: "messages-area" }, this.scroller, this.jump);
    this.tools = new RowTools(chat, dialogs, this);
    this.scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.list.addEventListener("keydown", (event) => this.#keyed(event));
    new ResizeObserver(() => this.#atEnd && this.#placed && this.#snap()).observe(this.scroller);
    chat.store.on("timeline", (roomId) => roomId === this.#room?.roomId && this.refresh());
    this.#actions = {
      retry: (/** @type {string} */ clientId) => chat.outbox.retry(clientId),
      discard: (/** @type {string} */ clientId) => void chat.outbox.drop(clientId),
      rewrite: (/** @type {string} */ clientId) => {
        const entry = chat.outbox.drop(clientId);
        if (entry) this.onRewrite(entry.text);
      },
      history: (/** @type {MessageRow} */ row) => row.message && dialogs.showEdits(row.message),
    };
  }

  #actions;

  /** Called with a text that was not sent and is to be written anew. */
  onRewrite = (/** @type {string} */ _text) => {};

  /** @param {Room | null} room */
  show(room) {
    if (room === this.#room) return;
    this.tools.close();
    this.#room = room;
    this.#rows = [];
    this.#drawn.clear();
    this.list.replaceChildren();
    this.#placed = false;
    this.#atEnd = true;
    if (room) this.list.setAttribute("aria-label", `Messages in ${room.name}`);
    this.#draw();
  }

  /** @param {string} key */
  row(key) {
    const row = this.#rows.find((one) => one.key === key);
    return row?.kind === "message" ? row : null;
  }

  /** @returns {MessageRow | null} my newest message that can be edited */
  lastOwn() {
    const own = this.#rows.filter((row) => row.kind === "message" && row.mine && row.message && !row.message.deleted);
    return /** @type {MessageRow | null} */ (own[own.length - 1] ?? null);
  }

  /** @param {string} key */
  elementOf(key) {
    return this.#drawn.get(key)?.element ?? null;
  }

  toEnd() {
    this.#atEnd = true;
    this.#snap();
    this.look();
  }

  /** Note what is on the screen before the person's eyes. */
  look() {
    const room = this.#room;
    this.#showJump();
    if (!room || !this.#chat.watched || !this.#placed) return;
    const bottom = this.scroller.getBoundingClientRect().bottom;
    for (let at = this.#rows.length - 1; at >= 0; at -= 1) {
      const row = this.#rows[at];
      if (row.kind !== "message" || !row.message || row.mine) continue;
      if (row.message.seq <= room.readSeq) return;
      const box = this.#drawn.get(row.key)?.element.getBoundingClientRect();
      if (!box || box.top + Math.min(box.height, 32) > bottom) continue;
      this.#chat.seen(room, row.message);
      return;
    }
  }

  #draw() {
    const room = this.#room;
    if (!room) return;
    const { store, outbox } = this.#chat;
    const wasAtEnd = this.#atEnd;
    const anchor = wasAtEnd ? null : this.#anchor();
    if (wasAtEnd && room.timeline.messages.length > MOST) room.timeline.trim(MOST / 2);
    const outgoing = outbox.of(room.roomId);
    const before = this.#rows.length;
    this.#rows = rowsOf({
      messages: room.timeline.messages,
      outgoing,
      atStart: room.timeline.atStart,
      dividerSeq: room.dividerSeq,
      myId: store.myId,
    });
    this.#reconcile();
    this.#drawStatus(room);
    const ownIsNew = outgoing.some((one) => one.clientId === this.#newestOutgoing) === false && outgoing.length > 0;
    if (ownIsNew) this.#newestOutgoing = outgoing[outgoing.length - 1].clientId;
    if (!this.#placed && room.timeline.loaded) this.#place();
    else if (wasAtEnd || (ownIsNew && before > 0)) this.toEnd();
    else if (anchor) this.scroller.scrollTop += anchor.element.getBoundingClientRect().top - anchor.top;
    this.look();
    if (this.scroller.scrollTop < NEAR_TOP) this.#older();
  }

  /** The message of mine that was seen waiting last: a newer one brings the reader to the end. */
  #newestOutgoing = "";

  #reconcile() {
    const { focused, control } = this.#focus();
    /** @type {Map<string, { element: HTMLElement, signature: string }>} */
    const drawn = new Map();
    /** @type {ChildNode | null} */
    let next = this.list.firstChild;
    for (const row of this.#rows) {
      const wanted = this.#signature(row);
      let kept = this.#drawn.get(row.key);
      const editing = this.tools.editing === row.key;
      if (!kept || (kept.signature !== wanted && !editing)) {
        const element = this.#render(row);
        if (kept) {
          if (next === kept.element) next = element;
          kept.element.replaceWith(element);
        }
        kept = { element, signature: wanted };
      }
      drawn.set(row.key, kept);
      if (kept.element === next) next = next.nextSibling;
      else this.list.insertBefore(kept.element, next);
    }
    for (const [key, { element }] of this.#drawn) if (drawn.get(key)?.element !== element) element.remove();
    this.#drawn = drawn;
    if (focused && !this.list.contains(document.activeElement)) this.tools.refocus(this.elementOf(focused), control);
  }

  /** @returns {{ focused: string, control: string }} which row holds the focus, and which of its controls */
  #focus() {
    const active = document.activeElement;
    const row = active?.closest?.("li.message");
    if (!row || !this.list.contains(row)) return { focused: "", control: "" };
    return { focused: row.getAttribute("data-key") ?? "", control: active?.getAttribute("data-action") ?? "" };
  }

  /** @param {Row} row */
  #signature(row) {
    if (row.kind === "message") return signature(row, this.#chat.store);
    if (row.kind === "day") return dayOf(row.at);
    return JSON.stringify([row.kind, this.#rows.length < 2, this.#room?.name, this.#room?.description]);
  }

  /** @param {Row} row */
  #render(row) {
    if (row.kind === "message") return renderMessage(row, this.#chat.store, this.#actions);
    if (row.kind === "day")
      return h("li", { class: "day" }, h("time", { datetime: row.at.slice(0, 10), text: dayOf(row.at) }));
    if (row.kind === "divider") return h("li", { class: "divider" }, h("span", { text: "New messages" }));
    return this.#beginning();
  }

  #beginning() {
    const name = this.#room?.name ?? "";
    const empty = this.#rows.length < 2;
    return h(
      "li",
      { class: "beginning" },
      h("h3", { text: empty ? `Nothing has been said in ${name} yet` : `This is where ${name} begins` }),
      h("p", {
        text: empty
          ? "Write the first message; everyone in the room will see it."
          : this.#room?.description || "Everything before this was silence.",
      }),
    );
  }

  /** @param {Room} room */
  #drawStatus(room) {
    const { busy, trouble, timeline } = room;
    const state = trouble ? `trouble ${trouble}` : busy === "older" ? "older" : !timeline.loaded ? "loading" : "";
    if (this.status.dataset.state === state) return;
    this.status.dataset.state = state;
    const retry = () => (timeline.loaded ? this.#chat.loading.older(room) : this.#chat.loading.enter(room));
    if (trouble) {
      this.status.replaceChildren(
        h("p", { class: "trouble", role: "alert" }, icon("alert"), `The messages could not be loaded. ${trouble}`),
        h("button", { type: "button", class: "button quiet", text: "Try again", on: { click: retry } }),
      );
    } else if (state === "older")
      this.status.replaceChildren(h("p", { class: "loading-older", text: "Loading older messages…" }));
    else if (state === "loading") this.status.replaceChildren(skeleton());
    else this.status.replaceChildren();
  }

  /** A room that was just opened: to where its news begins, if that is further up than a screen, else to its end. */
  #place() {
    this.#placed = true;
    const divider = this.#drawn.get("divider")?.element;
    this.#snap();
    if (!divider) return;
    const top = divider.getBoundingClientRect().top - this.scroller.getBoundingClientRect().top;
    if (top < 0) this.scroller.scrollTop += top - 48;
    this.#atEnd = this.#distance() < NEAR_END;
  }

  /** @returns {{ element: HTMLElement, top: number } | null} what the reader looks at, and where it is */
  #anchor() {
    const { top } = this.scroller.getBoundingClientRect();
    for (const row of this.#rows) {
      const element = this.#drawn.get(row.key)?.element;
      if (!element || row.kind !== "message") continue;
      const box = element.getBoundingClientRect();
      if (box.bottom > top) return { element, top: box.top };
    }
    return null;
  }

  #distance() {
    const { scrollHeight, scrollTop, clientHeight } = this.scroller;
    return scrollHeight - scrollTop - clientHeight;
  }

  #snap() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  #scrolled() {
    this.#atEnd = this.#distance() < NEAR_END;
    this.look();
    if (this.scroller.scrollTop < NEAR_TOP) this.#older();
  }

  #older() {
    const room = this.#room;
    if (room?.timeline.loaded && this.#placed && !room.trouble) this.#chat.loading.older(room);
  }

  #showJump() {
    const unread = this.#room?.unread ?? 0;
    this.jump.hidden = this.#atEnd || !this.#placed;
    this.jumpCount.hidden = unread === 0;
    this.jumpCount.textContent = badge(unread);
    const label =
      unread > 0 ? `Jump to the latest message, ${plural(unread, "new message")}` : "Jump to the latest message";
    this.jump.setAttribute("aria-label", label);
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.altKey || event.ctrlKey || event.metaKey || target.closest("textarea")) return;
    const keys = this.#rows.filter((row) => row.kind === "message").map((row) => row.key);
    const at = keys.indexOf(target.closest("li.message")?.getAttribute("data-key") ?? "");
    const last = keys.length - 1;
    const to = { ArrowUp: at < 0 ? last : at - 1, ArrowDown: at < 0 ? last : at + 1, Home: 0, End: last }[event.key];
    if (to === undefined || to < 0) return;
    event.preventDefault();
    this.elementOf(keys[Math.min(to, last)])?.focus();
  }
}

/** Grey shapes where messages will be. */
function skeleton() {
  const lines = Array.from({ length: 5 }, (_, at) => h("span", { class: `bone bone-${at + 1}` }));
  return h("div", { class: "skeleton", role: "status", "aria-label": "Loading messages" }, ...lines);
}
