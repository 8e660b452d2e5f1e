/**
 * One operation: what it is, a form to try it, the command for curl, what it was answered, what it may be answered.
 */

import { h, setAttribute } from "../views/dom.js";
import { anyWrong, field } from "../views/fields.js";
import { richText } from "../views/richtext.js";
import { method } from "./contents.js";
import { curlOf, exampleOf, fieldsOf, requestOf, typeOf } from "./operations.js";

/** @typedef {import("./operations.js").Operation} Operation */

/** What of a long answer is shown. */
const MOST_CHARACTERS = 200_000;
const PATIENCE_MS = 30_000;

/**
 * @typedef {object} Place
 * @property {any} document
 * @property {string} base
 * @property {import("../core/session.js").Session} session
 * @property {() => void} signIn
 */

export class OperationView {
  #place;
  #operation;

  /**
   * @param {Place} place
   * @param {Operation} operation
   */
  constructor(place, operation) {
    this.#place = place;
    this.#operation = operation;
    this.fields = operation.parameters.map((one) => this.#parameter(one));
    this.body = operation.body ? bodyField(JSON.stringify(exampleOf(place.document, operation.body), null, 2)) : null;
    this.command = h("code");
    this.answer = h("section", { class: "docs-answer", "aria-label": "Answer" });
    this.said = h("p", { class: "docs-status", role: "status" });
    this.send = h("button", {
      type: "submit",
      class: operation.method === "DELETE" ? "button danger" : "button",
      text: "Send",
    });
    this.note = h(
      "p",
      { class: "hint", hidden: true },
      "It takes a token. ",
      h("button", { type: "button", class: "link", text: "Sign in first", on: { click: place.signIn } }),
    );
    this.title = h("h1", { tabindex: -1, text: operation.summary });
    this.element = h(
      "article",
      { class: "docs-operation" },
      this.title,
      h("p", { class: "docs-address" }, method(operation.method), h("code", { text: operation.path })),
      operation.description && h("p", {}, richText(operation.description)),
      this.#form(),
      this.answer,
      ...this.#reference(),
    );
    place.session.on("change", () => this.#changed());
    this.#changed();
  }

  /** @param {import("./operations.js").Parameter} parameter */
  #parameter({ name, in: kind, required, schema, description }) {
    const where = { path: "in the address", query: "in the query", header: "a header" }[kind];
    const usual = schema.default === undefined ? "" : ` Left out: ${schema.default}.`;
    return field({
      name,
      label: name,
      optional: !required,
      required,
      hint: `${(description ?? schema.description ?? "").replaceAll("`", "")} (${typeOf(this.#place.document, schema)}, ${where}).${usual}`,
      autocomplete: "off",
      autocapitalize: "none",
      spellcheck: "false",
      inputmode: schema.type === "integer" ? "numeric" : undefined,
    });
  }

  #form() {
    const copy = h("button", { type: "button", class: "button quiet small", text: "Copy" });
    copy.hidden = !navigator.clipboard; // a page that came over plain HTTP from another machine has none
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(this.command.textContent ?? "");
      copy.textContent = "Copied";
    });
    const form = h(
      "form",
      { class: "form docs-form", novalidate: true, "aria-label": "Try it" },
      ...this.fields.map((one) => one.element),
      this.body?.element,
      h("div", { class: "docs-send" }, this.send, this.note),
      h(
        "div",
        { class: "docs-command" },
        h("pre", { tabindex: 0, "aria-label": "The same by curl" }, this.command),
        copy,
      ),
    );
    form.addEventListener("input", () => {
      copy.textContent = "Copy";
      this.#changed();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!anyWrong(this.fields) && (this.body?.check() ?? true)) this.#try();
    });
    return form;
  }

  #request() {
    const values = Object.fromEntries(this.fields.map((one) => [one.name, one.input.value.trim()]));
    return requestOf(this.#place.base, this.#operation, values, this.body?.value ?? null);
  }

  /** The form or the session has changed: so have the command and the note. */
  #changed() {
    const { takesToken, needsToken } = this.#operation;
    this.command.textContent = curlOf(this.#request(), takesToken);
    this.note.hidden = !needsToken || this.#place.session.user !== null;
  }

  async #try() {
    const { method: verb, url, headers, body } = this.#request();
    this.send.disabled = true;
    this.answer.replaceChildren(h("h2", { text: "Answer" }), this.said);
    this.said.textContent = "Waiting for the answer…";
    const began = performance.now();
    try {
      if (this.#operation.takesToken && this.#place.session.user) {
        headers.Authorization = `Bearer ${await this.#place.session.token()}`;
      }
      const response = await fetch(url, { method: verb, headers, body, cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
      const text = await response.text();
      this.#show(response, text, performance.now() - began);
    } catch (/** @type {any} */ error) {
      this.said.textContent = `No answer: ${error.message}`;
    }
    this.send.disabled = false;
  }

  /**
   * @param {Response} response
   * @param {string} text
   * @param {number} took ms
   */
  #show(response, text, took) {
    this.said.textContent = `${response.status} ${response.statusText} in ${Math.round(took)} ms`;
    setAttribute(this.said, "class", response.ok ? "docs-status docs-good" : "docs-status docs-bad");
    const headers = [...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    const pretty = prettyOf(text, response.headers.get("Content-Type") ?? "");
    const cut = pretty.length - MOST_CHARACTERS;
    this.answer.append(
      h("pre", { tabindex: 0, "aria-label": "Body of the answer" }, h("code", { text: pretty.slice(0, MOST_CHARACTERS) })),
    );
    if (cut > 0) this.answer.append(h("p", { class: "hint", text: `… and ${cut.toLocaleString()} characters more.` }));
    this.answer.append(
      h(
        "details",
        {},
        h("summary", { text: "Headers of the answer" }),
        h("pre", { tabindex: 0, "aria-label": "Headers of the answer" }, h("code", { text: headers })),
      ),
    );
  }

  /** @returns {HTMLElement[]} */
  #reference() {
    const { document } = this.#place;
    const { body, answers } = this.#operation;
    /** @type {HTMLElement[]} */
    const parts = body ? [h("h2", { text: "Body" }), fieldTable(fieldsOf(document, body), "Fields of the body")] : [];
    parts.push(h("h2", { text: "Answers" }));
    for (const { status, description, schema } of answers) {
      const lines = description.split("\n").map((line) => h("li", {}, richText(line)));
      const rows = schema ? fieldsOf(document, schema) : [];
      parts.push(
        h(
          "details",
          { class: "docs-may", open: status.startsWith("2") },
          h("summary", {}, h("strong", { text: status })),
          h("ul", {}, ...lines),
          rows.length > 0 && fieldTable(rows, `Fields of an answer ${status}`),
        ),
      );
    }
    return parts;
  }
}

