/**
 * One message as an element: bubble, time, ticks, and what became of it.
 *
 * `renderMessage` makes it; `signature` says when it has to be made anew, so that an untouched row keeps its
 * element, its focus and its selection.
 */

import { exactly, clock, listed, plural, tone } from "./format.js";
import { avatar } from "./avatar.js";
import { h, icon } from "./dom.js";
import { richText } from "./richtext.js";

/** @typedef {import("../core/rows.js").MessageRow} MessageRow */
/** @typedef {import("../core/store.js").Store} Store */

/**
 * @typedef {object} RowActions
 * @property {(clientId: string) => void} retry
 * @property {(clientId: string) => void} discard
 * @property {(clientId: string) => void} rewrite
 * @property {(row: MessageRow) => void} history
 */

/**
 * @param {MessageRow} row
 * @param {Store} store
 * @returns {string} changes when, and only when, the row looks different
 */
export function signature(row, store) {
  const { message, outgoing } = row;
  const name = row.first ? store.nameOf(row.userId, message ?? undefined) : "";
  const state = outgoing
    ? [outgoing.state, outgoing.problem]
    : [message?.deleted, message?.editedAt, tickOf(row), tickLabel(row, store)];
  return JSON.stringify([row.text, row.at, row.first, row.last, name, ...state]);
}

/**
 * @param {MessageRow} row
 * @param {Store} store
 * @param {RowActions} actions
 * @returns {HTMLLIElement}
 */
export function renderMessage(row, store, actions) {
  const { message, outgoing } = row;
  const name = store.nameOf(row.userId, message ?? undefined);
  const deleted = message?.deleted === true;
  const failed = outgoing?.state === "failed";
  const classes = [
    "message",
    row.mine && "mine",
    row.first && "first",
    row.last && "last",
    deleted && "deleted",
    outgoing && "outgoing",
    failed && "failed",
  ];
  const body = h("div", { class: "text", dir: "auto" }, deleted ? "This message was deleted" : richText(row.text));
  const bubble = h(
    "div",
    { class: "bubble" },
    row.first && !row.mine && h("span", { class: `author ${tone(row.userId)}`, text: name }),
    body,
    meta(row, store, actions),
  );
  return h(
    "li",
    { class: classes.filter(Boolean).join(" "), tabindex: -1, "data-key": row.key, "aria-label": spoken(row, name) },
    row.first && !row.mine && avatar(row.userId, name),
    bubble,
    failed && failure(outgoing, actions),
  );
}

/**
 * @param {MessageRow} row
 * @param {Store} store
 * @param {RowActions} actions
 */
function meta(row, store, actions) {
  const { message } = row;
  const edited =
    message?.editedAt && !message.deleted
      ? h("button", {
          type: "button",
          class: "edited",
          tabindex: -1, // by keyboard: the row's toolbar
          text: "edited",
          title: `Edited ${exactly(message.editedAt)}`,
          on: { click: () => actions.history(row) },
        })
      : null;
  const tick = tickOf(row);
  return h(
    "span",
    { class: "meta" },
    edited,
    h("time", { datetime: row.at, title: exactly(row.at), text: clock(row.at) }),
    tick &&
      h(
        "span",
        { class: `tick tick-${tick}`, role: "img", "aria-label": tickLabel(row, store), title: tickLabel(row, store) },
        icon(TICK_ICONS[tick]),
      ),
  );
}

/**
 * @param {import("../core/types.js").Outgoing} outgoing
 * @param {RowActions} actions
 */
function failure(outgoing, actions) {
  const { clientId } = outgoing;
  return h(
    "div",
    { class: "failure" },
    icon("alert"),
    h("span", { text: `Not sent. ${outgoing.problem ?? ""}` }),
    h("button", { type: "button", class: "link", text: "Try again", on: { click: () => actions.retry(clientId) } }),
    h("button", { type: "button", class: "link", text: "Edit", on: { click: () => actions.rewrite(clientId) } }),
    h("button", { type: "button", class: "link", text: "Discard", on: { click: () => actions.discard(clientId) } }),
  );
}

/** @typedef {"waiting" | "failed" | "sent" | "delivered" | "read"} Tick */

/** @type {Record<Tick, "clock" | "alert" | "tick" | "ticks">} */
const TICK_ICONS = { waiting: "clock", failed: "alert", sent: "tick", delivered: "ticks", read: "ticks" };

/**
 * @param {MessageRow} row
 * @returns {Tick | null} null for somebody else's, which have none
 */
function tickOf({ mine, message, outgoing }) {
  if (!mine || message?.deleted) return null;
  if (outgoing) return outgoing.state === "failed" ? "failed" : "waiting";
  if (count(message?.readBy, message?.readCount) > 0) return "read";
  return count(message?.deliveredTo, message?.deliveredCount) > 0 ? "delivered" : "sent";
}

/**
 * @param {MessageRow} row
 * @param {Store} store
 */
function tickLabel(row, store) {
  const { message } = row;
  const tick = tickOf(row);
  if (tick === null) return "";
  if (tick === "waiting") return "Waiting to be sent";
  if (tick === "failed") return "Not sent";
  const read = count(message?.readBy, message?.readCount);
  const delivered = Math.max(read, count(message?.deliveredTo, message?.deliveredCount));
  if (delivered === 0) return "Sent";
  const names = (message?.readBy ?? []).slice(0, 5).map((id) => store.nameOf(id));
  const readers =
    names.length > 0 && names.length === read
      ? `Read by ${listed(names)}`
      : `Read by ${plural(read, "person", "people")}`;
  return read > 0 ? `${readers}; delivered to ${delivered}` : `Delivered to ${plural(delivered, "person", "people")}`;
}

/**
 * @param {string[] | undefined} list
 * @param {number | undefined} number
 */
function count(list, number) {
  return Math.max(list?.length ?? 0, number ?? 0);
}

/**
 * @param {MessageRow} row
 * @param {string} name
 * @returns {string} the message in one breath, for whoever moves through the list by ear
 */
function spoken(row, name) {
  const who = row.mine ? "You" : name;
  return `${who}, ${clock(row.at)}: ${row.message?.deleted ? "message deleted" : row.text}`;
}
