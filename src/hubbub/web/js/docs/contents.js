/**
 * The list of operations, by subject, and the field that narrows it.
 */

import { h, icon, setAttribute } from "../views/dom.js";
import { plural } from "../views/format.js";
import { matching } from "./operations.js";

/** @typedef {import("./operations.js").Operation} Operation */

export class Contents {
  #operations;
  /** @type {Map<string, HTMLAnchorElement>} */
  #links = new Map();

  /**
   * @param {Operation[]} operations
   * @param {{ name: string, description?: string }[]} tags
   */
  constructor(operations, tags) {
    this.#operations = operations;
    this.found = h("p", { class: "visually-hidden", role: "status" });
    this.search = h("input", {
      type: "search",
      class: "docs-search",
      "aria-label": "Find an operation",
      "aria-keyshortcuts": "/",
      placeholder: "Find an operation",
      spellcheck: "false",
      autocomplete: "off",
      on: { input: () => this.#narrow(), keydown: (/** @type {KeyboardEvent} */ event) => this.#keyed(event) },
    });
    this.none = h("p", { class: "hint", hidden: true, text: "No operation has these words." });
    this.sections = tags.map(({ name }) => this.#section(name)).filter((one) => one.operations.length > 0);
    this.element = h(
      "nav",
      { class: "docs-contents", "aria-label": "Operations" },
      h("div", { class: "docs-find" }, icon("search"), this.search, h("kbd", { text: "/", "aria-hidden": "true" })),
      this.found,
      h("div", { class: "docs-list" }, this.none, ...this.sections.map((one) => one.element)),
    );
  }

  /** @param {string} tag */
  #section(tag) {
    const operations = this.#operations.filter((one) => one.tag === tag);
    const lines = operations.map((one) => {
      const link = h(
        "a",
        { href: `#${one.id}`, class: "docs-link" },
        h("span", { class: "docs-line" }, method(one.method), h("span", { class: "docs-path", text: one.path })),
        h("span", { class: "docs-summary", text: one.summary }),
      );
      this.#links.set(one.id, link);
      return h("li", {}, link);
    });
    return { operations, element: h("section", {}, h("h2", { class: "docs-tag", text: tag }), h("ul", {}, ...lines)) };
  }

  /** @param {string} id of the operation on show */
  mark(id) {
    for (const [one, link] of this.#links) setAttribute(link, "aria-current", one === id ? "page" : null);
    this.#links.get(id)?.scrollIntoView({ block: "nearest" });
  }

  #narrow() {
    const kept = new Set(matching(this.#operations, this.search.value).map((one) => one.id));
    for (const { operations, element } of this.sections) {
      for (const { id } of operations) setAttribute(/** @type {Element} */ (this.#links.get(id)?.parentElement), "hidden", !kept.has(id));
      element.hidden = !operations.some((one) => kept.has(one.id));
    }
    this.none.hidden = kept.size > 0;
    this.found.textContent = plural(kept.size, "operation");
  }

  /** @param {KeyboardEvent} event Enter goes to the first that was found, Escape clears */
  #keyed(event) {
    if (event.key === "Enter") {
      const [first] = matching(this.#operations, this.search.value);
      if (first) location.hash = first.id;
    } else if (event.key === "Escape" && this.search.value !== "") {
      event.preventDefault();
      this.search.value = "";
      this.#narrow();
    }
  }
}

/** @param {string} name */
export function method(name) {
  return h("span", { class: `docs-method docs-${name.toLowerCase()}`, text: name });
}
