/**
 * Bringing a room's messages and people here: joining it, its last page, older pages, who is in it.
 *
 * A room is joined once on each connection, one room after another, so that a `message-history` belongs to the
 * join under way. What cannot be loaded leaves a sentence in `room.trouble` and is tried again when the room is
 * next entered, or the connection comes back.
 */

import { Failure } from "../client/failure.js";
import { here } from "./inbound.js";
import { pause } from "../client/platform.js";

/** @typedef {import("./store.js").Room} Room */
/** @typedef {import("./types.js").Message} Message */

const PAGE = 100;
const OLDER = 50;
/** Rooms with news whose newest message is fetched after a connect, so that it counts as delivered. */
const PEEK_ROOMS = 20;
const HISTORY_WAIT_MS = 3_000;

export class Loading {
  #api;
  #store;
  #connection;
  #receipts;
  #refresh;
  /** Counts connections. */
  #generation = 0;
  /** @type {Promise<unknown>} */
  #joins = Promise.resolve();
  /** @type {((page: Message[]) => void) | null} */
  #historyWanted = null;

  /**
   * @param {object} parts
   * @param {import("./api.js").Api} parts.api
   * @param {import("./store.js").Store} parts.store
   * @param {import("./connection.js").Connection} parts.connection
   * @param {import("./receipts.js").Receipts} parts.receipts
   * @param {(room: Room) => void} parts.refresh have `sync` bring this room up to date
   */
  constructor({ api, store, connection, receipts, refresh }) {
    this.#api = api;
    this.#store = store;
    this.#connection = connection;
    this.#receipts = receipts;
    this.#refresh = refresh;
    connection.on("ready", () => (this.#generation += 1));
    connection.on("message-history", (page) =>
      this.#historyWanted?.(Array.isArray(page) ? page : (page?.messages ?? [])),
    );
  }

  /** @param {Room} room join it on this connection, and have its messages and people here */
  async enter(room) {
    const current = room.joinedOn === this.#generation && room.timeline.loaded;
    if (room.busy === "loading" || !this.#connection.online) return;
    if (current && room.members.size > 0) return;
    if (!room.timeline.loaded) this.#setBusy(room, "loading");
    try {
      if (!current) await this.join(room.roomId);
      room.trouble = "";
      await this.people(room);
    } catch (error) {
      if (error instanceof Failure && error.code === "not_found") this.#store.remove(room.roomId);
      if (!room.timeline.loaded) room.trouble = sentence(error);
    }
    this.#setBusy(room, "idle");
  }

  /**
   * Become a member, or say on a new connection that I am one.
   *
   * @param {string} reference the room's id or name
   * @returns {Promise<Room>}
   * @throws {Failure}
   */
  join(reference) {
    const turn = this.#joins.then(() => this.#joinNow(reference));
    this.#joins = turn.catch(() => {});
    return turn;
  }

  /** @param {Room} room messages before the oldest that is held */
  async older(room) {
    const { timeline } = room;
    if (room.busy !== "idle" || timeline.atStart || !timeline.oldest) return;
    this.#setBusy(room, "older");
    try {
      const before = timeline.oldest.seq;
      const { data } = await this.#api.get(`rooms/${room.roomId}/messages`, { before, limit: OLDER });
      if (timeline.oldest?.seq === before) timeline.addPage(data, data.length < OLDER);
      room.trouble = "";
    } catch (error) {
      room.trouble = sentence(error);
    }
    this.#setBusy(room, "idle");
  }

  /**
   * @param {Room} room its members, and who of them is connected now
   * @throws {Failure}
   */
  async people(room) {
    const [members, connected] = await Promise.all([
      this.#api.list(`rooms/${room.roomId}/members`),
      this.#api.get(`rooms/${room.roomId}/users`),
    ]);
    room.members = new Set();
    for (const person of members) {
      this.#store.learn(person);
      room.members.add(person.userId);
      // Whoever came later was not given what was said before: receipts do not reach back beyond that.
      const earlier = room.timeline.messages.filter((one) => one.timestamp <= (person.joinedAt ?? ""));
      room.cameAt.set(person.userId, earlier[earlier.length - 1]?.seq ?? 0);
    }
    here(this.#store, room, connected.data);
  }

  /** Fetch the newest message of rooms with news: it is here then, and its sender is told so. */
  async peek() {
    const { rooms, open, myId } = this.#store;
    const news = [...rooms.values()].filter((room) => room.unread > 0 && !room.latest && room !== open);
    for (const room of news.slice(0, PEEK_ROOMS)) {
      const { data } = await this.#api.get(`rooms/${room.roomId}/messages`, { limit: 1 });
      const message = data[data.length - 1];
      if (!message) continue;
      room.latest ??= message;
      if (message.userId !== myId) this.#receipts.arrived(message);
    }
  }

  /**
   * @param {string} reference
   * @returns {Promise<Room>}
   */
  async #joinNow(reference) {
    const generation = this.#generation;
    const history = new Promise((/** @type {(page: Message[]) => void} */ take) => (this.#historyWanted = take));
    const reply = await this.#connection.request("join", { room: reference });
    const fresh = !this.#store.rooms.has(reply.roomId);
    const room = this.#store.room(reply.roomId, reply.room);
    const page = await this.#lastPage(room, history, reply.seq ?? 0);
    room.joinedOn = generation;
    room.timeline.addPage(page, !room.timeline.loaded && page.length < PAGE);
    room.latest = room.timeline.newest ?? room.latest;
    if (fresh) this.#firstSeen(room, page, reply);
    const other = page.filter((one) => one.userId !== this.#store.myId).pop();
    if (other) this.#receipts.arrived(other);
    this.#store.emit("timeline", room.roomId);
    return room;
  }

  /**
   * @param {Room} room
   * @param {Promise<Message[]>} history what the server sends after a join
   * @param {number} seq the room's counter
   * @returns {Promise<Message[]>}
   */
  async #lastPage(room, history, seq) {
    const given = await Promise.race([history, pause(HISTORY_WAIT_MS)]);
    if (given && (given.length === 0 ? seq === 0 : given[0].roomId === room.roomId)) return given;
    return (await this.#api.get(`rooms/${room.roomId}/messages`, { limit: PAGE })).data;
  }

  /**
   * A room that was not mine before this join.
   *
   * @param {Room} room
   * @param {Message[]} page
   * @param {{ seq?: number, unread?: number }} reply
   */
  #firstSeen(room, page, reply) {
    const seq = reply.seq ?? 0;
    room.unread = reply.unread ?? 0;
    room.countedSeq = seq;
    const others = page.filter((one) => one.userId !== this.#store.myId && !one.deleted);
    room.readSeq = room.unread > 0 ? (others[others.length - room.unread - 1]?.seq ?? 0) : seq;
    // The page shows the room at `seq`. Events that came since then found no room here to go to.
    room.cursor = seq;
    this.#refresh(room);
    this.#store.emit("rooms");
  }

  /**
   * @param {Room} room
   * @param {"idle" | "loading" | "older"} busy
   */
  #setBusy(room, busy) {
    room.busy = busy;
    this.#store.emit("timeline", room.roomId);
  }
}

/** @param {unknown} error */
function sentence(error) {
  return error instanceof Error ? error.message : "Something went wrong.";
}
