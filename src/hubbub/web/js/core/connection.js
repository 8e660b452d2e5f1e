/**
 * The one socket: connected as long as somebody is signed in, with a fresh token, through every restart.
 *
 * Emits `state` ("idle", "connecting", "online", "retrying"), `ready` with the server's first word after each
 * connect, and every other server event under its own name. It holds no messages: `request` either brings the
 * server's answer or fails, and what to send again is decided by the outbox.
 */

import { ask, knockAfter, wantsToken } from "../client/asking.js";
import { Emitter } from "../client/emitter.js";

/** @typedef {import("./session.js").Session} Session */
/** @typedef {"idle" | "connecting" | "online" | "retrying"} State */

/** What the server says; each is passed on under its name. */
export const SERVER_EVENTS = [
  "ready",
  "message-history",
  "receive-message",
  "message-updated",
  "message-deleted",
  "message-status-update",
  "message-read-update",
  "messages-marked-read",
  "user-joined",
  "user-left",
  "room-users",
  "room-updated",
  "user-typing",
  "user-status-update",
];

export class Connection extends Emitter {
  #io;
  #url;
  #session;
  /** @type {any} */
  #socket = null;
  /** @type {State} */
  #state = "idle";
  #refusals = 0;
  #sentToken = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #again;

  /**
   * @param {(url: string, options: object) => any} io `io` of socket.io-client
   * @param {URL} url where the page was loaded from; the socket's path lies beside it
   * @param {Session} session
   */
  constructor(io, url, session) {
    super();
    this.#io = io;
    this.#url = url;
    this.#session = session;
    session.on("token", (token) => this.#authenticate(token));
  }

  /** @returns {State} */
  get state() {
    return this.#state;
  }

  get online() {
    return this.#state === "online";
  }

  start() {
    if (this.#socket) return;
    const socket = this.#io(this.#url.origin, {
      path: new URL("socket.io/", this.#url).pathname,
      transports: ["websocket", "polling"],
      tryAllTransports: true,
      reconnectionDelay: 300,
      reconnectionDelayMax: 5_000,
      timeout: 10_000,
      forceNew: true,
      auth: (/** @type {(data: object) => void} */ give) => this.#giveToken(give),
    });
    this.#socket = socket;
    this.#refusals = 0;
    this.#become("connecting");
    for (const name of SERVER_EVENTS) socket.on(name, (/** @type {any} */ detail) => this.#heard(name, detail));
    socket.on("disconnect", (/** @type {string} */ reason) => {
      if (this.#socket !== socket) return;
      this.#become("retrying");
      if (reason === "io server disconnect") this.#comeBack(socket);
    });
    socket.on("connect_error", (/** @type {any} */ error) => {
      if (this.#socket !== socket) return;
      this.#become("retrying");
      if (!socket.active) this.#comeBack(socket, error.data ?? {});
    });
  }

  stop() {
    clearTimeout(this.#again);
    const socket = this.#socket;
    this.#socket = null;
    socket?.disconnect();
    this.#become("idle");
  }

  /** Try now instead of after the present delay: the network or the person is back. */
  hurry() {
    if (!this.#socket || this.#state !== "retrying") return;
    clearTimeout(this.#again);
    this.#socket.disconnect().connect();
  }

  /**
   * Ask, and wait for the answer.
   *
   * @param {string} event
   * @param {object} data
   * @returns {Promise<any>}
   * @throws {Failure} refused; or `unreachable`: whether the server heard is unknown
   */
  request(event, data) {
    return ask(this.#socket, event, data);
  }

  /**
   * Say something that is worth nothing later, such as typing.
   *
   * @param {string} event
   * @param {object} data
   */
  mention(event, data) {
    if (this.#socket?.connected) this.#socket.emit(event, data);
  }

  /**
   * @param {string} name
   * @param {any} detail
   */
  #heard(name, detail) {
    if (name === "ready") {
      this.#refusals = 0;
      this.#become("online");
    }
    this.emit(name, detail);
  }

  /** @param {(data: object) => void} give */
  async #giveToken(give) {
    try {
      this.#sentToken = await this.#session.token();
    } catch {
      // Offline, or signed out just now: the server's refusal, or the next attempt, will settle it.
    }
    give({ token: this.#sentToken });
  }

  /**
   * The server turned us away, which the client library takes as final. Mend the reason, then knock again.
   *
   * @param {any} socket
   * @param {{ code?: string, retryAfter?: number }} [refusal]
   */
  async #comeBack(socket, refusal = {}) {
    const wait = knockAfter(this.#refusals++, refusal);
    if (wantsToken(refusal)) {
      try {
        await this.#session.renew(this.#sentToken);
      } catch {
        // Ended: the session has said so and `stop` was called. Otherwise the next attempt tries again.
      }
    }
    if (this.#socket !== socket) return;
    clearTimeout(this.#again);
    this.#again = setTimeout(() => this.#socket === socket && socket.connect(), wait);
  }

  /** @param {string} token */
  async #authenticate(token) {
    if (!this.#socket?.connected || token === this.#sentToken) return;
    this.#sentToken = token;
    try {
      await this.request("authenticate", { token });
    } catch {
      // The socket then ends with its old token, and comes back with the new one.
    }
  }

  /** @param {State} state */
  #become(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.emit("state", state);
  }
}
