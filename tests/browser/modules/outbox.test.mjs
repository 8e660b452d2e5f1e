/** The outbox: kept, in order, once. */

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { Failure, unreachable } from "../../../src/hubbub/web/js/client/failure.js";
import { Outbox } from "../../../src/hubbub/web/js/client/outbox.js";
import { deferred, dice, memoryStorage, seed, settle } from "./support.mjs";

const SEED = seed();

const busy = () => new Failure({ code: "overloaded", message: "Too many wait already.", retryable: true });
const never = () => new Failure({ code: "validation_failed", message: "The text is empty", retryable: false });

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000 });
});

/** An outbox whose sends are answered by hand. */
function bench(storage = memoryStorage()) {
  /** @type {{ entry: any, answer: ReturnType<typeof deferred> }[]} */
  const sent = [];
  const outbox = new Outbox(storage, (entry) => {
    const answer = deferred();
    sent.push({ entry: { ...entry }, answer });
    return answer.promise;
  });
  outbox.use("me");
  return { outbox, sent, storage };
}

test("one at a time, in the order written; another room does not wait", async () => {
  const { outbox, sent } = bench();
  outbox.open();
  outbox.add("a", "one");
  outbox.add("a", "two");
  outbox.add("b", "elsewhere");
  assert.deepEqual(
    sent.map(({ entry }) => entry.text),
    ["one", "elsewhere"],
  );
  sent[0].answer.resolve({ id: "1", seq: 1 });
  await settle();
  assert.deepEqual(
    sent.map(({ entry }) => entry.text),
    ["one", "elsewhere", "two"],
  );
  assert.deepEqual(
    outbox.of("a").map((entry) => entry.text),
    ["two"],
  );
});

test("a refusal that may pass is tried again, under the same clientId, before what was written later", async () => {
  const { outbox, sent } = bench();
  outbox.open();
  const first = outbox.add("a", "one");
  outbox.add("a", "two");
  sent[0].answer.reject(busy());
  await settle();
  assert.equal(sent.length, 1);
  mock.timers.tick(1_000);
  assert.deepEqual(
    sent.map(({ entry }) => entry.clientId),
    [first.clientId, first.clientId],
  );
});

test("it waits as long as the server says", async () => {
  const { outbox, sent } = bench();
  outbox.open();
  outbox.add("a", "one");
  sent[0].answer.reject(new Failure({ code: "rate_limited", retryable: true, retryAfter: 9 }));
  await settle();
  mock.timers.tick(8_900);
  assert.equal(sent.length, 1);
  mock.timers.tick(200);
  assert.equal(sent.length, 2);
});

test("a refusal that stays is told, and the next goes; trying again uses the same clientId", async () => {
  const { outbox, sent } = bench();
  outbox.open();
  const bad = outbox.add("a", "bad");
  outbox.add("a", "good");
  sent[0].answer.reject(never());
  await settle();
  assert.equal(sent[1].entry.text, "good");
  sent[1].answer.resolve({ id: "2", seq: 2 });
  await settle();
  assert.deepEqual(
    outbox.of("a").map(({ state, problem }) => [state, problem]),
    [["failed", "The text is empty"]],
  );
  outbox.retry(bad.clientId);
  assert.equal(sent[2].entry.clientId, bad.clientId);
});

test("what waits survives a reload, in order; what failed stays failed", async () => {
  const storage = memoryStorage();
  const before = bench(storage);
  before.outbox.open();
  for (const text of ["bad", "one", "two"]) before.outbox.add("a", text);
  before.sent[0].answer.reject(never());
  await settle();
  const after = bench(storage);
  assert.deepEqual(
    after.outbox.of("a").map(({ text, state }) => [text, state]),
    [
      ["bad", "failed"],
      ["one", "waiting"],
      ["two", "waiting"],
    ],
  );
  after.outbox.open();
  assert.equal(after.sent[0].entry.clientId, before.sent[1].entry.clientId);
  const stranger = bench(storage);
  stranger.outbox.use("somebody else");
  assert.equal(stranger.outbox.size, 0);
});

test("the message itself may come before its acknowledgement", async () => {
  const { outbox, sent } = bench();
  let stored = 0;
  outbox.on("stored", () => (stored += 1));
  outbox.open();
  const entry = outbox.add("a", "one");
  outbox.drop(entry.clientId);
  sent[0].answer.resolve({ id: "1", seq: 1 });
  await settle();
  assert.equal(outbox.size, 0);
  assert.equal(stored, 0);
});

test("a broken connection stops it, a new one goes on where it was", async () => {
  const { outbox, sent, storage } = bench();
  outbox.open();
  outbox.add("a", "one");
  outbox.add("a", "two");
  outbox.close();
  sent[0].answer.reject(unreachable());
  await settle();
  mock.timers.tick(60_000);
  assert.equal(sent.length, 1);
  assert.deepEqual(
    outbox.of("a").map(({ state }) => state),
    ["waiting", "waiting"],
  );
  outbox.open();
  sent[1].answer.resolve({ id: "1", seq: 1 });
  await settle();
  sent[2].answer.resolve({ id: "2", seq: 2 });
  await settle();
  assert.deepEqual(
    sent.map(({ entry }) => entry.text),
    ["one", "one", "two"],
  );
  assert.deepEqual(storage.keys(), []);
});

test("whatever happens on the way, a server that knows clientIds holds each message once, in order", async () => {
  const random = dice(SEED);
  for (let round = 0; round < 100; round += 1) {
    /** @type {string[]} */
    const held = [];
    /** @type {Set<string>} */
    const known = new Set();
    const storage = memoryStorage();
    const make = () =>
      new Outbox(storage, async (entry) => {
        const luck = random(4);
        if (luck === 0) throw unreachable(); // it never came there
        if (!known.has(entry.clientId)) {
          known.add(entry.clientId);
          held.push(entry.text);
        }
        if (luck === 1) throw unreachable(); // its answer was lost
        return { id: entry.clientId, seq: held.length };
      });
    let outbox = make();
    outbox.use("me");
    outbox.open();
    const texts = Array.from({ length: 12 }, (_, at) => `message ${at}`);
    for (const text of texts) {
      outbox.add("a", text);
      const event = random(6);
      if (event === 0) outbox.close();
      if (event === 1) outbox.open();
      if (event === 2) {
        outbox.close();
        outbox = make(); // the page is loaded anew
        outbox.use("me");
        outbox.open();
      }
      await settle();
      mock.timers.tick(random(3_000));
    }
    outbox.open();
    for (let turn = 0; outbox.size > 0 && turn < 500; turn += 1) {
      await settle();
      mock.timers.tick(20_000);
    }
    assert.equal(outbox.size, 0);
    assert.deepEqual(held, texts);
    assert.deepEqual(storage.keys(), []);
  }
});
