/**
 * The client of one person: what a page may ask for, over the store it shows.
 *
 * Composes session, socket, store, outbox and sync. It touches no document, so that another application may
 * build its own face on it. Every command either succeeds, or throws a `Failure` with a sentence for people.
 */

import { Connection } from "./connection.js";
import { applyChange, listen } from "./inbound.js";
import { Loading } from "./loading.js";
import { Outbox } from "../client/outbox.js";
import { uuid } from "../client/platform.js";
import { Receipts } from "./receipts.js";
import { Store } from "./store.js";
import { Sync } from "./sync.js";
import { Typing } from "./typing.js";

/** @typedef {import("./store.js").Room} Room */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").ReadyRoom} ReadyRoom */
/** @typedef {import("./types.js").RoomListing} RoomListing */

/** What a room keeps when another is opened. */
const KEEP = 200;
/** The most rooms `ready` lists; with fewer, a room it does not name is not mine. */
const READY_ROOMS = 500;

export class Chat {
  #api;
  #session;
  /** @type {Map<string, ReturnType<typeof setTimeout>>} */
  #soon = new Map();

  /**
   * @param {object} parts
   * @param {import("./api.js").Api} parts.api
   * @param {import("./session.js").Session} parts.session
   * @param {import("./types.js").Storage} parts.storage
   * @param {URL} parts.url
   * @param {(url: string, options: object) => any} parts.io
   */
  constructor({ api, session, storage, url, io }) {
    this.#api = api;
    this.#session = session;
    this.store = new Store();
    this.connection = new Connection(io, url, session);
    this.outbox = new Outbox(storage, (entry) => this.#send(entry));
    this.receipts = new Receipts(this.connection);
    this.typing = new Typing(this.store, this.connection);
    /** Whether the person is looking at the page; set by whoever knows. */
    this.watched = false;
    this.loading = new Loading({
      api,
      store: this.store,
      connection: this.connection,
      receipts: this.receipts,
      refresh: (room) => this.sync.refresh(room),
    });
    /** @type {import("./inbound.js").Parts} */
    const parts = {
      store: this.store,
      receipts: this.receipts,
      typing: this.typing,
      outbox: this.outbox,
      sync: new Sync(this.store, this.connection, {
        apply: (room, change) => applyChange(parts, room, change),
        reload: (room) => this.#reload(room),
        lost: (room) => this.store.remove(room.roomId),
      }),
      attentive: (room) => this.watched && this.store.openId === room.roomId,
      people: (room) => this.#peopleChanged(room),
      refreshRooms: () => this.#later("rooms", () => this.refreshRooms()),
    };
    this.sync = parts.sync;
    listen(this.connection, parts);
    this.connection.on("ready", (detail) => this.#ready(detail));
    this.connection.on("state", (state) => {
      if (state === "online") return;
      this.outbox.close();
      for (const room of this.store.rooms.values()) this.typing.forget(room);
    });
    this.outbox.on("stored", ({ entry, reply }) => this.#stored(entry, reply));
    this.outbox.on("change", (roomId) => this.store.emit("timeline", roomId));
    session.on("change", () => this.#personChanged());
  }

  /** Begin, if somebody is signed in already. */
  start() {
    if (this.#session.user) this.#personChanged();
  }

  /**
   * Show a room: its last messages, and who is in it.
   *
   * @param {string} roomId
   */
  open(roomId) {
    const room = this.store.rooms.get(roomId);
    if (!room) return;
    const before = this.store.open;
    if (before && before !== room) before.timeline.trim(KEEP);
    this.store.openId = roomId;
    if (before !== room) room.dividerSeq = room.unread > 0 ? room.readSeq : null;
    this.store.emit("rooms");
    this.loading.enter(room);
  }

  close() {
    this.store.openId = null;
    this.store.emit("rooms");
  }

  /**
   * @param {Room} room
   * @param {string} text
   */
  send(room, text) {
    this.typing.stop();
    room.dividerSeq = null;
    this.outbox.add(room.roomId, text);
  }

  /**
   * @param {Message} message
   * @param {string} text
   * @throws {Failure}
   */
  async edit(message, text) {
    await this.connection.request("edit-message", { id: message.id, room: message.roomId, message: text });
  }

  /**
   * @param {Message} message
   * @throws {Failure}
   */
  async remove(message) {
    await this.connection.request("delete-message", { id: message.id, room: message.roomId });
  }

  /**
   * @param {Message} message
   * @returns {Promise<any[]>} its earlier texts, oldest first
   * @throws {Failure}
   */
  async editsOf(message) {
    return (await this.#api.get(`messages/${message.id}/history`)).data;
  }

  /**
   * The newest of somebody else's messages that is on the screen, before the person's eyes.
   *
   * @param {Room} room
   * @param {Message} message
   */
  seen(room, message) {
    if (message.seq <= room.readSeq) return;
    room.readSeq = message.seq;
    room.recount(this.store.myId);
    this.receipts.seen(message);
    this.store.emit("rooms");
  }

  /**
   * Public rooms, mine among them.
   *
   * @returns {Promise<RoomListing[]>}
   * @throws {Failure}
   */
  async browse() {
    return this.#api.list("rooms");
  }

  /**
   * @param {{ name: string, description: string, isPrivate: boolean }} wish
   * @param {string} key the same key never makes a second room
   * @returns {Promise<Room>}
   * @throws {Failure}
   */
  async createRoom(wish, key = uuid()) {
    const reply = await this.#api.request("POST", "rooms", { body: wish, idempotencyKey: key });
    return this.join(reply.data.roomId);
  }

  /**
   * Become a member.
   *
   * @param {string} reference the room's id or name
   * @returns {Promise<Room>}
   * @throws {Failure}
   */
  async join(reference) {
    const room = await this.loading.join(reference);
    this.#later("rooms", () => this.refreshRooms());
    return room;
  }

  /**
   * People by the beginning of a name.
   *
   * @param {string} words
   * @returns {Promise<import("./types.js").User[]>}
   * @throws {Failure}
   */
  async searchPeople(words) {
    return (await this.#api.get("users/search", { q: words, limit: 20 })).results;
  }

  /**
   * Let somebody into a room of mine.
   *
   * @param {Room} room
   * @param {string} userId
   * @throws {Failure}
   */
  async addPerson(room, userId) {
    await this.#api.post(`rooms/${room.roomId}/members`, { userId });
    this.#peopleChanged(room);
  }

  /**
   * Stop being a member.
   *
   * @param {Room} room
   * @throws {Failure}
   */
  async leave(room) {
    await this.#api.post(`rooms/${room.roomId}/leave`, {});
    this.store.remove(room.roomId);
  }

  /** Names and descriptions of my rooms, and those that came meanwhile. */
  async refreshRooms() {
    for (const listing of await this.browse()) {
      const isNew = listing.member && !this.store.rooms.has(listing.roomId);
      if (isNew) await this.loading.join(listing.roomId).catch(() => {});
      this.store.describe(listing);
    }
    this.store.emit("rooms");
  }

  async signOut() {
    this.outbox.discardAll();
    this.connection.stop();
    this.#notAnyMore();
    await this.#session.logout();
  }

  #personChanged() {
    const { user } = this.#session;
    this.connection.stop();
    this.sync.reset();
    this.receipts.reset();
    this.typing.stop();
    this.#notAnyMore();
    this.outbox.use(user?.userId ?? null);
    this.store.reset(user);
    if (user) this.connection.start();
  }

  /** @param {{ user?: import("./types.js").User, epoch: string, rooms: ReadyRoom[] }} detail */
  #ready(detail) {
    const { store } = this;
    if (detail.user) store.learn(detail.user);
    const counters = new Map(detail.rooms.map((one) => [one.roomId, one.seq]));
    if (store.epoch && store.epoch !== detail.epoch) {
      // The database is of another time: what was remembered means nothing any more.
      this.receipts.reset();
      for (const room of store.rooms.values()) {
        room.timeline.clear();
        Object.assign(room, { readSeq: 0, countedSeq: 0, cursor: 0, latest: null, dividerSeq: null, joinedOn: 0 });
      }
    }
    store.epoch = detail.epoch;
    store.ready = true;
    if (detail.rooms.length < READY_ROOMS) {
      for (const room of [...store.rooms.values()]) if (!counters.has(room.roomId)) store.remove(room.roomId);
    }
    for (const one of detail.rooms) {
      const room = store.room(one.roomId, one.room);
      room.isPrivate = one.isPrivate ?? room.isPrivate;
      room.countedSeq = Math.max(room.countedSeq, one.seq);
      this.receipts.known(room.roomId, one.readSeq);
      // Read here while away, and about to be said: the server's older count would flicker.
      if (room.readSeq > one.readSeq && room.timeline.loaded) continue;
      room.readSeq = one.readSeq;
      room.unread = one.unread;
    }
    store.emit("rooms");
    this.outbox.open();
    this.receipts.flush();
    this.sync.catchUp(counters).then(() => store.open && this.loading.enter(store.open));
    this.#later("rooms", () => this.refreshRooms());
    this.#later("peek", () => this.loading.peek());
  }

  /** @param {Room} room forget what is held, and load the last page when it is looked at */
  #reload(room) {
    room.timeline.clear();
    room.joinedOn = 0;
    this.store.emit("timeline", room.roomId);
    if (room === this.store.open) this.loading.enter(room);
  }

  /** @param {Room} room somebody came or went: ask again now, or when the room is opened */
  #peopleChanged(room) {
    if (room === this.store.open) this.#later(`people ${room.roomId}`, () => this.loading.people(room));
    else room.members = new Set();
  }

  /** @param {import("./types.js").Outgoing} entry */
  #send(entry) {
    return this.connection.request("send-message", {
      room: entry.roomId,
      message: entry.text,
      clientId: entry.clientId,
    });
  }

  /**
   * Acknowledged: it has its place. The same message comes by broadcast too, and changes nothing more.
   *
   * @param {import("./types.js").Outgoing} entry
   * @param {{ id: string, seq: number, timestamp?: string }} reply
   */
  #stored(entry, reply) {
    const room = this.store.rooms.get(entry.roomId);
    const { me } = this.store;
    if (!room || !me || !reply.id || !reply.seq || !room.timeline.loaded) return;
    room.timeline.merge({
      id: reply.id,
      seq: reply.seq,
      changeSeq: reply.seq,
      room: room.name,
      roomId: room.roomId,
      userId: me.userId,
      username: me.username,
      displayName: me.displayName,
      message: entry.text,
      timestamp: reply.timestamp ?? new Date(entry.at).toISOString(),
      clientId: entry.clientId,
      deliveredTo: [],
      readBy: [],
    });
  }

  /** Forget what was to be done in a moment. */
  #notAnyMore() {
    for (const timer of this.#soon.values()) clearTimeout(timer);
    this.#soon.clear();
  }

  /**
   * Do this in a moment, once, however often it is asked for; what fails is done again when it is next asked for.
   *
   * @param {string} key
   * @param {() => Promise<void>} work
   */
  #later(key, work) {
    if (this.#soon.has(key)) return;
    this.#soon.set(
      key,
      setTimeout(() => {
        this.#soon.delete(key);
        work().catch(() => {});
      }, 150),
    );
  }
}
