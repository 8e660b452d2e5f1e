/**
 * Questions and notices: modal dialogs that give the focus back, and short words at the foot of the page.
 */

import { exactly } from "./format.js";
import { h, icon, iconButton } from "./dom.js";

/** @typedef {import("../core/types.js").Message} Message */

const NOTICE_MS = 6_000;

let serial = 0;

export class Dialogs {
  /** @param {(message: Message) => Promise<any[]>} editsOf */
  constructor(editsOf) {
    this.editsOf = editsOf;
    this.notices = h("div", { class: "notices", role: "status", "aria-live": "polite" });
  }

  /**
   * Open a modal dialog. Escape, the cross and a press beside it close it; the focus returns to where it was.
   *
   * @param {string} title
   * @param {Node[]} content
   * @param {{ wide?: boolean, closed?: () => unknown, titleHidden?: boolean }} [options]
   * @returns {HTMLDialogElement}
   */
  open(title, content, { wide = false, closed, titleHidden = false } = {}) {
    const titleId = `dialog-${(serial += 1)}`;
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    const dialog = h(
      "dialog",
      { class: wide ? "dialog wide" : "dialog", "aria-labelledby": titleId },
      h(
        "header",
        { class: titleHidden ? "dialog-head visually-hidden" : "dialog-head" },
        h("h2", { id: titleId, text: title }),
        titleHidden ? null : iconButton("close", "Close", () => dialog.close()),
      ),
      ...content.map((node) => /** @type {Node} */ (node)),
    );
    dialog.addEventListener("pointerdown", (event) => {
      const box = dialog.getBoundingClientRect();
      const inside =
        event.clientX >= box.left &&
        event.clientX <= box.right &&
        event.clientY >= box.top &&
        event.clientY <= box.bottom;
      if (event.target === dialog && !inside) dialog.close();
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      // The browser has given the focus back, but the caret may have gone with the dialog: typing would go nowhere.
      const active = /** @type {HTMLElement | null} */ (document.activeElement);
      active?.blur();
      if (before?.isConnected) before.focus();
      closed?.();
    });
    document.body.append(dialog);
    dialog.showModal();
    return dialog;
  }

  /**
   * @param {{ title: string, text: string, more?: string, action: string, danger?: boolean }} question
   * @returns {Promise<boolean>}
   */
  confirm({ title, text, more, action, danger }) {
    return new Promise((answer) => {
      let sure = false;
      const act = () => {
        sure = true;
        dialog.close();
      };
      const yes = h("button", {
        type: "button",
        class: danger ? "button danger" : "button",
        text: action,
        on: { click: act },
      });
      const no = h("button", {
        type: "button",
        class: "button quiet",
        text: "Cancel",
        on: { click: () => dialog.close() },
      });
      const words = [
        h("p", { class: "dialog-text", text }),
        more ? h("p", { class: "dialog-more", text: more }) : null,
      ].filter((one) => one !== null);
      const dialog = this.open(title, [...words, h("div", { class: "dialog-buttons" }, no, yes)], {
        closed: () => answer(sure),
      });
      (danger ? no : yes).focus();
    });
  }

  /** @param {string} text something that happened, worth a glance */
  notice(text) {
    const note = h("p", { class: "notice", text });
    this.notices.append(note);
    while (this.notices.children.length > 3) this.notices.firstElementChild?.remove();
    setTimeout(() => note.remove(), NOTICE_MS);
  }

  /** @param {Message} message show its earlier texts */
  async showEdits(message) {
    const list = h("ol", { class: "edits" }, h("li", { class: "loading-older", text: "Loading…" }));
    this.open("Earlier texts", [list]);
    try {
      const edits = await this.editsOf(message);
      const line = (/** @type {string} */ label, /** @type {string} */ text) =>
        h("li", {}, h("span", { class: "edit-when", text: label }), h("p", { dir: "auto", text }));
      const earlier = edits.map((edit) => line(`Until ${exactly(edit.editedAt)}`, edit.message ?? ""));
      list.replaceChildren(...earlier, line("Now", message.message));
    } catch (/** @type {any} */ error) {
      list.replaceChildren(h("li", { class: "trouble", role: "alert" }, icon("alert"), error.message));
    }
  }

  showKeys() {
    const keys = [
      ["Ctrl K", "Find a room"],
      ["Alt ↑ or Alt ↓", "The room above or below"],
      ["Alt Shift ↓", "The next room with unread messages"],
      ["Enter", "Send; Shift Enter begins a new line"],
      ["↑ in an empty box", "Edit your last message"],
      ["↑ ↓ in the list", "Move from message to message; Tab reaches what can be done with it"],
      ["Escape", "Close, cancel; else jump to the latest message"],
      ["?", "This list, when you are not writing"],
    ];
    const rows = keys.map(([key, what]) => h("div", {}, h("dt", {}, h("kbd", { text: key })), h("dd", { text: what })));
    const programs = h("a", { class: "link", href: "./docs/", text: "The REST interface" });
    this.open("Keyboard shortcuts", [
      h("dl", { class: "keys" }, ...rows),
      h("p", { class: "dialog-more" }, "For programs: ", programs),
    ]);
  }
}
