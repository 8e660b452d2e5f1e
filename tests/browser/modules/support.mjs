/** Small stand-ins for what lies around the modules: a store of strings, a lock, a promise one settles by hand. */

import { memoryStorage } from "../../../src/hubbub/web/js/client/platform.js";

export { memoryStorage };

/** @returns {{ promise: Promise<any>, resolve: (value?: any) => void, reject: (error: Error) => void }} */
export function deferred() {
  /** @type {any} */
  const one = {};
  one.promise = new Promise((resolve, reject) => Object.assign(one, { resolve, reject }));
  return one;
}

/** Let everything that is ready run. */
export async function settle() {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
}

/** A lock as between tabs, for sessions that share it. */
export function sharedLock() {
  /** @type {Promise<unknown>} */
  let last = Promise.resolve();
  return (/** @type {string} */ _name, /** @type {() => Promise<any>} */ work) => {
    const turn = last.then(work);
    last = turn.catch(() => {});
    return turn;
  };
}

/**
 * Numbers that look random and come again with the same seed.
 *
 * @param {number} seed
 * @returns {(below: number) => number}
 */
export function dice(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** @returns {number} the seed of this run, printed so that a failure can be had again */
export function seed() {
  const chosen = Number(process.env.HUBBUB_SEED) || Date.now() & 0x7fffffff;
  console.log(`HUBBUB_SEED=${chosen}`);
  return chosen;
}

/** A room as the server keeps it: numbered changes, of which `sync` gives the present state. */
export class RoomOnServer {
  counter = 0;
  /** @type {Map<string, any>} */
  messages = new Map();

  /** @param {string} roomId */
  constructor(roomId = "r") {
    this.roomId = roomId;
  }

  /**
   * @param {string} text
   * @returns {["receive-message", any]}
   */
  write(text) {
    const seq = (this.counter += 1);
    const message = {
      id: `${this.roomId}${seq}`,
      seq,
      changeSeq: seq,
      room: this.roomId,
      roomId: this.roomId,
      userId: "ada",
      username: "ada",
      message: text,
      timestamp: "2026-11-22T10:00:00.000Z",
    };
    this.messages.set(message.id, message);
    return ["receive-message", message];
  }

  /**
   * @param {string} id
   * @param {boolean} gone
   * @returns {["message-updated" | "message-deleted", any]}
   */
  change(id, gone) {
    const changeSeq = (this.counter += 1);
    const message = { ...this.messages.get(id), changeSeq, message: gone ? "" : `edit ${changeSeq}`, deleted: gone };
    this.messages.set(id, message);
    if (!gone) return ["message-updated", message];
    const { seq, room, roomId } = message;
    return ["message-deleted", { id, messageId: id, seq, changeSeq, room, roomId }];
  }

  /**
   * @param {number} number
   * @param {number} size
   */
  since(number, size) {
    const all = [...this.messages.values()]
      .filter((one) => one.changeSeq > number)
      .sort((a, b) => a.changeSeq - b.changeSeq);
    const changes = all.slice(0, size).map((one) => ({ type: "message", ...one }));
    const more = all.length > size;
    return { room: this.roomId, changes, upTo: more ? changes[size - 1].changeSeq : this.counter, more };
  }
}
