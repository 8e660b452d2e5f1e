/**
 * What a list of messages shows, line by line: days, the divider of the new ones, messages in groups.
 *
 * Pure: the same room gives the same rows. A row's `key` stays the same while a message is sent, acknowledged
 * and edited, so that a view can keep its element.
 */

/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").Outgoing} Outgoing */

/**
 * @typedef {object} MessageRow
 * @property {"message"} kind
 * @property {string} key
 * @property {Message | null} message null while it is not stored
 * @property {Outgoing | null} outgoing null once it is stored
 * @property {string} userId
 * @property {string} text
 * @property {string} at RFC 3339
 * @property {boolean} mine
 * @property {boolean} first of its group
 * @property {boolean} last of its group
 */

/** @typedef {{ kind: "day", key: string, at: string } | { kind: "divider", key: string } | { kind: "start", key: string } | MessageRow} Row */

/** Messages of one person within this time form a group. */
const GROUP_MS = 5 * 60_000;

/**
 * @param {object} from
 * @param {Message[]} from.messages in order
 * @param {Outgoing[]} from.outgoing in the order written
 * @param {boolean} from.atStart nothing lies before the first message
 * @param {number | null} from.dividerSeq new messages begin after this seq
 * @param {string} from.myId
 * @returns {Row[]}
 */
export function rowsOf({ messages, outgoing, atStart, dividerSeq, myId }) {
  /** @type {Row[]} */
  const rows = [];
  /** @type {MessageRow | null} */
  let before = null;
  let divided = dividerSeq === null;
  let day = "";
  /** @type {Set<string>} */
  const days = new Set();
  if (atStart) rows.push({ kind: "start", key: "start" });
  const all = [...messages.map((one) => stored(one, myId)), ...outgoing.map((one) => waiting(one, myId))];
  for (const row of all) {
    const today = new Date(row.at).toDateString();
    if (today !== day) {
      day = today;
      before = null;
      // Times may step back over a midnight, places do not: the second heading of one day needs its own key.
      const again = days.has(today) ? ` ${row.key}` : "";
      days.add(today);
      rows.push({ kind: "day", key: `day ${today}${again}`, at: row.at });
    }
    if (!divided && row.message && row.message.seq > (dividerSeq ?? 0) && !row.mine) {
      divided = true;
      // With nothing before it and more to load, the news begins further up: the line would be in the wrong place.
      if (atStart || row !== all[0]) {
        before = null;
        rows.push({ kind: "divider", key: "divider" });
      }
    }
    if (before && sameGroup(before, row)) {
      before.last = false;
      row.first = false;
    }
    rows.push(row);
    before = row;
  }
  return rows;
}

/**
 * @param {MessageRow} one
 * @param {MessageRow} next
 */
function sameGroup(one, next) {
  return one.userId === next.userId && Math.abs(Date.parse(next.at) - Date.parse(one.at)) < GROUP_MS;
}

/**
 * @param {Message} message
 * @param {string} myId
 * @returns {MessageRow}
 */
function stored(message, myId) {
  const mine = message.userId === myId;
  return {
    kind: "message",
    key: mine && message.clientId ? `c ${message.clientId}` : `m ${message.id}`,
    message,
    outgoing: null,
    userId: message.userId,
    text: message.message,
    at: message.timestamp,
    mine,
    first: true,
    last: true,
  };
}

/**
 * @param {Outgoing} outgoing
 * @param {string} myId
 * @returns {MessageRow}
 */
function waiting(outgoing, myId) {
  return {
    kind: "message",
    key: `c ${outgoing.clientId}`,
    message: null,
    outgoing,
    userId: myId,
    text: outgoing.text,
    at: new Date(outgoing.at).toISOString(),
    mine: true,
    first: true,
    last: true,
  };
}
