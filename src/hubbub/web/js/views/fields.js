/**
 * Labelled inputs that can say what is wrong with them, and how a failure is told by field.
 */

import { Failure } from "../client/failure.js";
import { h, iconButton, setAttribute } from "./dom.js";

let serial = 0;

/**
 * @typedef {object} Field
 * @property {string} name as the server calls it
 * @property {HTMLElement} element
 * @property {HTMLInputElement} input
 * @property {(problem: string) => void} say show a problem, or none
 * @property {(value: string) => string} rule what is wrong with a value, or nothing
 */

/**
 * @param {Record<string, any> & { name: string, label: string, hint?: string, optional?: boolean, rule?: (value: string) => string }} options the rest are attributes of the input
 * @returns {Field}
 */
export function field({ name, label, hint, optional, rule = () => "", ...attributes }) {
  const id = `field-${name}-${(serial += 1)}`;
  const input = h("input", { type: "text", ...attributes, id, name });
  const problem = h("p", { class: "field-problem", id: `${id}-problem`, hidden: true });
  const help = hint ? h("p", { class: "hint", id: `${id}-hint`, text: hint }) : null;
  const holder = attributes.type === "password" ? h("div", { class: "password" }, input, reveal(input)) : input;
  const describe = (/** @type {boolean} */ wrong) =>
    setAttribute(input, "aria-describedby", wrong ? `${id}-problem` : help && `${id}-hint`);
  const say = (/** @type {string} */ text) => {
    problem.textContent = text;
    problem.hidden = text === "";
    if (help) help.hidden = text !== "";
    setAttribute(input, "aria-invalid", text ? "true" : null);
    describe(text !== "");
  };
  describe(false);
  input.addEventListener("input", () => problem.hidden || say(""));
  const title = h("label", { for: id }, label, optional && h("span", { class: "optional", text: "optional" }));
  return { name, input, say, rule, element: h("div", { class: "field" }, title, holder, problem, help) };
}

/** @param {HTMLInputElement} input */
function reveal(input) {
  const button = iconButton("eye", "Show the password", () => {
    const shown = input.type === "text";
    input.type = shown ? "password" : "text";
    button.setAttribute("aria-pressed", String(!shown));
  });
  button.setAttribute("aria-pressed", "false");
  return button;
}

/**
 * Look at every field before asking the server, so that all that is wrong is said at once.
 *
 * @param {Field[]} fields
 * @returns {boolean} whether something is wrong; it is then said beside it, and the first has the focus
 */
export function anyWrong(fields) {
  let first = null;
  for (const one of fields) {
    const value = one.input.value.trim();
    const problem = value === "" ? (one.input.required ? "Please fill this in." : "") : one.rule(one.input.value);
    one.say(problem);
    if (problem) first ??= one.input;
  }
  first?.focus();
  return first !== null;
}

/**
 * A form that says what is wrong, before and after it was sent, and is sent once at a time.
 *
 * @param {Field[]} fields
 * @param {string} label of its button
 * @param {() => Promise<unknown>} send
 */
export function form(fields, label, send) {
  const problem = h("p", { class: "form-problem", role: "alert", hidden: true });
  const submit = h("button", { type: "submit", class: "button wide", text: label });
  const element = h("form", { class: "form", novalidate: true }, problem, ...fields.map((one) => one.element), submit);
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    showFailure(problem, fields, null);
    if (anyWrong(fields)) return;
    submit.disabled = true;
    try {
      await send();
    } catch (error) {
      showFailure(problem, fields, error);
    }
    submit.disabled = false;
  });
  return element;
}

/**
 * A validator's sentence is for programmers; the forms say beforehand what a field takes.
 *
 * @param {string} reason
 */
function plainly(reason) {
  return reason.startsWith("Expected ") ? "This is not valid." : /[.!?]$/.test(reason) ? reason : `${reason}.`;
}

/**
 * Tell a failure: beside the fields it names, else above the form. The first wrong field gets the focus.
 *
 * @param {HTMLElement} place
 * @param {Field[]} fields
 * @param {unknown} error null clears everything
 */
export function showFailure(place, fields, error) {
  for (const one of fields) one.say("");
  place.textContent = "";
  place.hidden = true;
  if (!error) return;
  const said = error instanceof Failure ? error.fields : {};
  const named = fields.filter((one) => said[one.name]);
  for (const one of named) one.say(plainly(said[one.name]));
  if (named.length > 0) {
    named[0].input.focus();
    return;
  }
  place.textContent = error instanceof Error ? error.message : "Something went wrong.";
  place.hidden = false;
}
