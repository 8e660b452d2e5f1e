/**
 * Telling the others how far I have received and read: the newest message only, a moment after it came to rest.
 *
 * Both are watermarks, so one word per room is enough however many messages it covers. What could not be said
 * is kept and said after the next connect.
 */

/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./connection.js").Connection} Connection */

const SETTLE_MS = 250;
const RETRY_MS = 3_000;

/** @typedef {{ id: string, seq: number }} Mark */

export class Receipts {
  #connection;
  /** @type {Map<string, Mark>} by room: to be said */
  #delivered = new Map();
  /** @type {Map<string, Mark>} */
  #read = new Map();
  /** @type {Map<string, number>} by room: said, or known to the server otherwise */
  #saidDelivered = new Map();
  /** @type {Map<string, number>} */
  #saidRead = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #busy = false;

  /** @param {Connection} connection */
  constructor(connection) {
    this.#connection = connection;
  }

  reset() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const map of [this.#delivered, this.#read, this.#saidDelivered, this.#saidRead]) map.clear();
  }

  /**
   * The server knows that this room is read up to here.
   *
   * @param {string} roomId
   * @param {number} readSeq
   */
  known(roomId, readSeq) {
    raise(this.#saidRead, roomId, readSeq);
    raise(this.#saidDelivered, roomId, readSeq);
  }

  /** @param {Message} message somebody else's, that has arrived here */
  arrived(message) {
    this.#want(this.#delivered, this.#saidDelivered, message);
  }

  /** @param {Message} message somebody else's, that was on the screen before my eyes */
  seen(message) {
    this.#want(this.#read, this.#saidRead, message);
  }

  /** Say what is waiting: after a connect. */
  flush() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#say();
  }

  /**
   * @param {Map<string, Mark>} wanted
   * @param {Map<string, number>} said
   * @param {Message} message
   */
  #want(wanted, said, message) {
    const { roomId, id, seq } = message;
    if (seq <= Math.max(said.get(roomId) ?? 0, wanted.get(roomId)?.seq ?? 0)) return;
    wanted.set(roomId, { id, seq });
    this.#timer ??= setTimeout(() => this.flush(), SETTLE_MS);
  }

  async #say() {
    if (this.#busy) return;
    this.#busy = true;
    let wait = SETTLE_MS;
    try {
      await this.#sayAll("message-read", this.#read, this.#saidRead);
      // Who has read has received: only what lies above needs a word of its own.
      for (const [roomId, mark] of this.#delivered) {
        if (mark.seq <= (this.#saidRead.get(roomId) ?? 0)) this.#delivered.delete(roomId);
      }
      await this.#sayAll("message-delivered", this.#delivered, this.#saidDelivered);
    } catch {
      wait = RETRY_MS;
    } finally {
      this.#busy = false;
    }
    const waiting = this.#read.size + this.#delivered.size > 0;
    if (waiting && this.#connection.online) this.#timer ??= setTimeout(() => this.flush(), wait);
  }

  /**
   * @param {string} event
   * @param {Map<string, Mark>} wanted
   * @param {Map<string, number>} said
   * @throws {Error} the server could not be told just now
   */
  async #sayAll(event, wanted, said) {
    for (const [roomId, mark] of [...wanted]) {
      if (!this.#connection.online) return;
      try {
        await this.#connection.request(event, { room: roomId, messageId: mark.id });
      } catch (/** @type {any} */ error) {
        // A refusal that stays one (the room is gone) is as good as said.
        if (error.retryable) throw error;
      }
      raise(said, roomId, mark.seq);
      if (wanted.get(roomId)?.seq === mark.seq) wanted.delete(roomId);
    }
  }
}

/**
 * @param {Map<string, number>} map
 * @param {string} key
 * @param {number} value
 */
function raise(map, key, value) {
  if (value > (map.get(key) ?? 0)) map.set(key, value);
}
