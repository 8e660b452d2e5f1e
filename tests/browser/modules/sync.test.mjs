/** Sync: with connections that break and events that are lost, the client ends with what the server has. */

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { Failure } from "../../../src/hubbub/web/js/client/failure.js";
import { applyChange, listen } from "../../../src/hubbub/web/js/core/inbound.js";
import { Emitter } from "../../../src/hubbub/web/js/client/emitter.js";
import { Store } from "../../../src/hubbub/web/js/core/store.js";
import { Sync } from "../../../src/hubbub/web/js/core/sync.js";
import { RoomOnServer, dice, seed, settle } from "./support.mjs";

const SEED = seed();

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
});

/** @param {RoomOnServer} server */
function client(server) {
  const connection = Object.assign(new Emitter(), {
    online: true,
    epoch: "e",
    asked: 0,
    lost: () => false,
    async request(/** @type {string} */ _event, /** @type {any} */ { epoch, rooms }) {
      connection.asked += 1;
      if (connection.lost()) throw new Failure({ code: "unreachable", retryable: true });
      if (epoch !== connection.epoch) throw new Failure({ code: "resync_required" });
      return {
        epoch,
        rooms: Object.fromEntries(Object.entries(rooms).map(([id, number]) => [id, server.since(number, 3)])),
      };
    },
  });
  const store = new Store();
  store.reset({ userId: "me", username: "me" });
  store.epoch = "e";
  const room = store.room("r", "r");
  const calls = { reload: 0, lost: 0 };
  const nothing = () => {};
  /** @type {any} */
  const parts = {
    store,
    receipts: { arrived: nothing, known: nothing },
    typing: { heard: nothing },
    outbox: { drop: nothing },
    attentive: () => true,
    people: nothing,
    refreshRooms: nothing,
    sync: new Sync(store, /** @type {any} */ (connection), {
      apply: (one, change) => applyChange(parts, one, change),
      reload: () => (calls.reload += 1),
      lost: () => (calls.lost += 1),
    }),
  };
  listen(/** @type {any} */ (connection), parts);
  const load = () => {
    room.timeline.addPage(
      [...server.messages.values()].sort((a, b) => a.seq - b.seq),
      true,
    );
    room.cursor = server.counter;
  };
  return { connection, store, room, sync: parts.sync, calls, load };
}

/** @param {RoomOnServer} server */
const present = (server) =>
  [...server.messages.values()]
    .sort((a, b) => a.seq - b.seq)
    .map(({ id, changeSeq, message, deleted }) => [id, changeSeq, message, deleted ?? false]);
/** @param {any} room */
const shown = (room) =>
  room.timeline.messages.map((/** @type {any} */ { id, changeSeq, message, deleted }) => [
    id,
    changeSeq,
    message,
    deleted ?? false,
  ]);

test("whatever is lost between, nothing is missing, doubled or out of order in the end", async () => {
  const random = dice(SEED);
  for (let round = 0; round < 150; round += 1) {
    const server = new RoomOnServer();
    for (let at = 0; at < 3; at += 1) server.write(`old ${at}`);
    const { connection, room, sync, load } = client(server);
    connection.lost = () => random(5) === 0;
    load();
    let connected = true;
    for (let step = 0; step < 40; step += 1) {
      const ids = [...server.messages.keys()];
      const [name, detail] =
        random(3) === 0 ? server.change(ids[random(ids.length)], random(3) === 0) : server.write(`text ${step}`);
      if (connected && random(8) > 0) connection.emit(name, detail); // now and then one is lost though the line stands
      if (random(8) === 0) connected = !connected;
      if (connected && random(8) === 0) sync.catchUp(new Map([["r", server.counter]]));
      await settle();
      mock.timers.tick(random(600));
    }
    sync.catchUp(new Map([["r", server.counter]]));
    for (let turn = 0; turn < 60; turn += 1) {
      await settle();
      mock.timers.tick(2_000);
    }
    assert.deepEqual(shown(room), present(server));
    assert.equal(room.cursor, server.counter);
    assert.equal(room.ahead.size, 0);
  }
});

test("in order and complete, nothing is asked", async () => {
  const server = new RoomOnServer();
  const { connection, room, load } = client(server);
  load();
  for (let at = 0; at < 5; at += 1) connection.emit(...server.write(`text ${at}`));
  mock.timers.tick(5_000);
  await settle();
  assert.equal(connection.asked, 0);
  assert.equal(room.cursor, 5);
});

test("two that changed places on the way are no loss", async () => {
  const server = new RoomOnServer();
  const { connection, room, load } = client(server);
  load();
  const [one, two] = [server.write("one"), server.write("two")];
  connection.emit(...two);
  connection.emit(...one);
  mock.timers.tick(5_000);
  await settle();
  assert.equal(connection.asked, 0);
  assert.deepEqual(shown(room), present(server));
});

test("another epoch, a counter that went back, or too long an absence: loaded afresh", async () => {
  const server = new RoomOnServer();
  for (let at = 0; at < 5; at += 1) server.write(`text ${at}`);
  const { connection, sync, calls, load } = client(server);
  load();
  connection.epoch = "restored";
  server.write("new");
  await sync.catchUp(new Map([["r", 6]]));
  assert.equal(calls.reload, 1);
  await sync.catchUp(new Map([["r", 3]]));
  assert.equal(calls.reload, 2);
  await sync.catchUp(new Map([["r", 5_000]]));
  assert.equal(calls.reload, 3);
});

test("a room that is left out of the answer is no longer mine", async () => {
  const server = new RoomOnServer();
  server.write("text");
  const { connection, sync, calls, load } = client(server);
  load();
  connection.request = async () => ({ epoch: "e", rooms: {} });
  await sync.catchUp(new Map([["r", 2]]));
  assert.deepEqual(calls, { reload: 0, lost: 1 });
});
