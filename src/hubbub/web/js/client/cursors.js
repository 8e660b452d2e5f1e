/**
 * A cursor per room: every change once, in the room's order, through any absence.
 *
 * Each room numbers its changes without gaps. A cursor says up to which number the application has been told.
 * What comes live with the next number is told at once; what comes while a room is being caught up waits; and
 * where numbers are missing, after an absence or a loss, `sync` is asked for the present state of what changed.
 * What a page of `sync` covers already is not told again when it comes live.
 *
 * Emits:
 * - `change` `{roomId, type, event?, …}`: a message, member or room in its present state, as `sync` gives it;
 *   `event` names the server's event where it came live;
 * - `room` `{roomId, room, seq}`: a room that was not followed before; load its history up to `seq` if you want it;
 * - `lost` with the room's id: it is no longer this person's;
 * - `reset` with the room's id: the past cannot be told piece by piece (a restored backup); load the room afresh;
 * - `caught-up` with the room's id: all that was missed has been told.
 */

import { Emitter } from "./emitter.js";
import { pause } from "./platform.js";

/** What the server says with a room's number, and what each is in the words of `sync`. */
export const NUMBERED = /** @type {const} */ ({
  "receive-message": { type: "message" },
  "message-updated": { type: "message" },
  "message-deleted": { type: "message", deleted: true, message: "" },
  "user-joined": { type: "member", active: true },
  "user-left": { type: "member", active: false },
  "room-updated": { type: "room" },
});

/** `ready` names at most this many rooms; with fewer, one that it does not name is not this person's. */
const READY_ROOMS = 500;
/** What one `sync` may ask for. */
const SYNC_ROOMS = 500;
/** Live changes that wait while a room is caught up; more are left for `sync` to bring. */
const WAITING_MAX = 1_000;
/** How long cursors wait to be written down. */
const KEEP_MS = 100;
const RETRY_MS = [250, 1_000, 2_000, 4_000, 8_000];

/**
 * @typedef {object} Place
 * @property {number} at the cursor
 * @property {Map<number, object>} waiting changes that came live and have a number beyond the next, by it
 */

export class Cursors extends Emitter {
  #request;
  #storage;
  #key = "";
  #epoch = "";
  /** @type {Map<string, Place>} */
  #rooms = new Map();
  /** Rooms that are to be asked for. */
  #behind = new Set();
  /** Counts connections: an answer to an earlier one is not applied. */
  #generation = 0;
  #online = false;
  #asking = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #writing;

  /**
   * @param {(event: string, data: object) => Promise<any>} request asks the server; rejects with a Failure
   * @param {import("./platform.js").Storage | null} storage where cursors are kept; null: for as long as this lives
   */
  constructor(request, storage) {
    super();
    this.#request = request;
    this.#storage = storage;
  }

