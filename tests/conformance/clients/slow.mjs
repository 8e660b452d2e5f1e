// What the official client is told when the server closes it as slow: it stops reading, is flooded, and reads again.
// Usage: node slow.mjs <address>. Prints one JSON line.
import { io } from "socket.io-client";

const socket = io(process.argv[2], { transports: ["websocket"], reconnectionDelay: 50, reconnectionDelayMax: 100 });
const seen = {};

socket.once("connect", () => {
  const tcp = socket.io.engine.transport.ws._socket;
  const text = "x".repeat(20_000);
  tcp.pause();
  const flood = setInterval(() => {
    for (let n = 0; n < 50; n++) socket.emit("message", text);
  }, 1);
  // Asked over another connection: this one reads nothing.
  const look = setInterval(async () => {
    const counts = await (await fetch(new URL("/counts", process.argv[2]))).json();
    if (!counts.closed.slow) return;
    clearInterval(flood);
    clearInterval(look);
    socket.sendBuffer.length = 0;
    tcp.resume();
  }, 20);
  socket.once("disconnect", (reason, details) => {
    Object.assign(seen, { reason, code: details?.context?.code, why: details?.context?.reason?.toString() });
    socket.once("connect", () => {
      console.log(JSON.stringify({ ...seen, back: true }));
      process.exit(0);
    });
  });
});
