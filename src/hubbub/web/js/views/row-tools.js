/**
 * What can be done with a message: one small toolbar that moves to the row under the pointer or the focus, and
 * the editor that takes the place of a message's text.
 */

import { h, iconButton } from "./dom.js";
import { excerpt } from "./format.js";

/** @typedef {import("../core/chat.js").Chat} Chat */
/** @typedef {import("../core/rows.js").MessageRow} MessageRow */
/** @typedef {import("./messages.js").MessageList} MessageList */

export class RowTools {
  #chat;
  #dialogs;
  #messages;
  #bar = h("div", { class: "row-tools", role: "toolbar", "aria-label": "Message" });
  /** The key of the row that is being edited. */
  editing = "";
  /** Called when an editor closes, so that the focus goes where writing goes on. */
  onEditorClosed = () => {};

  /**
   * @param {Chat} chat
   * @param {import("./dialogs.js").Dialogs} dialogs
   * @param {MessageList} messages
   */
  constructor(chat, dialogs, messages) {
    this.#chat = chat;
    this.#dialogs = dialogs;
    this.#messages = messages;
    const { list } = messages;
    list.addEventListener("pointerover", (event) => event.pointerType !== "touch" && this.#moveTo(event.target));
    // A finger leaves before its tap becomes a click, which would then find nothing.
    list.addEventListener(
      "pointerleave",
      (event) => event.pointerType !== "touch" && !this.#bar.contains(document.activeElement) && this.#bar.remove(),
    );
    list.addEventListener("focusin", (event) => this.#moveTo(event.target));
    list.addEventListener("click", (event) => {
      // A touch has no hover: the first tap on a message shows what can be done with it.
      const row = /** @type {HTMLElement} */ (event.target).closest("li.message");
      if (row && !window.getSelection()?.toString() && !row.contains(document.activeElement))
        /** @type {HTMLElement} */ (row).focus();
    });
  }

  /** @param {MessageRow} row put an editor in the place of its text */
  edit(row) {
    const { message } = row;
    const element = this.#messages.elementOf(row.key);
    const text = element?.querySelector(".bubble");
    if (!message || !element || !text || this.editing === row.key) return;
    this.close();
    this.editing = row.key;
    this.#bar.remove();
    const area = h("textarea", { "aria-label": "Edit message", rows: 1, dir: "auto" });
    area.value = message.message;
    const problem = h("p", { class: "field-problem", role: "alert" });
    const save = h("button", { type: "submit", class: "button small", text: "Save" });
    const cancel = h("button", {
      type: "button",
      class: "button quiet small",
      text: "Cancel",
      on: { click: () => this.close() },
    });
    const submit = async (/** @type {Event} */ event) => {
      event.preventDefault();
      const wanted = area.value.trim();
      if (!wanted || wanted === message.message) {
        this.close();
        return;
      }
      save.disabled = true;
      problem.textContent = "";
      try {
        await this.#chat.edit(message, wanted);
        this.close();
      } catch (/** @type {any} */ error) {
        problem.textContent = error.message;
        save.disabled = false;
        area.focus();
      }
    };
    const form = h(
      "form",
      { class: "editor", on: { submit } },
      area,
      problem,
      h(
        "div",
        { class: "editor-buttons" },
        h("span", { class: "hint", text: "Enter saves, Escape cancels" }),
        cancel,
        save,
      ),
    );
    area.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        this.close();
      } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        form.requestSubmit();
      }
    });
    element.classList.add("editing");
    element.append(form);
    area.focus();
    area.setSelectionRange(area.value.length, area.value.length);
    form.scrollIntoView({ block: "nearest" });
  }

  close() {
    if (!this.editing) return;
    const element = this.#messages.elementOf(this.editing);
    const hadFocus = element?.contains(document.activeElement);
    this.editing = "";
    element?.querySelector("form.editor")?.remove();
    element?.classList.remove("editing");
    this.#messages.refresh();
    if (hadFocus) this.onEditorClosed();
  }

  /**
   * A row was drawn anew while it held the focus.
   *
   * @param {HTMLElement | null} row
   * @param {string} control
   */
  refocus(row, control) {
    row?.focus({ preventScroll: true });
    if (control)
      /** @type {HTMLElement | null | undefined} */ (row?.querySelector(`[data-action="${control}"]`))?.focus({
        preventScroll: true,
      });
  }

  /** @param {EventTarget | null} target */
  #moveTo(target) {
    const element = /** @type {Element} */ (target).closest("li.message");
    if (!element || this.#bar.parentElement?.parentElement === element) return;
    if (this.#bar.contains(document.activeElement) && !element.contains(document.activeElement)) return;
    const row = this.#messages.row(element.getAttribute("data-key") ?? "");
    this.#bar.remove();
    if (!row || !row.message || row.message.deleted || this.editing === row.key) return;
    this.#bar.replaceChildren(...this.#buttons(row));
    element.querySelector(".bubble")?.append(this.#bar);
  }

  /** @param {MessageRow} row */
  #buttons(row) {
    const copy = iconButton("copy", "Copy text", () => this.#copy(row), { "data-action": "copy" });
    const earlier = row.message?.editedAt
      ? iconButton("clock", "Show earlier texts", () => row.message && this.#dialogs.showEdits(row.message), {
          "data-action": "earlier",
        })
      : null;
    const any = earlier ? [copy, earlier] : [copy];
    if (!row.mine) return any;
    return [
      iconButton("edit", "Edit message", () => this.edit(row), { "data-action": "edit" }),
      ...any,
      iconButton("trash", "Delete message", () => this.#remove(row), { "data-action": "delete" }),
    ];
  }

  /** @param {MessageRow} row */
  async #copy(row) {
    try {
      await navigator.clipboard.writeText(row.text);
      this.#dialogs.notice("Copied.");
    } catch {
      this.#dialogs.notice("This browser does not let the page copy.");
    }
  }

  /** @param {MessageRow} row */
  async #remove(row) {
    const { message } = row;
    if (!message) return;
    const sure = await this.#dialogs.confirm({
      title: "Delete this message?",
      text: `“${excerpt(message.message, 140)}”`,
      more: "Everyone in the room will see that it was deleted. This cannot be undone.",
      action: "Delete",
      danger: true,
    });
    if (!sure) return;
    try {
      await this.#chat.remove(message);
    } catch (/** @type {any} */ error) {
      this.#dialogs.notice(`The message was not deleted. ${error.message}`);
    }
  }
}
