/**
 * Signing in and signing up: one form that changes its mind, beside a picture of what awaits.
 */

import { field, form } from "./fields.js";
import { h } from "./dom.js";

/** @typedef {import("../core/session.js").Session} Session */

const PROMISES = [
  ["Yours", "It runs on your own machine, and everything said stays there."],
  ["Nothing lost", "A message that is ticked is stored. One that is not is sent again by itself."],
  ["In its place", "What you missed comes in order, however long you were away."],
];

/** The server's rules, in a person's words; it has the last word all the same. */
const userName = (/** @type {string} */ value) =>
  /^[A-Za-z0-9_][A-Za-z0-9_.-]+$/.test(value.trim())
    ? ""
    : "Use at least 2 letters or digits; dots, dashes and underscores are allowed too.";
const address = (/** @type {string} */ value) =>
  /^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(value.trim()) ? "" : "This is not an e-mail address.";
const secret = (/** @type {string} */ value) => (value.length >= 8 ? "" : "Use at least 8 characters.");

export class Auth {
  #session;
  /** @type {"in" | "up"} */
  #way = "in";

  /** @param {Session} session */
  constructor(session) {
    this.#session = session;
    this.panel = h("div", { class: "auth-panel" });
    this.element = h(
      "div",
      { class: "auth" },
      h(
        "section",
        { class: "auth-side", "aria-label": "About Hubbub" },
        h("img", { src: "./art.svg", alt: "", class: "auth-art" }),
        h("p", { class: "auth-line", text: "Talk that stays yours." }),
        h(
          "dl",
          { class: "auth-promises" },
          ...PROMISES.map(([title, text]) => h("div", {}, h("dt", { text: title }), h("dd", { text }))),
        ),
      ),
      h("main", { class: "auth-main" }, this.panel),
    );
    this.draw("");
  }

  /** @param {string} notice why the person has to sign in again, if so */
  draw(notice) {
    const up = this.#way === "up";
    const name = field({
      name: "username",
      label: up ? "User name" : "User name or e-mail",
      autocomplete: "username",
      autocapitalize: "none",
      spellcheck: "false",
      required: true,
      maxlength: up ? 50 : 255,
      rule: up ? userName : undefined,
    });
    const email = field({
      name: "email",
      label: "E-mail",
      type: "email",
      autocomplete: "email",
      required: true,
      maxlength: 255,
      rule: up ? address : undefined,
    });
    const shown = field({
      name: "displayName",
      label: "Name shown to others",
      optional: true,
      autocomplete: "name",
      maxlength: 100,
    });
    const password = field({
      name: "password",
      label: "Password",
      type: "password",
      required: true,
      autocomplete: up ? "new-password" : "current-password",
      hint: up ? "At least 8 characters; a few words make a good one." : undefined,
      rule: up ? secret : undefined,
    });
    const fields = up ? [name, email, shown, password] : [name, password];
    const send = () => {
      const username = name.input.value.trim();
      if (!up) return this.#session.login({ username, password: password.input.value });
      return this.#session.register({
        username,
        email: email.input.value.trim(),
        password: password.input.value,
        displayName: shown.input.value.trim() || undefined,
      });
    };
    const turn = h("button", {
      type: "button",
      class: "link",
      text: up ? "Sign in" : "Create an account",
      on: { click: () => this.#turn() },
    });
    this.panel.replaceChildren(
      h(
        "div",
        { class: "brand" },
        h("img", { src: "./icon.svg", alt: "", width: 40, height: 40 }),
        h("span", { class: "brand-name", text: "Hubbub" }),
      ),
      h("h1", { text: up ? "Create your account" : "Welcome back" }),
      ...(notice ? [h("p", { class: "form-notice", role: "status", text: notice })] : []),
      form(fields, up ? "Create account" : "Sign in", send),
      h("p", { class: "auth-turn" }, up ? "You have an account already? " : "New here? ", turn),
    );
  }

  #turn() {
    this.#way = this.#way === "in" ? "up" : "in";
    this.draw("");
    this.focus();
  }

  focus() {
    this.panel.querySelector("input")?.focus();
  }
}
