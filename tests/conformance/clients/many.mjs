// Many official clients in one room: each sends, each hears everything; who heard what, in which order, by what.
// Usage: TOKENS='["…"]' node many.mjs <address> <polling|websocket|upgrade> <messages of each> [room]. Prints one JSON line.
import { io } from "socket.io-client";

const [address, mode, each, room = "hall"] = process.argv.slice(2);
const tokens = JSON.parse(process.env.TOKENS);
const transports = { polling: ["polling"], websocket: ["websocket"], upgrade: ["polling", "websocket"] }[mode];
const errors = [];

const clients = await Promise.all(
  tokens.map(
    (token) =>
      new Promise((resolve) => {
        const socket = io(address, { transports, forceNew: true, auth: { token }, reconnectionDelay: 50 });
        const client = { socket, heard: [] };
        socket.on("receive-message", (message) => client.heard.push(message.seq));
        socket.on("connect_error", (error) => errors.push(`connect_error ${error.message}`));
        socket.on("disconnect", (reason) => reason !== "io client disconnect" && errors.push(reason));
        socket.io.engine.on("upgradeError", (error) => errors.push(`upgradeError ${error.message}`));
        socket.once("ready", () => resolve(client));
      }),
  ),
);

for (let number = 0; number < Number(each); number++) {
  await Promise.all(
    clients.map(async ({ socket }) => {
      const answer = await socket.timeout(10_000).emitWithAck("send-message", { room, message: `${number}` });
      if (!answer.success) errors.push(JSON.stringify(answer));
    }),
  );
}

const end = Date.now() + 10_000;
const total = clients.length * Number(each);
while (clients.some(({ heard }) => heard.length < total) && Date.now() < end) {
  await new Promise((resolve) => setTimeout(resolve, 20));
}
const used = clients.map(({ socket }) => socket.io.engine.transport.name);
for (const { socket } of clients) socket.close();
console.log(JSON.stringify({ heard: clients.map(({ heard }) => heard), transports: used, errors }));
process.exit(0);
