/**
 * What the page knows: who I am, my rooms, their messages and people. One place, changed by the server's word.
 *
 * Emits `rooms` when the list or a count in it changed, and `timeline`, `people`, `typing` with a room's id when
 * that part of the room did. Reading it is free of side effects; only the core's modules write.
 */

import { Emitter } from "../client/emitter.js";
import { Timeline } from "./timeline.js";

/** @typedef {import("./types.js").User} User */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").RoomListing} RoomListing */

export class Room {
  description = "";
  isPrivate = false;
  /** @type {string | null} */
  createdBy = null;
  /** Messages of others that I have not read; 1000 means 1000 or more. */
  unread = 0;
  /** Up to where I have read. */
  readSeq = 0;
  /** Messages up to this one are contained in `unread` already. */
  countedSeq = 0;
  /** Every change up to this number is known here, or concerns only what is not held. */
  cursor = 0;
  /** @type {Set<number>} numbers of changes that came before those in between */
  ahead = new Set();
  timeline = new Timeline();
  /** @type {"idle" | "loading" | "older"} */
  busy = "idle";
  /** @type {string} why loading failed, for people; empty when it did not */
  trouble = "";
  /** @type {number | null} where "new messages" begins: after this seq */
  dividerSeq = null;
  /** @type {Message | null} the newest message, also when the timeline is not loaded */
  latest = null;
  /** @type {string | null} */
  lastActivity = null;
  /** @type {Set<string>} ids of the members, once asked for */
  members = new Set();
  /** @type {Set<string>} ids of those connected now */
  here = new Set();
  /** @type {Map<string, number>} seq at which a member came, where it is known */
  cameAt = new Map();
  /** @type {Map<string, ReturnType<typeof setTimeout>>} who is typing, with the end of it */
  typing = new Map();
  /** What is written but not sent. */
  draft = "";
  /** The connection on which this room was joined last. */
  joinedOn = 0;

  /**
   * @param {string} roomId
   * @param {string} name
   */
  constructor(roomId, name) {
    this.roomId = roomId;
    this.name = name;
  }

  /** @param {string} myId */
  recount(myId) {
    const { messages } = this.timeline;
    this.unread = messages.filter((one) => one.seq > this.readSeq && one.userId !== myId && !one.deleted).length;
  }
}

export class Store extends Emitter {
  /** @type {User | null} */
  me = null;
  epoch = "";
  /** @type {Map<string, Room>} */
  rooms = new Map();
  /** @type {Map<string, User>} */
  users = new Map();
  /** @type {string | null} */
  openId = null;
  /** False until the server has said which rooms are mine. */
  ready = false;

  get myId() {
    return this.me?.userId ?? "";
  }

  get open() {
    return this.openId ? this.rooms.get(this.openId) : undefined;
  }

  /** @param {User | null} me */
  reset(me) {
    for (const room of this.rooms.values()) for (const timer of room.typing.values()) clearTimeout(timer);
    this.me = me;
    this.epoch = "";
    this.rooms.clear();
    this.users.clear();
    this.openId = null;
    this.ready = false;
    if (me) this.learn(me);
    this.emit("rooms");
  }

  /**
   * @param {string} roomId
   * @param {string} [name]
   */
  room(roomId, name) {
    let room = this.rooms.get(roomId);
    if (!room) {
      room = new Room(roomId, name ?? "");
      this.rooms.set(roomId, room);
    }
    if (name) room.name = name;
    return room;
  }

  /** @param {string} reference a room's id or name */
  find(reference) {
    return this.rooms.get(reference) ?? [...this.rooms.values()].find((room) => room.name === reference);
  }

  /** @returns {Room[]} by name, as people look for them */
  list() {
    return [...this.rooms.values()].sort((a, b) =>
      a.name.localeCompare(b.name, undefined, { sensitivity: "base", numeric: true }),
    );
  }

  /** @returns {number} unread in all rooms */
  get totalUnread() {
    let total = 0;
    for (const room of this.rooms.values()) total += room.unread;
    return total;
  }

  /** @param {RoomListing} listing */
  describe(listing) {
    const room = this.rooms.get(listing.roomId);
    if (!room) return;
    room.name = listing.name || room.name;
    room.description = listing.description ?? room.description;
    room.isPrivate = listing.isPrivate ?? room.isPrivate;
    room.createdBy = listing.createdBy ?? room.createdBy;
    room.lastActivity = listing.lastActivity ?? room.lastActivity;
    const { seq, unread } = listing;
    if (unread === undefined || unread === null || seq === undefined || seq < room.countedSeq || room.timeline.loaded)
      return;
    room.unread = unread;
    room.countedSeq = seq;
    room.readSeq = Math.max(room.readSeq, listing.readSeq ?? 0);
  }

  /** @param {string} roomId */
  remove(roomId) {
    if (!this.rooms.delete(roomId)) return;
    if (this.openId === roomId) this.openId = null;
    this.emit("rooms");
  }

  /**
   * Keep what is said about a person; what is not said stays as it was.
   *
   * @param {Partial<User> & { status?: any }} said
   * @returns {User | null}
   */
  learn(said) {
    if (!said?.userId) return null;
    const known = this.users.get(said.userId) ?? { userId: said.userId, username: said.username ?? "" };
    const status = typeof said.status === "object" && said.status ? said.status : { lastSeen: said.lastSeen };
    const online =
      said.online ?? status.online ?? (typeof said.status === "string" ? said.status === "online" : known.online);
    const user = {
      ...known,
      username: said.username ?? known.username,
      displayName: said.displayName ?? known.displayName,
      lastSeen: status.lastSeen ?? known.lastSeen,
      online,
    };
    this.users.set(user.userId, user);
    return user;
  }

  /**
   * @param {string} userId
   * @param {Partial<Message>} [message] one of theirs, for people who are not known otherwise
   */
  nameOf(userId, message) {
    const user = this.users.get(userId);
    return message?.displayName || user?.displayName || message?.username || user?.username || "Someone";
  }
}
