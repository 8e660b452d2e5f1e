/**
 * A client that loses nothing, around any socket of socket.io-client 4: an outbox and a cursor per room.
 *
 *     import { io } from "socket.io-client";
 *     import { Client } from "./hubbub.js";
 *
 *     const socket = io(address, { auth: (give) => give({ token: currentToken() }), autoConnect: false });
 *     const client = new Client(socket, { userId, storage: browserStorage() });
 *     client.on("change", (change) => show(change));
 *     client.send(roomId, "Hello");
 *     socket.connect();
 *
 * Promises: a message that was given to `send` is sent until the server has acknowledged or refused it, through
 * lost connections and reloads, and never appears twice; changes of each room are told in the room's order, each
 * once, whatever happened between. See `outbox.js` and `cursors.js`; docs/howto/javascript.md shows it in use.
 *
 * Emits, beside what `cursors.js` lists: `ready` with the server's first word, `stored` `{entry, reply}` and
 * `failed` `entry` for what was sent, and `outbox` with a room's id when what waits there has changed.
 */

import { ask, knockAfter, wantsToken } from "./asking.js";
import { Cursors, NUMBERED } from "./cursors.js";
import { Emitter } from "./emitter.js";
import { Failure } from "./failure.js";
import { Outbox } from "./outbox.js";
import { memoryStorage, pause } from "./platform.js";

export { browserStorage, memoryStorage } from "./platform.js";
export { Cursors, Failure, Outbox };

export class Client extends Emitter {
  #socket;
  #refresh;
  #refusals = 0;
  #userId;

  /**
   * @param {any} socket of socket.io-client; best made with `autoConnect: false`, and connected afterwards
   * @param {object} options
   * @param {string} options.userId whose token the socket carries, as registering and signing in answer it
   * @param {import("./platform.js").Storage} [options.storage] keeps what is not sent yet: `browserStorage()`
   * @param {import("./platform.js").Storage} [options.cursors] keeps the cursors as well. Only for an application that
   *   keeps the messages too: whoever loads a room afresh after a reload needs no older place
   * @param {() => unknown} [options.refresh] gets a newer token when the server has refused the present one
   */
  constructor(socket, { userId, storage = memoryStorage(), cursors, refresh }) {
    super();
    this.#socket = socket;
    this.#userId = userId;
    this.#refresh = refresh ?? (() => {});
    this.cursors = new Cursors((event, data) => this.request(event, data), cursors ?? null);
    this.outbox = new Outbox(storage, ({ roomId, text, clientId, replyTo }) =>
      this.request("send-message", { room: roomId, message: text, clientId, replyTo }),
    );
    this.outbox.use(userId);
    this.cursors.use(userId);
    socket.on("ready", (/** @type {any} */ detail) => this.#ready(detail));
    for (const event of /** @type {(keyof typeof NUMBERED)[]} */ (Object.keys(NUMBERED)))
      socket.on(event, (/** @type {any} */ detail) => this.cursors.heard(event, detail));
    socket.on("disconnect", (/** @type {string} */ reason) => {
      this.outbox.close();
      this.cursors.pause();
      if (reason === "io server disconnect") this.#comeBack({});
    });
    socket.on("connect_error", (/** @type {any} */ error) => {
      if (!socket.active) this.#comeBack(error.data ?? {});
    });
    this.cursors.on("change", (change) => this.#changed(change));
    for (const name of ["room", "lost", "reset", "caught-up"]) this.cursors.on(name, (detail) => this.emit(name, detail));
    this.outbox.on("stored", (detail) => this.emit("stored", detail));
    this.outbox.on("failed", (entry) => this.emit("failed", entry));
    this.outbox.on("change", (roomId) => this.emit("outbox", roomId));
  }

  /**
   * Write a message. It is on its way at once, or as soon as there is a connection; `stored` tells when it has arrived.
   *
   * @param {string} roomId
   * @param {string} text
   * @param {string} [replyTo] the id of the message it answers
   * @returns {import("./outbox.js").Outgoing} what `stored` or `failed` will name
   */
  send(roomId, text, replyTo) {
    return this.outbox.add(roomId, text, replyTo);
  }

  /**
   * Ask the server, and wait for its answer.
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
   * @param {any} detail
   * @throws {Error} the token is another person's: what this one wrote must not be sent in their name
   */
  #ready(detail) {
    if (detail.user.userId !== this.#userId) throw new Error("This socket's token belongs to somebody else.");
    this.#refusals = 0;
    this.emit("ready", detail);
    this.cursors.ready(detail);
    this.outbox.open();
  }

  /** @param {any} change */
  #changed(change) {
    if (change.clientId && change.userId === this.#userId) {
      // The message itself came before its acknowledgement, or instead of one that was lost.
      const { id, seq, timestamp } = change;
      const entry = this.outbox.drop(change.clientId);
      if (entry) this.emit("stored", { entry, reply: { success: true, id, seq, timestamp, duplicate: false } });
    }
    this.emit("change", change);
    const out = change.type === "member" && !change.active && change.userId === this.#userId;
    if (out || (change.type === "room" && change.deleted)) this.cursors.leave(change.roomId);
  }

  /**
   * The server turned us away, which socket.io-client takes as final. Mend the reason, then knock again.
   *
   * @param {{ code?: string, retryAfter?: number }} refusal
   */
  async #comeBack(refusal) {
    const wait = knockAfter(this.#refusals++, refusal);
    if (wantsToken(refusal)) {
      try {
        await this.#refresh();
      } catch {
        // The next attempt will tell.
      }
    }
    await pause(wait);
    if (!this.#socket.active) this.#socket.connect();
  }
}
