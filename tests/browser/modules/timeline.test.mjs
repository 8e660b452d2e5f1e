/** The timeline: the same whatever the order in which it was told, however often. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { rowsOf } from "../../../src/hubbub/web/js/core/rows.js";
import { Timeline } from "../../../src/hubbub/web/js/core/timeline.js";
import { dice, seed } from "./support.mjs";

const SEED = seed();

/**
 * @param {number} seq
 * @param {Partial<import("../../../src/hubbub/web/js/core/types.js").Message>} [more]
 */
function message(seq, more = {}) {
  const at = new Date(Date.UTC(2026, 10, 22, 10, 0, seq)).toISOString();
  return {
    id: `m${seq}`,
    seq,
    changeSeq: seq,
    room: "r",
    roomId: "r",
    userId: "ada",
    username: "ada",
    message: `text ${seq}`,
    timestamp: at,
    deliveredTo: [],
    readBy: [],
    ...more,
  };
}

test("told in any order, any number of times, it ends the same", () => {
  const random = dice(SEED);
  for (let round = 0; round < 300; round += 1) {
    /** @type {any[]} */
    const states = [];
    let number = 0;
    const count = 3 + random(8);
    for (let at = 0; at < count; at += 1) states.push(message((number += 1)));
    for (let change = random(8); change > 0; change -= 1) {
      const { seq } = states[random(count)];
      const gone = random(3) === 0;
      states.push(message(seq, { changeSeq: (number += 1), message: gone ? "" : `edit ${number}`, deleted: gone }));
    }
    const latest = new Map(states.map((one) => [one.id, one]));
    const told = [...states, ...states].sort(() => random(3) - 1);
    const timeline = new Timeline();
    timeline.addPage([], true);
    for (const one of told) timeline.merge(one);
    assert.deepEqual(
      timeline.messages.map(({ id, changeSeq, message: text }) => [id, changeSeq, text]),
      [...latest.values()]
        .sort((a, b) => a.seq - b.seq)
        .map(({ id, changeSeq, message: text }) => [id, changeSeq, text]),
    );
  }
});

test("what lies before the stretch that is held stays outside; an older page brings it in", () => {
  const timeline = new Timeline();
  timeline.addPage([message(10), message(11)], false);
  assert.equal(timeline.merge(message(4, { changeSeq: 12 })), "outside");
  assert.equal(timeline.merge(message(12)), "added");
  timeline.addPage([message(4, { changeSeq: 12 }), message(5)], true);
  assert.deepEqual(
    timeline.messages.map(({ seq }) => seq),
    [4, 5, 10, 11, 12],
  );
  assert.ok(timeline.atStart);
});

test("what comes while the first page is on its way stays", () => {
  const timeline = new Timeline();
  assert.equal(timeline.merge(message(12)), "added");
  timeline.addPage([message(10), message(11)], false);
  assert.deepEqual(
    timeline.messages.map(({ seq }) => seq),
    [10, 11, 12],
  );
});

test("receipts are watermarks: they reach back, but not beyond where somebody came, and never shrink", () => {
  const timeline = new Timeline();
  timeline.addPage(
    [1, 2, 3, 4, 5].map((seq) => message(seq, seq === 4 ? { userId: "linus" } : {})),
    true,
  );
  assert.equal(timeline.mark("readBy", "linus", 5, 2), true);
  assert.deepEqual(
    timeline.messages.map(({ readBy }) => readBy),
    [[], [], ["linus"], [], ["linus"]],
  );
  assert.equal(timeline.mark("readBy", "linus", 5, 2), false);
  timeline.merge(message(5, { changeSeq: 9, message: "edited", readBy: [], readCount: 0 }));
  assert.deepEqual(timeline.get("m5")?.readBy, ["linus"]);
  assert.equal(timeline.get("m5")?.message, "edited");
});

test("where receipts are only counted, one is certain", () => {
  const timeline = new Timeline();
  timeline.addPage([message(1, { deliveredTo: undefined, readBy: undefined })], true);
  timeline.mark("readBy", "linus", 1, 0);
  assert.equal(timeline.get("m1")?.readCount, 1);
  assert.equal(timeline.get("m1")?.readBy, undefined);
});

test("a short form of a message takes nothing away", () => {
  const timeline = new Timeline();
  timeline.addPage([message(1, { clientId: "c" })], true);
  timeline.merge({ .../** @type {any} */ (message(1)), changeSeq: 2, deleted: true, message: "", clientId: undefined });
  assert.equal(timeline.get("m1")?.clientId, "c");
  assert.equal(timeline.get("m1")?.deleted, true);
});

test("rows: groups, days, the divider, and keys that outlive the acknowledgement", () => {
  const nextDay = "2026-11-24T10:00:00.000Z";
  const messages = [
    message(1),
    message(2),
    message(3, { userId: "linus" }),
    message(4, { userId: "linus", timestamp: nextDay }),
    message(5, { userId: "me", clientId: "c1", timestamp: nextDay }),
  ];
  const outgoing = [
    {
      clientId: "c2",
      roomId: "r",
      text: "next",
      at: Date.parse(nextDay) + 1000,
      order: 1,
      state: /** @type {const} */ ("waiting"),
    },
  ];
  const rows = rowsOf({ messages, outgoing, atStart: true, dividerSeq: 2, myId: "me" });
  const seen = rows.map((row) =>
    row.kind === "message" ? `${row.key}${row.first ? " first" : ""}${row.last ? " last" : ""}` : row.kind,
  );
  assert.deepEqual(seen, [
    "start",
    "day",
    "m m1 first",
    "m m2 last",
    "divider",
    "m m3 first last",
    "day",
    "m m4 first last",
    "c c1 first",
    "c c2 last",
  ]);
  const stored = rowsOf({
    messages: [...messages, message(6, { userId: "me", clientId: "c2", timestamp: nextDay })],
    outgoing: [],
    atStart: true,
    dividerSeq: 2,
    myId: "me",
  });
  assert.deepEqual(
    stored.map(({ key }) => key),
    rows.map(({ key }) => key),
  );
  const cut = rowsOf({ messages: messages.slice(2), outgoing: [], atStart: false, dividerSeq: 1, myId: "me" });
  assert.ok(!cut.some(({ kind }) => kind === "divider"), "the news begins further up");
});
