/**
 * What every scenario stands on: a browser, people in it, and a line to the test that owns the server.
 *
 * The browser is the same for all, for it takes long to start. Each person has a context of their own (cookies, storage), and every page is watched: an uncaught error, an error
 * on the console or a violation of the content security policy fails the scenario, whatever else it was about.
 * Waiting is always for a condition, with a bound; nothing sleeps.
 */

import assert from "node:assert/strict";
import readline from "node:readline";
import { chromium } from "playwright-core";

/** The server of the scenario that is played. */
export let URL_ = "";
export const PASSWORD = "correct horse battery";
const PATIENCE_MS = 15_000;

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** What a browser says by itself about a server that is not there. */
const ABSENCE =
  /net::ERR_|WebSocket connection to .* failed|Failed to load resource: the server responded with a status of 503/;

/** What the test writes: scenarios to play, and answers to what they ask. */
export const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/**
 * Ask the test that owns the server for something: `kill`, `start`, `sql …`.
 *
 * @param {string} what
 * @returns {Promise<string>}
 */
export async function ask(what) {
  process.stdout.write(`@ask ${JSON.stringify(what)}\n`);
  const { value, done } = await lines.next();
  assert.ok(!done, "the test has gone away");
  return JSON.parse(value);
}

/**
 * @param {() => unknown} condition
 * @param {string} what for the message when it never holds
 * @param {number} [patience] ms
 */
export async function until(condition, what, patience = PATIENCE_MS) {
  const end = Date.now() + patience;
  let last;
  for (;;) {
    try {
      last = await condition();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end)
      throw new Error(
        `not within ${patience} ms: ${what} (last: ${last instanceof Error ? last.message : JSON.stringify(last)})`,
      );
    await new Promise((done) => setTimeout(done, 40));
  }
}

export class Stage {
  /** @param {import("playwright-core").Browser} browser */
  constructor(browser) {
    this.browser = browser;
    /** @type {string[]} */
    this.troubles = [];
    /** True while the server is known to be away. */
    this.away = false;
    /** Statuses that a scenario provokes on purpose, such as a refused form. */
    this.expected = /$^/;
  }

