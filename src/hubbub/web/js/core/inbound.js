/**
 * The server's words, one function each: what they change in the store.
 *
 * Every event may come twice, late, or be overtaken by `sync`; messages are therefore merged by `changeSeq`, and
 * people's receipts and presence only ever replaced by what is newer. Emits nothing to the server but receipts.
 */

/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./store.js").Room} Room */
/** @typedef {import("./store.js").Store} Store */

/**
 * @typedef {object} Parts
 * @property {Store} store
 * @property {import("./sync.js").Sync} sync
 * @property {import("./receipts.js").Receipts} receipts
 * @property {import("./typing.js").Typing} typing
 * @property {import("../client/outbox.js").Outbox} outbox
 * @property {(room: Room) => boolean} attentive whether the person is looking at this room
 * @property {(room: Room) => void} people ask for the room's people again, soon
 * @property {() => void} refreshRooms ask for the list of rooms again, soon
 */

/**
 * @param {import("./connection.js").Connection} connection
 * @param {Parts} parts
 */
export function listen(connection, parts) {
  const { store } = parts;
  /**
   * @param {string} name
   * @param {(room: Room, detail: any) => void} handle
   */
  const inRoom = (name, handle) =>
    connection.on(name, (detail) => {
      const room = store.rooms.get(detail?.roomId) ?? store.find(detail?.room);
      if (room) handle(room, detail);
    });

  connection.on("receive-message", (/** @type {Message} */ message) => {
    const room = store.rooms.get(message.roomId);
    if (room) received(parts, room, message);
    else parts.refreshRooms();
  });
  inRoom("message-updated", (room, detail) => changed(parts, room, detail));
  inRoom("message-deleted", (room, detail) => changed(parts, room, { ...detail, deleted: true, message: "" }));
  inRoom("message-status-update", (room, detail) => {
    mark(parts, room, "deliveredTo", [detail.deliveredBy, ...(detail.deliveredTo ?? [])], detail);
  });
  inRoom("message-read-update", (room, detail) => {
    mark(parts, room, "readBy", [detail.readByUser, ...(detail.readBy ?? [])], detail);
  });
  inRoom("messages-marked-read", (room, detail) => {
    mark(parts, room, "readBy", [detail.readBy], detail);
  });
  connection.on("user-joined", (detail) => {
    // Let in by somebody, or joined on another device: a room that was not mine until now.
    if (detail.userId === store.myId && !store.rooms.has(detail.roomId)) parts.refreshRooms();
  });
  inRoom("user-joined", (room, detail) => {
    parts.sync.note(room, detail.changeSeq);
    // With a number somebody has become a member, wherever they are; without one a member is here.
    if (detail.changeSeq) parts.people(room);
    else room.here.add(detail.userId);
    store.learn({ ...detail, ...(detail.changeSeq ? {} : { online: true }) });
    store.emit("people", room.roomId);
  });
  inRoom("user-left", (room, detail) => {
    parts.sync.note(room, detail.changeSeq);
    room.here.delete(detail.userId);
    parts.typing.heard(room, detail.userId, false);
    if (detail.changeSeq && detail.userId === store.myId) {
      store.remove(room.roomId);
      return;
    }
    if (detail.changeSeq) parts.people(room);
    store.emit("people", room.roomId);
  });
  inRoom("user-typing", (room, detail) => {
    store.learn({ userId: detail.userId, username: detail.username, displayName: detail.displayName });
    parts.typing.heard(room, detail.userId, Boolean(detail.isTyping));
  });
  connection.on("room-users", (detail) => {
    const list = Array.isArray(detail) ? detail : (detail?.users ?? []);
    const reference = detail?.roomId ?? list[0]?.roomId ?? list[0]?.room;
    const room = reference ? store.find(reference) : undefined;
    if (room) here(store, room, list);
  });
  connection.on("user-status-update", (detail) => {
    store.learn(detail);
    for (const room of store.rooms.values()) {
      if (detail.online === false && (!detail.roomId || detail.roomId === room.roomId)) room.here.delete(detail.userId);
      if (room.here.has(detail.userId) || room.members.has(detail.userId)) store.emit("people", room.roomId);
    }
  });
  inRoom("room-updated", (room, detail) => {
    parts.sync.note(room, detail.changeSeq);
    if (detail.deleted) store.remove(room.roomId);
    else store.describe(detail);
    store.emit("rooms");
  });
}

/**
 * One change out of `sync`.
 *
 * @param {Parts} parts
 * @param {Room} room
 * @param {any} change
 */
export function applyChange(parts, room, change) {
  const { store } = parts;
  if (change.type === "message") {
    const message = asMessage(room, change);
    if (message) place(parts, room, message);
  } else if (change.type === "member") {
    store.learn(change);
    if (!change.active && change.userId === store.myId) store.remove(room.roomId);
    else parts.people(room);
  } else if (change.type === "room") {
    store.describe({ ...change, name: change.room });
    store.emit("rooms");
  }
}

