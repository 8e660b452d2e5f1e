// A chat as many are written, with good practice: a pool of ten connections, one prepared INSERT per message, and
// acknowledgement and broadcast only after it has committed. PG* variables say where the database is.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import pg from "pg";
import { Server } from "socket.io";

const pool = new pg.Pool({ max: 10 });
const http = createServer();
const io = new Server(http, { transports: ["websocket"], serveClient: false });

const INSERT = {
  name: "insert-message",
  text: `INSERT INTO messages (message_id, room, user_id, message_text)
         VALUES ($1, $2, $3, $4) RETURNING created_at`,
};

io.on("connection", (socket) => {
  const user = { userId: randomUUID(), username: socket.handshake.auth.username };

  socket.on("join", ({ room }, ack) => {
    socket.join(room);
    ack({ success: true, room });
  });

  socket.on("send-message", async ({ room, message, clientId }, ack) => {
    if (!socket.rooms.has(room)) return ack({ success: false, code: "not_found" });
    const id = randomUUID();
    try {
      const { rows } = await pool.query({ ...INSERT, values: [id, room, user.userId, message] });
      const timestamp = rows[0].created_at.toISOString();
      ack({ success: true, id, room, timestamp });
      io.to(room).emit("receive-message", { id, room, ...user, message, timestamp, clientId });
    } catch (error) {
      console.error(error);
      ack({ success: false, code: "unavailable" });
    }
  });
});

await pool.query("SELECT 1");
http.listen(0, "127.0.0.1", () => console.log(`ready on port ${http.address().port}`));
process.on("SIGTERM", () => process.exit(0));
