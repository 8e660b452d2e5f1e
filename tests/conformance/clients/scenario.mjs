// One official client through everything a chat needs, over one choice of transports.
// Usage: node scenario.mjs <address> <polling|websocket|upgrade>. Prints one JSON line; exits 1 with the failure.
import assert from "node:assert/strict";
import { io } from "socket.io-client";

const [address, mode] = process.argv.slice(2);
const transports = { polling: ["polling"], websocket: ["websocket"], upgrade: ["polling", "websocket"] }[mode];
// Every message is compressed, however short, once the server has agreed to it.
const perMessageDeflate = { threshold: 0 };
const options = { transports, perMessageDeflate, forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 100, timeout: 5000 };

function once(socket, event, within = 5000) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${event} within ${within} ms`)), within);
    socket.once(event, (...args) => {
      clearTimeout(timer);
      resolve(args);
    });
  });
}

const bytes = (...values) => Buffer.from(values);
const done = [];

// A client whose first events meet the upgrade: every one must come back, once, in order.
const main = io(address, { ...options, auth: { token: "abc" } });
const order = [];
main.on("message-back", (n) => typeof n === "number" && order.push(n));
const auth = once(main, "auth");
await once(main, "connect");
for (let n = 0; n < 300; n++) {
  main.emit("message", n);
  if (n % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
}
assert.deepEqual(await auth, [{ token: "abc" }]);
await main.timeout(5000).emitWithAck("message-with-ack");
assert.deepEqual(order, Array.from({ length: 300 }, (_, n) => n));
done.push("order");

let early = false; // a connection lost before it is asked for would be hidden by reconnecting
main.once("disconnect", () => (early = true));

// Acks, with and without arguments, text and binary.
const ack = (...args) =>
  new Promise((resolve, reject) =>
    main.timeout(5000).emit("message-with-ack", ...args, (error, ...back) => (error ? reject(error) : resolve(back))),
  );
assert.deepEqual(await ack(), []);
assert.deepEqual(await ack(1, "zwei", { drei: [true, null, "ü€😀"] }), [1, "zwei", { drei: [true, null, "ü€😀"] }]);
const [echoed, nested] = await ack(bytes(1, 2, 3), { deep: [{ blob: bytes(4, 5) }, "x"] });
assert.deepEqual(Buffer.from(echoed), bytes(1, 2, 3));
assert.deepEqual(Buffer.from(nested.deep[0].blob), bytes(4, 5));
done.push("acks");

// Binary events, and one large enough for a 64-bit frame length.
const back = once(main, "message-back");
main.emit("message", bytes(9, 8), "between", bytes());
const [first, between, last] = await back;
assert.deepEqual([Buffer.from(first), between, Buffer.from(last)], [bytes(9, 8), "between", bytes()]);
const large = Buffer.alloc(300_000, 7);
assert.deepEqual(Buffer.from((await ack(large))[0]), large);
assert.equal((await ack("x".repeat(200_000)))[0].length, 200_000);
done.push("binary");

// Several namespaces on one connection; an unknown one is refused without harm to the others.
const custom = main.io.socket("/custom", { auth: { token: "def" } });
const customAuth = once(custom, "auth");
assert.deepEqual(await customAuth, [{ token: "def" }]);
custom.emit("message", "hello");
assert.deepEqual(await once(custom, "message-back"), ["hello"]);
const unknown = main.io.socket("/random");
const refused = once(unknown, "connect_error");
assert.equal((await refused)[0].message, "Invalid namespace");
unknown.disconnect();
custom.disconnect();
assert.deepEqual(await ack("still here"), ["still here"]);
done.push("namespaces");

assert.equal(early, false);

// Heartbeats: several intervals pass and the connection stays.
let dropped = false;
main.once("disconnect", () => (dropped = true));
await new Promise((resolve) => setTimeout(resolve, 1200));
assert.equal(dropped, false);
const transport = main.io.engine.transport.name;
const extensions = main.io.engine.transport.ws?.extensions ?? "";
done.push("heartbeat");

// A closed transport: the client comes back by itself. A DISCONNECT: it does not.
const lost = once(main, "disconnect");
const again = once(main, "connect");
main.emit("close-me");
assert.equal((await lost)[0], "transport close");
await again;
assert.deepEqual(await ack("again"), ["again"]);
const gone = once(main, "disconnect");
main.emit("disconnect-me");
assert.equal((await gone)[0], "io server disconnect");
assert.equal(main.active, false);
done.push("reconnect");

main.close();
console.log(JSON.stringify({ done, transport, extensions }));
process.exit(0);