  /**
   * Take up where this person's cursors stood.
   *
   * @param {string} userId
   */
  use(userId) {
    const key = `hubbub.cursors.${userId}`;
    if (key === this.#key) return;
    clearTimeout(this.#writing);
    this.#writing = undefined;
    this.#key = key;
    this.#rooms.clear();
    this.#epoch = "";
    try {
      const kept = JSON.parse(this.#storage?.getItem(key) ?? "{}");
      this.#epoch = kept.epoch ?? "";
      for (const [roomId, at] of Object.entries(kept.rooms ?? {})) this.#rooms.set(roomId, place(at));
    } catch {
      this.#storage?.removeItem(key);
    }
  }

  /**
   * @param {string} roomId
   * @returns {number | undefined} the number up to which the room has been told
   */
  at(roomId) {
    return this.#rooms.get(roomId)?.at;
  }

  /** The connection is down; what is under way is asked for again after the next `ready`. */
  pause() {
    this.#online = false;
    this.#generation += 1;
    for (const one of this.#rooms.values()) one.waiting.clear();
  }

  /**
   * The server's first word after each connect.
   *
   * @param {{ epoch: string, rooms: { roomId: string, room: string, seq: number }[] }} detail
   */
  ready({ epoch, rooms }) {
    this.pause();
    this.#online = true;
    this.#behind.clear();
    const isAnother = this.#epoch !== epoch;
    this.#epoch = epoch;
    const named = new Set(rooms.map(({ roomId }) => roomId));
    for (const roomId of [...this.#rooms.keys()]) {
      if (named.has(roomId)) continue;
      if (rooms.length < READY_ROOMS) this.#lose(roomId);
      else if (isAnother) this.#reset(roomId, null);
      else this.#behind.add(roomId);
    }
    for (const { roomId, room, seq } of rooms) {
      const known = this.#rooms.get(roomId);
      if (!known) this.#begin(roomId, room, seq);
      else if (isAnother || known.at > seq) this.#reset(roomId, seq);
      else if (known.at < seq) this.#behind.add(roomId);
    }
    this.#keep();
    this.#ask();
  }

  /**
   * One of the server's events with a number.
   *
   * @param {keyof typeof NUMBERED} event
   * @param {any} detail
   */
  heard(event, detail) {
    const { roomId, changeSeq } = detail;
    if (typeof changeSeq !== "number") return; // coming on-line in a room is no change of it
    // A room that was not followed: entered while connected, or one of more than `ready` names.
    const known = this.#rooms.get(roomId) ?? this.#begin(roomId, detail.room, changeSeq - 1);
    if (changeSeq <= known.at || known.waiting.size >= WAITING_MAX) return;
    known.waiting.set(changeSeq, { ...detail, ...NUMBERED[event], event });
    if (!this.#behind.has(roomId)) this.#drain(roomId, known);
  }

  /**
   * This person is no longer a member.
   *
   * @param {string} roomId
   */
  leave(roomId) {
    if (this.#rooms.has(roomId)) this.#lose(roomId);
    this.#keep();
  }

  /**
   * Tell what waits and comes next; ask for what is missing before the rest.
   *
   * @param {string} roomId
   * @param {Place} known
   */
  #drain(roomId, known) {
    for (let next; (next = known.waiting.get(known.at + 1)); ) {
      known.at += 1;
      known.waiting.delete(known.at);
      this.emit("change", next);
      if (this.#rooms.get(roomId) !== known) return; // the application, or the change itself, let go of it
    }
    for (const number of known.waiting.keys()) if (number <= known.at) known.waiting.delete(number);
    this.#keep();
    if (known.waiting.size > 0) {
      this.#behind.add(roomId);
      this.#ask();
    }
  }

  /** Ask for all rooms that are behind, page after page, until none is. */
  async #ask() {
    if (this.#asking) return;
    this.#asking = true;
    for (let tries = 0; this.#online && this.#behind.size > 0; ) {
      const generation = this.#generation;
      const some = [...this.#behind].slice(0, SYNC_ROOMS);
      const rooms = Object.fromEntries(some.map((roomId) => [roomId, this.#rooms.get(roomId)?.at ?? 0]));
      try {
        const reply = await this.#request("sync", { epoch: this.#epoch, rooms });
        if (generation !== this.#generation) continue;
        for (const roomId of some) this.#take(roomId, reply.rooms?.[roomId]);
        this.#keep();
        tries = 0;
      } catch (error) {
        if (generation !== this.#generation) continue;
        if (/** @type {any} */ (error)?.code === "resync_required") for (const roomId of some) this.#reset(roomId, null);
        else await pause(RETRY_MS[Math.min(tries++, RETRY_MS.length - 1)] * (0.75 + Math.random() / 2));
      }
    }
    this.#asking = false;
  }

  /**
   * @param {string} roomId
   * @param {{ changes: any[], upTo: number, more: boolean } | undefined} page
   */
  #take(roomId, page) {
    const known = this.#rooms.get(roomId);
    if (!known || !page) {
      this.#behind.delete(roomId);
      if (known) this.#lose(roomId);
      return;
    }
    for (const change of page.changes) {
      this.emit("change", { roomId, ...change });
      if (this.#rooms.get(roomId) !== known) return;
    }
    known.at = Math.max(known.at, page.upTo);
    if (page.more) return;
    this.#behind.delete(roomId);
    this.#drain(roomId, known);
    if (!this.#behind.has(roomId)) this.emit("caught-up", roomId);
  }

  /**
   * @param {string} roomId
   * @param {string} room
   * @param {number} seq
   * @returns {Place}
   */
  #begin(roomId, room, seq) {
    const begun = place(seq);
    this.#rooms.set(roomId, begun);
    this.emit("room", { roomId, room, seq });
    return begun;
  }

  /** @param {string} roomId */
  #lose(roomId) {
    this.#rooms.delete(roomId);
    this.#behind.delete(roomId);
    this.emit("lost", roomId);
  }

  /**
   * @param {string} roomId
   * @param {number | null} seq from where it goes on; null: the next `ready` will say
   */
  #reset(roomId, seq) {
    this.#behind.delete(roomId);
    if (seq === null) this.#rooms.delete(roomId);
    else this.#rooms.set(roomId, place(seq));
    this.emit("reset", roomId);
  }

  /** Soon; whoever reads an older place is told again what they know, and sees it by `changeSeq`. */
  #keep() {
    if (!this.#storage || !this.#key || this.#writing) return;
    this.#writing = setTimeout(() => {
      this.#writing = undefined;
      const rooms = Object.fromEntries([...this.#rooms].map(([roomId, { at }]) => [roomId, at]));
      this.#storage?.setItem(this.#key, JSON.stringify({ epoch: this.#epoch, rooms }));
    }, KEEP_MS);
  }
}

/**
 * @param {number} at
 * @returns {Place}
 */
function place(at) {
  return { at, waiting: new Map() };
}
