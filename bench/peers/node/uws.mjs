// The limit that C++ sets: uWebSockets with just enough Engine.IO and Socket.IO by hand for the load client. One room
// is one topic; a message is framed once and published; nothing is kept, and no client but the bench's would do.
import { randomUUID } from "node:crypto";
import uws from "uwebsockets";

const OPEN = { upgrades: [], pingInterval: 25_000, pingTimeout: 20_000, maxPayload: 1_000_000 };
const sockets = new Set();

const app = uws.App().ws("/socket.io/", {
  compression: uws.DISABLED,
  idleTimeout: 120,
  maxBackpressure: 64 * 1024 * 1024, // as in Socket.IO, nobody is dropped for being slow
  closeOnBackpressureLimit: true,

  open(ws) {
    sockets.add(ws);
    ws.send(`0${JSON.stringify({ sid: randomUUID(), ...OPEN })}`);
  },

  close(ws) {
    sockets.delete(ws);
  },

  message(ws, bytes) {
    const text = Buffer.from(bytes).toString();
    if (text.startsWith("40")) {
      Object.assign(ws.getUserData(), { userId: randomUUID(), username: JSON.parse(text.slice(2)).username });
      ws.send(`40{"sid":"${randomUUID()}"}`);
    } else if (text.startsWith("42")) {
      const bracket = text.indexOf("[");
      const [event, data] = JSON.parse(text.slice(bracket));
      const answer = event === "join" ? join(ws, data) : send(ws, data);
      ws.send(`43${text.slice(2, bracket)}[${JSON.stringify(answer)}]`);
    }
  },
});

function join(ws, { room }) {
  ws.subscribe(room);
  return { success: true, room };
}

function send(ws, { room, message, clientId }) {
  if (!ws.isSubscribed(room)) return { success: false, code: "not_found" };
  const { userId, username } = ws.getUserData();
  const place = { id: randomUUID(), room, timestamp: new Date().toISOString() };
  const event = { ...place, userId, username, message, clientId };
  app.publish(room, `42["receive-message",${JSON.stringify(event)}]`);
  return { success: true, ...place };
}

setInterval(() => {
  for (const ws of sockets) ws.send("2"); // Engine.IO's heartbeat comes from the server
}, OPEN.pingInterval);

app.listen("127.0.0.1", 0, (listener) => console.log(`ready on port ${uws.us_socket_local_port(listener)}`));
process.on("SIGTERM", () => process.exit(0));