  /**
   * @param {string} name
   * @param {import("playwright-core").BrowserContextOptions} [options]
   */
  async person(name, options = {}) {
    const context = await this.browser.newContext({
      viewport: { width: 1280, height: 800 },
      locale: "en-GB",
      reducedMotion: "reduce",
      ...options,
    });
    context.setDefaultTimeout(PATIENCE_MS);
    await context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) =>
        console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`),
      );
    });
    const person = new Person(this, name, context);
    await person.newPage();
    return person;
  }

  /**
   * @param {string} who
   * @param {import("playwright-core").Page} page
   */
  watch(who, page) {
    page.on("pageerror", (error) => this.troubles.push(`${who}: ${error.stack}`));
    page.on("console", (message) => {
      if (message.type() !== "error" && message.type() !== "warning") return;
      const text = `${message.text()} ${message.location().url}`;
      if ((this.away && ABSENCE.test(text)) || this.expected.test(text)) return;
      this.troubles.push(`${who}: ${text}`);
    });
    page.on("request", (request) => {
      if (
        !request.url().startsWith(URL_) &&
        !/^(data|blob):/.test(request.url()) &&
        !request.url().startsWith(URL_.replace("http", "ws"))
      ) {
        this.troubles.push(`${who}: asked ${request.url()}`);
      }
    });
  }

  async kill() {
    this.away = true;
    await ask("kill");
  }

  /** Start the server again, and wait until each of these people is connected. */
  async start(...people) {
    await ask("start");
    for (const person of people) await person.online();
    this.away = false;
  }
}

export class Person {
  /**
   * @param {Stage} stage
   * @param {string} name
   * @param {import("playwright-core").BrowserContext} context
   */
  constructor(stage, name, context) {
    this.stage = stage;
    this.name = name;
    this.username = `${name
      .normalize("NFD")
      .replace(/[^A-Za-z ]/g, "")
      .toLowerCase()
      .replaceAll(" ", "-")}-${process.env.HUBBUB_RUN ?? "x"}`;
    this.context = context;
    /** @type {import("playwright-core").Page} */
    this.page = /** @type {any} */ (null);
  }

  async newPage() {
    this.page = await this.context.newPage();
    this.stage.watch(this.name, this.page);
    return this.page;
  }

  async register() {
    const { page } = this;
    await page.goto(URL_);
    await page.getByRole("button", { name: "Create an account" }).click();
    await page.getByLabel("User name").fill(this.username);
    await page.getByLabel("E-mail").fill(`${this.username}@example.org`);
    await page.getByLabel("Name shown to others").fill(this.name);
    await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await page.getByRole("button", { name: "Create account" }).click();
    await this.online();
    return this;
  }

  online() {
    return this.page.locator(".state-online").waitFor({ state: "attached" });
  }

  /** @param {string} room by way of the room finder; joins it if need be */
  async open(room) {
    const { page } = this;
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox").fill(room);
    await page.locator(".found-room", { has: page.locator(`strong:text-is("${room}")`) }).click();
    await page.getByRole("heading", { level: 1, name: room }).waitFor();
    await page.locator(".messages-area .skeleton").waitFor({ state: "detached" });
  }

  get composer() {
    return this.page.locator(".composer-text");
  }

  /** @param {string} text */
  async say(text) {
    await this.composer.fill(text);
    await this.composer.press("Enter");
  }

  /** @param {string} text a message, by what it says */
  message(text) {
    return this.page.locator("li.message", { has: this.page.locator(`.text:text-is("${text}")`) });
  }

  /** @param {string} text */
  sees(text) {
    return this.message(text).first().waitFor();
  }

  /** @param {string} text what is told of one's own message, such as "Sent" */
  told(text) {
    return this.message(text).locator(".tick").getAttribute("aria-label");
  }

  /** @returns {Promise<string[]>} what is on the page, in order */
  texts() {
    return this.page.locator("li.message .text").allTextContents();
  }

  /** @param {string} room */
  unread(room) {
    return this.page.locator("button.room", { hasText: room }).locator(".badge").allTextContents();
  }

  /**
   * A request of this person's own, by REST, with the token the page holds.
   *
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   */
  rest(method, path, body) {
    return this.page.evaluate(async ([verb, address, data]) => {
      const { token } = JSON.parse(localStorage.getItem("hubbub.session") ?? "{}");
      const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
      const answer = await fetch(`/api/${address}`, { method: verb, headers, body: data && JSON.stringify(data) });
      return answer.json();
    }, /** @type {[string, string, any]} */ ([method, path, body]));
  }
}

/** @returns {Promise<import("playwright-core").Browser>} */
export function launch() {
  return chromium.launch({ executablePath: process.env.HUBBUB_CHROMIUM, headless: true, args: FLAGS });
}

/**
 * @param {import("playwright-core").Browser} browser
 * @param {(stage: Stage) => Promise<void>} scenario
 */
export async function play(browser, scenario) {
  URL_ = process.env.HUBBUB_URL ?? "";
  const stage = new Stage(browser);
  try {
    await scenario(stage);
    assert.deepEqual(stage.troubles, [], "the pages had troubles");
  } catch (error) {
    console.error(stage.troubles.join("\n"));
    await keepPictures(browser);
    throw error;
  }
  for (const context of browser.contexts()) await context.close();
}

/** @param {import("playwright-core").Browser} browser what could be seen when it went wrong */
async function keepPictures(browser) {
  const folder = process.env.HUBBUB_PICTURES;
  if (!folder) return;
  let number = 0;
  for (const page of browser.contexts().flatMap((context) => context.pages())) {
    await page.screenshot({ path: `${folder}/failed-${(number += 1)}.png` }).catch(() => {});
  }
}