/** @param {string} text the first value */
function bodyField(text) {
  const input = h("textarea", {
    id: "docs-body",
    rows: Math.min(16, text.split("\n").length + 1),
    spellcheck: "false",
    autocapitalize: "none",
  });
  input.value = text;
  const problem = h("p", { class: "field-problem", id: "docs-body-problem", hidden: true });
  const say = (/** @type {string} */ what) => {
    problem.textContent = what;
    problem.hidden = what === "";
    setAttribute(input, "aria-invalid", what ? "true" : null);
    setAttribute(input, "aria-describedby", what ? problem.id : null);
  };
  input.addEventListener("input", () => say(""));
  return {
    element: h("div", { class: "field" }, h("label", { for: input.id }, "Body (JSON)"), input, problem),
    get value() {
      return input.value;
    },
    /** @returns {boolean} whether it is JSON; what is not is said beside it */
    check() {
      try {
        JSON.parse(input.value);
        return true;
      } catch (/** @type {any} */ error) {
        say(`This is no JSON: ${error.message}`);
        input.focus();
        return false;
      }
    },
  };
}

/**
 * @param {import("./operations.js").FieldRow[]} rows
 * @param {string} caption
 */
function fieldTable(rows, caption) {
  const head = ["Field", "Type", "Meaning"].map((text) => h("th", { scope: "col", text }));
  const lines = rows.map(({ name, type, required, meaning }) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, h("code", { text: name }), !required && h("span", { class: "optional", text: " optional" })),
      h("td", { text: type }),
      h("td", {}, richText(meaning)),
    ),
  );
  return h(
    "div",
    { class: "docs-table", role: "region", tabindex: 0, "aria-label": caption },
    h("table", {}, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...lines)),
  );
}

/**
 * @param {string} text
 * @param {string} type
 */
function prettyOf(text, type) {
  if (!type.includes("json")) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
