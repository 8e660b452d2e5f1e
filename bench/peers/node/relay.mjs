// A relay: Socket.IO rooms and nothing else. What is sent to a room is sent on to its members; nothing is kept.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const io = new Server(http, { transports: ["websocket"], serveClient: false });

io.on("connection", (socket) => {
  const user = { userId: socket.id, username: socket.handshake.auth.username };

  socket.on("join", ({ room }, ack) => {
    socket.join(room);
    ack({ success: true, room });
  });

  socket.on("send-message", ({ room, message, clientId }, ack) => {
    if (!socket.rooms.has(room)) return ack({ success: false, code: "not_found" });
    const id = randomUUID();
    const timestamp = new Date().toISOString();
    io.to(room).emit("receive-message", { id, room, ...user, message, timestamp, clientId });
    ack({ success: true, id, room, timestamp });
  });
});

http.listen(0, "127.0.0.1", () => console.log(`ready on port ${http.address().port}`));
process.on("SIGTERM", () => process.exit(0));
