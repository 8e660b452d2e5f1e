/**
 * The messages of one room that are held here: one unbroken stretch, oldest first, up to the newest.
 *
 * A message is known by its id and kept in its latest state: of two states the one with the higher `changeSeq`
 * counts, so that applying anything twice, or late, changes nothing. Receipts only ever grow.
 */

/** @typedef {import("./types.js").Message} Message */

export class Timeline {
  /** @type {Message[]} in order of seq */
  messages = [];
  /** True once anything was loaded: the stretch then ends at the newest message. */
  loaded = false;
  /** True when the first message of the room is here. */
  atStart = false;
  /** @type {Map<string, Message>} */
  #byId = new Map();

  /** @returns {Message | undefined} */
  get newest() {
    return this.messages[this.messages.length - 1];
  }

  /** @returns {Message | undefined} */
  get oldest() {
    return this.messages[0];
  }

  /** @param {string} id */
  get(id) {
    return this.#byId.get(id);
  }

  clear() {
    this.messages = [];
    this.#byId.clear();
    this.loaded = false;
    this.atStart = false;
  }

  /**
   * The last page of the room, or the page before `oldest`.
   *
   * @param {Message[]} page
   * @param {boolean} atStart nothing lies before this page
   */
  addPage(page, atStart) {
    const before = this.oldest?.seq ?? Infinity;
    const reachesBack = page.length === 0 || page[0].seq <= before;
    this.loaded = true;
    for (const message of page) this.#put(message);
    if (atStart && reachesBack) this.atStart = true;
  }

  /**
   * @param {number} seq
   * @returns {boolean} whether a message of that place belongs here
   */
  holds(seq) {
    return this.loaded && (this.atStart || !this.oldest || seq >= this.oldest.seq);
  }

  /**
   * One message in its present state.
   *
   * @param {Message} message
   * @returns {"added" | "changed" | "known" | "outside"} `outside`: it lies before the stretch that is held
   */
  merge(message) {
    if (this.loaded && !this.#byId.has(message.id) && !this.holds(message.seq)) return "outside";
    return this.#put(message);
  }

  /**
   * Somebody has received, or read, everything up to `seq`.
   *
   * @param {"deliveredTo" | "readBy"} kind
   * @param {string} userId
   * @param {number} seq
   * @param {number} fromSeq messages up to this one were there before the person came
   * @returns {boolean} whether anything changed
   */
  mark(kind, userId, seq, fromSeq) {
    let changed = false;
    for (let at = this.messages.length - 1; at >= 0; at -= 1) {
      const message = this.messages[at];
      if (message.seq > seq) continue;
      if (message.seq <= fromSeq) break;
      if (message.userId === userId) continue;
      const count = kind === "readBy" ? "readCount" : "deliveredCount";
      const known = message[kind];
      if (known ? known.includes(userId) : (message[count] ?? 0) > 0) break;
      // Without the list (rooms of many members) the exact count is the server's to say; one is certain.
      const marked = known
        ? { [kind]: [...known, userId], [count]: Math.max(known.length + 1, message[count] ?? 0) }
        : { [count]: 1 };
      this.#replace(at, { ...message, ...marked });
      changed = true;
    }
    return changed;
  }

  /**
   * Forget all but the newest, to bound what a long day holds.
   *
   * @param {number} keep
   */
  trim(keep) {
    if (this.messages.length <= keep) return;
    for (const message of this.messages.splice(0, this.messages.length - keep)) this.#byId.delete(message.id);
    this.atStart = false;
  }

  /**
   * @param {Message} message
   * @returns {"added" | "changed" | "known"}
   */
  #put(message) {
    const known = this.#byId.get(message.id);
    const at = this.#position(message.seq);
    if (!known) {
      this.messages.splice(at, 0, message);
      this.#byId.set(message.id, message);
      return "added";
    }
    const newer = message.changeSeq > known.changeSeq;
    const merged = { ...known, ...(newer ? defined(message) : {}), ...receipts(known, message) };
    if (!newer && sameReceipts(known, merged)) return "known";
    this.#replace(this.#position(known.seq), merged);
    return "changed";
  }

  /**
   * @param {number} at
   * @param {Message} message
   */
  #replace(at, message) {
    this.messages[at] = message;
    this.#byId.set(message.id, message);
  }

  /**
   * @param {number} seq
   * @returns {number} the index of the first message that is not before `seq`
   */
  #position(seq) {
    let low = 0;
    let high = this.messages.length;
    if (high === 0 || this.messages[high - 1].seq < seq) return high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.messages[middle].seq < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/**
 * @param {Message} message
 * @returns {Partial<Message>} without what is undefined, so that a short form of a message takes nothing away
 */
function defined(message) {
  return Object.fromEntries(Object.entries(message).filter(([, value]) => value !== undefined));
}

/**
 * @param {Message} one
 * @param {Message} other
 */
function receipts(one, other) {
  return {
    deliveredTo: union(one.deliveredTo, other.deliveredTo),
    readBy: union(one.readBy, other.readBy),
    deliveredCount: Math.max(one.deliveredCount ?? 0, other.deliveredCount ?? 0),
    readCount: Math.max(one.readCount ?? 0, other.readCount ?? 0),
  };
}

/**
 * @param {Message} one
 * @param {Message} other
 */
function sameReceipts(one, other) {
  return (
    (one.deliveredTo?.length ?? 0) === (other.deliveredTo?.length ?? 0) &&
    (one.readBy?.length ?? 0) === (other.readBy?.length ?? 0) &&
    (one.deliveredCount ?? 0) === other.deliveredCount &&
    (one.readCount ?? 0) === other.readCount
  );
}

/**
 * @param {string[] | undefined} one
 * @param {string[] | undefined} other
 */
function union(one, other) {
  return one || other ? [...new Set([...(one ?? []), ...(other ?? [])])] : undefined;
}
