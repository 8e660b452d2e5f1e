/** The cursors: every change once and in order, through absences, losses, reloads and other epochs. */

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { Cursors } from "../../../src/hubbub/web/js/client/cursors.js";
import { Failure } from "../../../src/hubbub/web/js/client/failure.js";
import { RoomOnServer, dice, memoryStorage, seed, settle } from "./support.mjs";

const SEED = seed();

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
});

/** @param {RoomOnServer[]} rooms */
function bench(rooms, storage = memoryStorage()) {
  const world = { epoch: "e", mine: new Set(rooms.map(({ roomId }) => roomId)), asked: 0, lost: () => false };
  const request = async (_event, { epoch, rooms: asked }) => {
    world.asked += 1;
    if (world.lost()) throw new Failure({ code: "unreachable", retryable: true });
    if (epoch !== world.epoch) throw new Failure({ code: "resync_required" });
    const entries = rooms.filter(({ roomId }) => roomId in asked && world.mine.has(roomId));
    return { epoch, rooms: Object.fromEntries(entries.map((room) => [room.roomId, room.since(asked[room.roomId], 3)])) };
  };
  const make = () => {
    const cursors = new Cursors(request, storage);
    cursors.use("me");
    /** @type {any[]} */
    const told = [];
    for (const name of ["change", "room", "lost", "reset", "caught-up"])
      cursors.on(name, (detail) => told.push([name, detail]));
    const ready = () =>
      cursors.ready({
        epoch: world.epoch,
        rooms: rooms.filter(({ roomId }) => world.mine.has(roomId)).map((room) => ({ ...room, room: room.roomId, seq: room.counter })),
      });
    return { cursors, told, ready };
  };
  return { world, make };
}

/** Something is written in a room, or something of it changed. */
function some(room, random) {
  const ids = [...room.messages.keys()];
  if (ids.length === 0 || random(3) > 0) return room.write("new");
  return room.change(ids[random(ids.length)], random(3) === 0);
}

const named = (told, name) => told.filter(([one]) => one === name).map(([, detail]) => detail);

async function quiet() {
  for (let turn = 0; turn < 40; turn += 1) {
    await settle();
    mock.timers.tick(10_000);
  }
}

test("whatever is lost between, each change is told in order, none twice, and the end is what the server has", async () => {
  const random = dice(SEED);
  for (let round = 0; round < 150; round += 1) {
    const rooms = ["a", "b"].map((roomId) => new RoomOnServer(roomId));
    const storage = memoryStorage();
    const { world, make } = bench(rooms, storage);
    world.lost = () => random(5) === 0;
    let one = make();
    /** @type {any[]} */
    const told = [];
    let connected = false;
    const connect = () => {
      one.ready();
      connected = true;
    };
    connect();
    for (let step = 0; step < 60; step += 1) {
      const room = rooms[random(2)];
      const [event, detail] = some(room, random);
      if (connected && random(10) > 0) one.cursors.heard(event, detail);
      if (random(9) === 0) {
        one.cursors.pause();
        connected = false;
      } else if (!connected && random(3) === 0) connect();
      if (random(25) === 0) {
        // A reload: what was told is kept by the application, the cursors by the store.
        await settle();
        mock.timers.tick(200);
        one.cursors.pause();
        told.push(...named(one.told, "change"));
        one = make();
        connect();
      }
      await settle();
      mock.timers.tick(random(400));
    }
    one.cursors.pause();
    connect();
    await quiet();
    told.push(...named(one.told, "change"));
    for (const room of rooms) {
      const here = told.filter(({ roomId }) => roomId === room.roomId);
      const numbers = here.map(({ changeSeq }) => changeSeq);
      assert.deepEqual(numbers, [...new Set(numbers)].sort((a, b) => a - b), "in order, once");
      const state = new Map(here.map((change) => [change.id, [change.changeSeq, change.message, change.deleted ?? false]]));
      const wanted = [...room.messages.values()].map(({ id, changeSeq, message, deleted }) => [id, [changeSeq, message, deleted ?? false]]);
      assert.deepEqual(new Map([...state].sort()), new Map(wanted.sort()));
      assert.equal(one.cursors.at(room.roomId), room.counter);
    }
  }
});

test("in order and complete, nothing is asked; going on-line is no change", async () => {
  const room = new RoomOnServer("a");
  const { world, make } = bench([room]);
  const { cursors, told, ready } = make();
  ready();
  for (let at = 0; at < 5; at += 1) cursors.heard(...room.write("new"));
  cursors.heard("user-joined", { roomId: "a", userId: "ann", changeSeq: null });
  await quiet();
  assert.equal(world.asked, 0);
  assert.deepEqual(named(told, "change").map(({ changeSeq }) => changeSeq), [1, 2, 3, 4, 5]);
  assert.deepEqual(named(told, "room"), [{ roomId: "a", room: "a", seq: 0 }]);
});

test("another epoch or a counter that went back resets; a room that is not named is lost; a new one begins", async () => {
  const rooms = ["a", "b"].map((roomId) => new RoomOnServer(roomId));
  rooms.forEach((room) => room.write("new"));
  const { world, make } = bench(rooms);
  const { cursors, told, ready } = make();
  world.mine.delete("b");
  ready();
  world.epoch = "restored";
  ready();
  assert.deepEqual(named(told, "reset"), ["a"]);
  rooms[0].counter = 0;
  ready();
  assert.deepEqual(named(told, "reset"), ["a", "a"]);
  cursors.heard("user-joined", { roomId: "b", room: "b", userId: "me", changeSeq: 2 });
  assert.equal(cursors.at("b"), 2);
  assert.deepEqual(named(told, "room").map(({ roomId, seq }) => [roomId, seq]), [["a", 1], ["b", 1]]);
  ready();
  assert.deepEqual(named(told, "lost"), ["b"]);
});

test("a sync that says resync_required resets what was asked for", async () => {
  const room = new RoomOnServer("a");
  const { world, make } = bench([room]);
  const { told, ready, cursors } = make();
  ready();
  cursors.pause();
  room.write("new");
  world.lost = () => ((world.epoch = "other"), false); // between `ready` and `sync`
  ready();
  await quiet();
  assert.deepEqual(named(told, "reset"), ["a"]);
  assert.equal(cursors.at("a"), undefined);
});

test("a room left out of the answer is lost, and nothing waits for it", async () => {
  const room = new RoomOnServer("a");
  const { world, make } = bench([room]);
  const { told, ready, cursors } = make();
  ready();
  cursors.pause();
  room.write("new");
  world.lost = () => (world.mine.clear(), false);
  ready();
  await quiet();
  assert.deepEqual(named(told, "lost"), ["a"]);
  assert.equal(cursors.at("a"), undefined);
});
