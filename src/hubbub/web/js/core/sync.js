/**
 * No change lost, none applied twice: the numbers of each room's changes, and asking for those that are missing.
 *
 * A room numbers its changes without gaps. While connected they arrive in order and move the room's `cursor`
 * one by one; a number that is skipped shows a loss at once. After an absence the cursors are compared with what
 * `ready` says, and `sync` brings the present state of whatever changed meanwhile, page by page. Why this is not
 * `client/cursors.js`: docs/decisions/0021-two-cursors.md.
 */

import { Failure } from "../client/failure.js";
import { pause } from "../client/platform.js";

/** @typedef {import("./store.js").Room} Room */
/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("./connection.js").Connection} Connection */

/** Whoever missed more than this loads the room's last page afresh: cheaper than the whole story. */
const TOO_FAR = 1_000;
/** How long a skipped number may still arrive by itself. */
const GAP_MS = 400;

/**
 * @typedef {object} Effects what syncing does to the rest
 * @property {(room: Room, change: any) => void} apply one change, in its present state
 * @property {(room: Room) => void} reload forget the room's messages and load the last page
 * @property {(room: Room) => void} lost the room is no longer mine
 */

export class Sync {
  #store;
  #connection;
  #effects;
  /** Counts connections: an answer to an earlier one is not applied. */
  #generation = 0;
  /** @type {Map<string, ReturnType<typeof setTimeout>>} */
  #gaps = new Map();

  /**
   * @param {Store} store
   * @param {Connection} connection
   * @param {Effects} effects
   */
  constructor(store, connection, effects) {
    this.#store = store;
    this.#connection = connection;
    this.#effects = effects;
  }

  /** Forget everything under way: signed out, or a new connection. */
  reset() {
    this.#generation += 1;
    for (const timer of this.#gaps.values()) clearTimeout(timer);
    this.#gaps.clear();
  }

  /**
   * A change came by itself, with its number.
   *
   * @param {Room} room
   * @param {number | undefined} changeSeq
   */
  note(room, changeSeq) {
    if (!changeSeq || changeSeq <= room.cursor) return;
    room.ahead.add(changeSeq);
    this.#advance(room, room.cursor);
    if (room.ahead.size > 0) this.doubt(room);
  }

  /**
   * Something is missing here: ask soon, unless it comes by itself.
   *
   * @param {Room} room
   */
  doubt(room) {
    if (this.#gaps.has(room.roomId)) return;
    const { cursor } = room;
    const look = () => {
      this.#gaps.delete(room.roomId);
      if (room.ahead.size > 0 || room.cursor === cursor) this.#repair(room);
    };
    this.#gaps.set(room.roomId, setTimeout(look, GAP_MS));
  }

  /**
   * After `ready`: bring every room that is held up to date. Resolves when that is done, or is overtaken.
   *
   * @param {Map<string, number>} counters each room's counter, as `ready` gave it
   */
  async catchUp(counters) {
    this.reset();
    const generation = this.#generation;
    /** @type {Room[]} */
    const behind = [];
    for (const room of this.#store.rooms.values()) {
      const counter = counters.get(room.roomId) ?? room.cursor;
      room.ahead.clear();
      if (!room.timeline.loaded) room.cursor = counter;
      else if (counter - room.cursor > TOO_FAR || counter < room.cursor) {
        room.cursor = counter;
        this.#effects.reload(room);
      } else if (counter > room.cursor) behind.push(room);
    }
    await this.#fetch(behind, generation);
  }

  /**
   * Ask for one room, whatever `ready` said.
   *
   * @param {Room} room
   */
  async refresh(room) {
    await this.#fetch([room], this.#generation);
  }

  /** @param {Room} room */
  #repair(room) {
    if (room.timeline.loaded) this.#fetch([room], this.#generation);
    else this.#advance(room, Math.max(room.cursor, ...room.ahead));
  }

  /**
   * @param {Room} room
   * @param {number} cursor
   */
  #advance(room, cursor) {
    room.cursor = Math.max(room.cursor, cursor);
    for (const number of room.ahead) if (number <= room.cursor) room.ahead.delete(number);
    while (room.ahead.delete(room.cursor + 1)) room.cursor += 1;
  }

  /**
   * @param {Room[]} rooms
   * @param {number} generation
   */
  async #fetch(rooms, generation) {
    let wanted = rooms;
    let tries = 0;
    while (wanted.length > 0 && generation === this.#generation) {
      try {
        const cursors = Object.fromEntries(wanted.map((room) => [room.roomId, room.cursor]));
        const reply = await this.#connection.request("sync", { epoch: this.#store.epoch, rooms: cursors });
        if (generation !== this.#generation) return;
        wanted = wanted.filter((room) => this.#take(room, reply.rooms?.[room.roomId]));
        tries = 0;
      } catch (error) {
        if (generation !== this.#generation) return;
        if (error instanceof Failure && !error.retryable) {
          for (const room of wanted) this.#effects.reload(room);
          return;
        }
        if (!this.#connection.online) return;
        await pause(Math.min(500 * 2 ** tries++, 8_000));
      }
    }
  }

  /**
   * @param {Room} room
   * @param {{ success?: boolean, code?: string, changes?: any[], upTo?: number, more?: boolean } | undefined} part
   * @returns {boolean} whether there is more to fetch
   */
  #take(room, part) {
    if (!part || part.success === false) {
      if (part?.code === "resync_required") this.#effects.reload(room);
      else this.#effects.lost(room);
      return false;
    }
    for (const change of part.changes ?? []) this.#effects.apply(room, change);
    const before = room.cursor;
    this.#advance(room, part.upTo ?? room.cursor);
    return part.more === true && room.cursor > before;
  }
}
