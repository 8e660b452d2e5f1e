/** The shop's page: the rooms of one's orders, on a socket that loses nothing. */

const signIn = async () => (await fetch("/chat-token")).json();
let me = await signIn();
const { io } = await import(`${me.chat}/vendor/socket.io.esm.min.js`); // or from npm: socket.io-client
const { Client, browserStorage } = await import(`${me.chat}/js/client/hubbub.js`);

const at = (id) => document.getElementById(id);
const rooms = new Map(); // by id: { name, messages by id, readUpTo, typing, here }
let shown = null; // the id of the room on the page

const socket = io(me.chat, { autoConnect: false, auth: (give) => give({ token: me.token }) });
const client = new Client(socket, {
  userId: me.user.userId,
  storage: browserStorage(), // what is not sent yet survives a reload
  refresh: async () => (me = await signIn()), // the token was too old: the shop has a newer one
});

// What lasts: each change once, in the room's order, whatever happened between.
client.on("room", ({ roomId, room }) => {
  rooms.set(roomId, { name: room, messages: new Map(), readUpTo: 0, typing: new Map(), here: [] });
  load(roomId);
  if (!shown) open(roomId);
});
client.on("change", (change) => change.type === "message" && take(change));
client.on("reset", (roomId) => {
  rooms.get(roomId)?.messages.clear(); // a backup was restored: the past is another
  load(roomId);
});
client.on("lost", (roomId) => rooms.delete(roomId) && show());
client.on("outbox", show);

// What passes: only the latest counts, and it is lost with the connection.
socket.on("user-typing", ({ roomId, userId, displayName, isTyping }) => {
  const typing = rooms.get(roomId)?.typing;
  clearTimeout(typing?.get(userId)?.ends);
  const stop = () => typing?.delete(userId) && show();
  if (isTyping) typing?.set(userId, { displayName, ends: setTimeout(stop, 6000) });
  else stop();
  show();
});
socket.on("room-users", (people) => {
  const room = rooms.get(people[0]?.roomId);
  if (room) room.here = people.map((one) => one.displayName);
  show();
});
for (const event of ["message-read-update", "messages-marked-read"])
  socket.on(event, ({ roomId, seq, readBy, readByUser = readBy }) => {
    const room = rooms.get(roomId);
    if (room && readByUser !== me.user.userId) room.readUpTo = Math.max(room.readUpTo, seq);
    show();
  });
client.on("ready", () => shown && open(shown)); // connected again: say once more where one is

/** The last page of a room; what comes live meanwhile is newer, and stays. */
async function load(roomId) {
  const headers = { Authorization: `Bearer ${me.token}` };
  const { data } = await (await fetch(`${me.chat}/api/rooms/${roomId}/messages`, { headers })).json();
  for (const message of data) {
    if (message.read && isOwn(message)) rooms.get(roomId).readUpTo = message.seq;
    take({ roomId, ...message });
  }
}

/** A message in its present state. */
function take(message) {
  const room = rooms.get(message.roomId);
  room?.typing.delete(message.userId);
  if ((room?.messages.get(message.id)?.changeSeq ?? 0) < message.changeSeq) room?.messages.set(message.id, message);
  show();
}

/** Another room on the page: being there is told to the others, and theirs to us. */
function open(roomId) {
  shown = roomId;
  client.request("join", { room: roomId }).catch(() => {}); // again after the next `ready`
  show();
}

function show() {
  const room = rooms.get(shown);
  if (!room) return;
  at("room").textContent = room.name;
  at("rooms").replaceChildren(
    ...[...rooms].map(([roomId, { name }]) => {
      const button = Object.assign(document.createElement("button"), { textContent: name });
      button.onclick = () => open(roomId);
      return button;
    }),
  );
  at("here").textContent = room.here.join(", ");
  at("typing").textContent = room.typing.size ? `${[...room.typing.values()].map((one) => one.displayName).join(", ")} writes …` : "";
  const line = (text, name = "") => Object.assign(document.createElement("li"), { textContent: text, className: name });
  const told = [...room.messages.values()].filter((one) => !one.deleted).sort((a, b) => a.seq - b.seq);
  at("messages").replaceChildren(
    ...told.map((one) => line(`${one.displayName}: ${one.message}${isOwn(one) && one.seq <= room.readUpTo ? " ✓✓" : ""}`)),
    ...client.outbox.of(shown).map((one) => line(`${me.user.displayName}: ${one.text}`, one.state)),
  );
  const last = told.at(-1);
  if (last && !isOwn(last) && last.seq > (room.saidRead ?? 0)) {
    room.saidRead = last.seq;
    socket.emit("message-read", { messageId: last.id });
  }
}

const isOwn = ({ userId }) => userId === me.user.userId;

at("say").onsubmit = (event) => {
  event.preventDefault();
  if (shown) client.send(shown, event.target.text.value); // off-line too
  event.target.reset();
};
at("say").oninput = () => shown && socket.volatile.emit("typing", { room: shown, isTyping: true });
at("order").onsubmit = async (event) => {
  event.preventDefault();
  const body = JSON.stringify({ what: event.target.what.value });
  event.target.reset();
  await fetch("/orders", { method: "POST", headers: { "Content-Type": "application/json" }, body });
};
socket.connect();
at("page").hidden = false;
