// The client of src/hubbub/web/js/client around the official socket.io-client, driven line by line.
// Usage: node lasting.mjs <address> <token> <userId> <file>: `file` is what survives, as a browser's store does.
// In:  {"send": [roomId, text, …]} · {"cut": true} the line breaks · {"quit": true}
// Out: one JSON line for each thing told: change, room, lost, reset, stored, failed, ready.
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { io } from "socket.io-client";
import { Client } from "../../../src/hubbub/web/js/client/hubbub.js";

const [address, token, userId, file] = process.argv.slice(2);
const say = (what) => console.log(JSON.stringify(what));

/** Strings by name in a file that is replaced whole. */
const held = new Map(existsSync(file) ? Object.entries(JSON.parse(readFileSync(file, "utf8"))) : []);
const write = () => {
  writeFileSync(`${file}.new`, JSON.stringify(Object.fromEntries(held)));
  renameSync(`${file}.new`, file);
};
const storage = {
  getItem: (key) => held.get(key) ?? null,
  setItem: (key, value) => (held.set(key, value), write()),
  removeItem: (key) => (held.delete(key), write()),
  keys: () => [...held.keys()],
};

const socket = io(address, {
  transports: ["websocket"],
  forceNew: true,
  autoConnect: false,
  auth: { token },
  reconnectionDelay: 50,
  reconnectionDelayMax: 300,
});
const client = new Client(socket, { userId, storage, cursors: storage });
client.on("change", ({ roomId, type, id, seq, changeSeq, message, deleted, clientId, active }) =>
  say({ change: { roomId, type, id, seq, changeSeq, message, deleted, clientId, active } }),
);
for (const name of ["room", "lost", "reset", "caught-up", "failed"]) client.on(name, (detail) => say({ [name]: detail }));
client.on("stored", ({ entry, reply }) => say({ stored: { clientId: entry.clientId, text: entry.text, seq: reply.seq } }));
client.on("ready", () => say({ ready: true }));
socket.connect();

createInterface({ input: process.stdin }).on("line", (line) => {
  const order = JSON.parse(line);
  if (order.send) {
    const [roomId, ...texts] = order.send;
    for (const text of texts) say({ sent: { clientId: client.send(roomId, text).clientId, text } });
  } else if (order.cut) socket.io.engine?.close();
  else process.exit(0);
});
