/**
 * The page of the REST interface: reads the document that the server gives of itself, and shows the operation that the
 * address names (`#createRoom`), or what holds for all of them.
 */

import { Dialogs } from "../views/dialogs.js";
import { h } from "../views/dom.js";
import { richText } from "../views/richtext.js";
import { Account, sessionInMemory } from "./account.js";
import { Contents } from "./contents.js";
import { OperationView } from "./operation.js";
import { operationsOf } from "./operations.js";

const base = new URL("..", new URL(".", document.baseURI)).href;
const app = /** @type {HTMLElement} */ (document.getElementById("app"));

/** @returns {Promise<any>} */
async function read() {
  const response = await fetch(new URL("openapi.json", base));
  if (!response.ok) throw new Error(`openapi.json was answered ${response.status}.`);
  return response.json();
}

/** @param {any} described the OpenAPI document */
function start(described) {
  const operations = operationsOf(described);
  const session = sessionInMemory(base);
  const dialogs = new Dialogs(async () => []);
  const account = new Account(session, dialogs);
  const contents = new Contents(operations, described.tags ?? []);
  const place = { document: described, base, session, signIn: () => account.signIn() };
  /** @type {Map<string, OperationView>} */
  const views = new Map();
  const welcome = overview(described);
  const main = h("main", { class: "docs-main" });

  const show = () => {
    const operation = operations.find((one) => one.id === decodeURIComponent(location.hash.slice(1)));
    let view = operation && views.get(operation.id);
    if (operation && !view) views.set(operation.id, (view = new OperationView(place, operation)));
    main.replaceChildren(view ? view.element : welcome.element);
    main.scrollTop = 0;
    contents.mark(operation?.id ?? "");
    document.title = operation ? `${operation.summary} · REST · Hubbub` : "REST · Hubbub";
    return view ?? welcome;
  };

  window.addEventListener("hashchange", () => show().title.focus());
  document.addEventListener("keydown", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.key !== "/" || target.matches?.("input, textarea") || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    contents.search.focus();
  });
  app.replaceChildren(
    h(
      "div",
      { class: "docs" },
      h(
        "header",
        { class: "docs-head" },
        h("a", { href: "#", class: "docs-brand" }, h("img", { src: "../icon.svg", alt: "", width: 28, height: 28 }), "Hubbub REST"),
        h("a", { href: "../", text: "Chat" }),
        h("a", { href: "../openapi.json", text: "openapi.json" }),
        h("a", { href: "../asyncapi.json", text: "asyncapi.json" }),
        account.element,
      ),
      contents.element,
      main,
    ),
  );
  document.body.append(dialogs.notices);
  show();
}

/** @param {any} described */
function overview({ info, tags }) {
  const title = h("h1", { tabindex: -1, text: "REST" });
  const element = h(
    "article",
    { class: "docs-operation" },
    title,
    h("p", { class: "hint", text: `Version ${info.version}` }),
    h("p", {}, richText(info.description)),
    h("p", { text: "Choose an operation to read what it takes and answers, and to try it on this very server. What is sent is done." }),
    h(
      "dl",
      { class: "docs-tags" },
      ...(tags ?? []).map((/** @type {any} */ tag) => h("div", {}, h("dt", { text: tag.name }), h("dd", { text: tag.description }))),
    ),
  );
  return { title, element };
}

async function begin() {
  try {
    start(await read());
  } catch (/** @type {any} */ error) {
    const again = h("button", { type: "button", class: "button", text: "Try again", on: { click: begin } });
    app.replaceChildren(
      h("main", { class: "docs-failed" }, h("h1", { text: "The description cannot be read" }), h("p", { role: "alert", text: error.message }), again),
    );
  }
}

begin();
