/**
 * The shapes that travel: what the contract calls user, message, room and failure, as JSDoc types.
 *
 * Nothing runs here. Every other module imports its types from this one, so that a name of the wire is
 * written down once.
 */

/**
 * @typedef {object} User
 * @property {string} userId
 * @property {string} username
 * @property {string} [displayName]
 * @property {string} [status] `online` or `offline`
 * @property {boolean} [online]
 * @property {string | null} [lastSeen] RFC 3339
 * @property {string} [role] `user`, `admin` or `guest`
 * @property {string} [joinedAt] RFC 3339, where a list of members gives it
 */

/**
 * @typedef {object} Message
 * @property {string} id
 * @property {number} seq its place in the room, for ever
 * @property {number} changeSeq the room's number of its latest change
 * @property {string} room
 * @property {string} roomId
 * @property {string} userId empty once the author's account has been erased
 * @property {string} username
 * @property {string} [displayName]
 * @property {string} message the text; empty in a tombstone
 * @property {string} timestamp RFC 3339
 * @property {string | null} [editedAt]
 * @property {boolean} [deleted]
 * @property {string | null} [clientId]
 * @property {number} [deliveredCount]
 * @property {number} [readCount]
 * @property {string[]} [deliveredTo]
 * @property {string[]} [readBy]
 */

/**
 * @typedef {object} ReadyRoom one of the user's rooms, as `ready` gives it
 * @property {string} roomId
 * @property {string} room
 * @property {number} seq
 * @property {number} readSeq
 * @property {number} unread
 * @property {boolean} [isPrivate]
 */

/**
 * @typedef {object} RoomListing a room as GET /api/rooms gives it
 * @property {string} roomId
 * @property {string} name
 * @property {string | null} [description]
 * @property {boolean} [isPrivate]
 * @property {boolean} [member] whether it is mine
 * @property {number} [memberCount]
 * @property {number | null} [unread]
 * @property {number | null} [readSeq]
 * @property {number} [seq]
 * @property {string | null} [lastActivity]
 * @property {string | null} [createdBy]
 */

/**
 * @typedef {object} Tokens what registering, signing in and refreshing answer
 * @property {User} user
 * @property {string} token
 * @property {string} refreshToken
 * @property {number} expiresIn seconds
 */

/** @typedef {import("../client/outbox.js").Outgoing} Outgoing */

/** @typedef {import("../client/platform.js").Storage} Storage */

/** @typedef {{ read(): Promise<any>, write(value: any): Promise<void> }} Vault one value that every tab sees at once */

/** @typedef {(name: string, work: () => Promise<any>) => Promise<any>} Lock runs `work` while no other tab holds `name` */

export {};