/**
 * Those connected now, the whole list.
 *
 * @param {Store} store
 * @param {Room} room
 * @param {any[]} list
 */
export function here(store, room, list) {
  room.here = new Set();
  for (const person of list) {
    const user = store.learn({ online: true, ...person });
    if (user?.online) room.here.add(user.userId);
  }
  store.emit("people", room.roomId);
}

/**
 * @param {Parts} parts
 * @param {Room} room
 * @param {Message} message
 */
function received(parts, room, message) {
  const { store } = parts;
  const mine = message.userId === store.myId;
  const last = room.timeline.newest?.seq ?? 0;
  parts.sync.note(room, message.changeSeq);
  parts.typing.heard(room, message.userId, false);
  place(parts, room, message);
  if (!mine && message.seq > Math.max(room.countedSeq, room.readSeq) && !message.deleted) {
    room.unread = Math.min(room.unread + 1, 1_000);
    room.countedSeq = message.seq;
    parts.receipts.arrived(message);
    // Where the news begins is drawn when it came unseen, and stays while the person reads it.
    if (!parts.attentive(room) && (room.dividerSeq === null || room.dividerSeq < room.readSeq)) room.dividerSeq = last;
    store.emit("arrived", { room, message });
  }
  store.emit("rooms");
}

/**
 * An edit or a deletion, as it happens.
 *
 * @param {Parts} parts
 * @param {Room} room
 * @param {any} detail
 */
function changed(parts, room, detail) {
  const known = room.timeline.get(detail.id ?? detail.messageId);
  const message = asMessage(room, { ...known, ...detail });
  if (!message && room.timeline.holds(detail.seq)) {
    // The message itself never came; this alone cannot stand for it, and must not count as known.
    parts.sync.doubt(room);
    return;
  }
  parts.sync.note(room, detail.changeSeq);
  if (!message) return;
  const wasUnread = message.deleted && !known?.deleted && message.seq > room.readSeq && message.seq <= room.countedSeq;
  if (wasUnread && message.userId !== parts.store.myId) room.unread = Math.max(0, room.unread - 1);
  place(parts, room, message);
  parts.store.emit("rooms");
}

/**
 * @param {Parts} parts
 * @param {Room} room
 * @param {Message} message
 */
function place(parts, room, message) {
  if (message.clientId && message.userId === parts.store.myId) parts.outbox.drop(message.clientId);
  parts.store.learn({ userId: message.userId, username: message.username, displayName: message.displayName });
  if (message.seq >= (room.latest?.seq ?? 0)) {
    room.latest = message;
    room.lastActivity = message.timestamp;
  }
  if (!room.timeline.loaded && room.busy !== "loading") return;
  if (["added", "changed"].includes(room.timeline.merge(message))) parts.store.emit("timeline", room.roomId);
}

/**
 * @param {Room} room
 * @param {any} said
 * @returns {Message | null} null when too little is known to place it
 */
function asMessage(room, said) {
  const id = said.id ?? said.messageId;
  if (!id || !said.seq || said.userId === undefined) return null;
  return {
    ...said,
    id,
    userId: said.userId ?? "",
    roomId: room.roomId,
    changeSeq: said.changeSeq ?? said.seq,
    message: said.deleted ? "" : said.message,
  };
}

/**
 * Somebody has received or read everything up to the newest of these messages.
 *
 * @param {Parts} parts
 * @param {Room} room
 * @param {"deliveredTo" | "readBy"} kind
 * @param {string[]} people
 * @param {{ seq?: number, messageId?: string, messageIds?: string[] }} detail
 */
function mark(parts, room, kind, people, detail) {
  const { store } = parts;
  const ids = detail.messageIds ?? [detail.messageId ?? ""];
  const seq = detail.seq ?? Math.max(0, ...ids.map((id) => room.timeline.get(id)?.seq ?? 0));
  let any = false;
  for (const userId of new Set(people)) {
    if (userId === store.myId) {
      if (kind === "readBy") readElsewhere(parts, room, seq);
      continue;
    }
    const from = room.cameAt.get(userId) ?? 0;
    // Who has read has received.
    any = room.timeline.mark("deliveredTo", userId, seq, from) || any;
    if (kind === "readBy") any = room.timeline.mark(kind, userId, seq, from) || any;
  }
  if (any) store.emit("timeline", room.roomId);
}

/**
 * I have read this room in another window or on another device.
 *
 * @param {Parts} parts
 * @param {Room} room
 * @param {number} seq
 */
function readElsewhere(parts, room, seq) {
  if (seq <= room.readSeq) return;
  room.readSeq = seq;
  parts.receipts.known(room.roomId, seq);
  if (room.timeline.loaded) room.recount(parts.store.myId);
  else parts.refreshRooms();
  parts.store.emit("rooms");
}
