/**
 * Who is typing: said seldom, believed shortly.
 *
 * Outgoing: one word when it begins, again every few seconds while it lasts, one when it ends. Incoming: each
 * word is believed for a few seconds, so that a word lost leaves nobody typing for ever.
 */

/** @typedef {import("./store.js").Room} Room */
/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("./connection.js").Connection} Connection */

const REPEAT_MS = 2_500;
const PAUSE_MS = 4_000;
const BELIEVE_MS = 6_000;

export class Typing {
  #store;
  #connection;
  #roomId = "";
  #saidAt = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #end;

  /**
   * @param {Store} store
   * @param {Connection} connection
   */
  constructor(store, connection) {
    this.#store = store;
    this.#connection = connection;
  }

  /**
   * I have typed a character.
   *
   * @param {string} roomId
   */
  keystroke(roomId) {
    if (this.#roomId && this.#roomId !== roomId) this.stop();
    this.#roomId = roomId;
    clearTimeout(this.#end);
    this.#end = setTimeout(() => this.stop(), PAUSE_MS);
    if (Date.now() - this.#saidAt < REPEAT_MS) return;
    this.#saidAt = Date.now();
    this.#connection.mention("typing", { room: roomId, isTyping: true });
  }

  /** I have sent it, or left it. */
  stop() {
    clearTimeout(this.#end);
    if (this.#saidAt) this.#connection.mention("typing", { room: this.#roomId, isTyping: false });
    this.#roomId = "";
    this.#saidAt = 0;
  }

  /** @param {Room} room who typed there is not known any more */
  forget(room) {
    for (const userId of [...room.typing.keys()]) this.heard(room, userId, false);
  }

  /**
   * Somebody else types, or has stopped.
   *
   * @param {Room} room
   * @param {string} userId
   * @param {boolean} isTyping
   */
  heard(room, userId, isTyping) {
    if (userId === this.#store.myId) return;
    const was = room.typing.get(userId);
    clearTimeout(was);
    room.typing.delete(userId);
    if (isTyping)
      room.typing.set(
        userId,
        setTimeout(() => this.heard(room, userId, false), BELIEVE_MS),
      );
    if (isTyping !== (was !== undefined)) this.#store.emit("typing", room.roomId);
  }
}
