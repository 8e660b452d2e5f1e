/**
 * Who is signed in on this page. The tokens are in memory alone: a page that is closed or loaded anew has forgotten them.
 */

import { memoryStorage } from "../client/platform.js";
import { Api } from "../core/api.js";
import { Session } from "../core/session.js";
import { h } from "../views/dom.js";
import { field, form } from "../views/fields.js";

/**
 * @param {string} base
 * @returns {Session} one that this page shares with nobody
 */
export function sessionInMemory(base) {
  const nobodyElse = { read: async () => null, write: async () => {} };
  /** @type {Promise<unknown>} */
  let last = Promise.resolve();
  return new Session(
    new Api(base),
    memoryStorage(),
    (_name, work) => {
      const turn = last.then(work);
      last = turn.catch(() => {});
      return turn;
    },
    nobodyElse,
  );
}

export class Account {
  #session;
  #dialogs;

  /**
   * @param {Session} session
   * @param {import("../views/dialogs.js").Dialogs} dialogs
   */
  constructor(session, dialogs) {
    this.#session = session;
    this.#dialogs = dialogs;
    this.who = h("span", { class: "docs-who", role: "status" });
    this.button = h("button", { type: "button", class: "button quiet small", on: { click: () => this.#press() } });
    this.element = h("div", { class: "docs-account" }, this.who, this.button);
    session.on("change", (/** @type {string} */ reason) => this.#draw(reason));
    this.#draw("");
  }

  /** Ask for name and password. */
  signIn() {
    const name = field({
      name: "username",
      label: "User name or e-mail",
      autocomplete: "username",
      autocapitalize: "none",
      spellcheck: "false",
      required: true,
      maxlength: 255,
    });
    const password = field({
      name: "password",
      label: "Password",
      type: "password",
      autocomplete: "current-password",
      required: true,
      hint: "The token stays in this page's memory, and goes with every request that takes one.",
    });
    const send = async () => {
      await this.#session.login({ username: name.input.value.trim(), password: password.input.value });
      dialog.close();
    };
    const dialog = this.#dialogs.open("Sign in", [form([name, password], "Sign in", send)]);
    name.input.focus();
  }

  #press() {
    if (this.#session.user) this.#session.logout();
    else this.signIn();
  }

  /** @param {string} reason */
  #draw(reason) {
    const { user } = this.#session;
    this.button.textContent = user ? "Sign out" : "Sign in";
    const ended = reason === "ended" ? "Your session has ended." : "Not signed in";
    this.who.textContent = user ? `Signed in as ${user.username}` : ended;
  }
}
