/** The session: one tab refreshes, the others follow; only the server's no ends it. */

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { Api } from "../../../src/hubbub/web/js/core/api.js";
import { Failure } from "../../../src/hubbub/web/js/client/failure.js";
import { Session, SESSION_KEY } from "../../../src/hubbub/web/js/core/session.js";
import { memoryStorage, settle, sharedLock } from "./support.mjs";

const LIFE = 900;

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000_000 });
});

/** A server that rotates refresh tokens, and as many tabs as are asked for. */
function bench(tabs = 1) {
  const server = { used: new Set(), made: 0, refreshes: 0, mood: "well" };
  /** @param {number} status @param {object} body */
  const answer = (status, body) => new Response(JSON.stringify(body), { status });
  const tokens = () => {
    server.made += 1;
    return {
      success: true,
      user: { userId: "me", username: "me" },
      token: `t${server.made}`,
      refreshToken: `r${server.made}`,
      expiresIn: LIFE,
    };
  };
  /** @type {any} */
  const fetcher = async (/** @type {string} */ url, /** @type {any} */ { body, headers }) => {
    if (server.mood === "away") throw new TypeError("network");
    if (server.mood === "ill")
      return answer(503, { success: false, code: "unavailable", message: "Not now.", retryable: true });
    if (url.endsWith("/auth/login")) return answer(200, tokens());
    if (url.endsWith("/auth/refresh")) {
      const { refreshToken } = JSON.parse(body);
      if (server.used.has(refreshToken))
        return answer(401, { success: false, code: "unauthorized", message: "Used before.", retryable: false });
      server.used.add(refreshToken);
      server.refreshes += 1;
      return answer(200, tokens());
    }
    const fresh = headers.Authorization === `Bearer t${server.made}`;
    return fresh
      ? answer(200, { success: true, seen: headers.Authorization })
      : answer(401, { success: false, code: "token_expired", message: "Expired." });
  };
  const storage = memoryStorage();
  const lock = sharedLock();
  /** @type {any} */
  let latest = null;
  const vault = { read: async () => latest, write: async (/** @type {any} */ value) => void (latest = value) };
  const open = (/** @type {any} */ view = storage) => {
    const api = new Api("http://localhost/", fetcher);
    return { api, session: new Session(api, view, lock, vault) };
  };
  return { server, storage, open, tabs: Array.from({ length: tabs }, () => open()) };
}

const credentials = { username: "me", password: "secret" };

test("two tabs that need a token at once refresh once", async () => {
  const { server, open, tabs } = bench(1);
  await tabs[0].session.login(credentials);
  const second = open();
  assert.equal(second.session.user?.userId, "me");
  mock.timers.tick(LIFE * 1000);
  const [one, two] = await Promise.all([tabs[0].session.token(), second.session.token()]);
  assert.equal(one, two);
  assert.equal(server.refreshes, 1);
});

test("it is renewed in good time by itself, and says so", async () => {
  const { server, tabs } = bench();
  const { session } = tabs[0];
  await session.login(credentials);
  const heard = [];
  session.on("token", (token) => heard.push(token));
  mock.timers.tick(LIFE * 750 + 1);
  await settle();
  assert.deepEqual(heard, ["t2"]);
  assert.equal(server.refreshes, 1);
});

test("a request with a token that has ended is sent again with a newer one", async () => {
  const { api, session } = bench().tabs[0];
  await session.login(credentials);
  await api.request("POST", "auth/login", { body: credentials, anonymous: true }); // the server now knows t2 alone
  const { seen } = await api.get("rooms");
  assert.equal(seen, "Bearer t3");
});

test("a server that is away or unwell ends nothing", async () => {
  const { server, tabs } = bench();
  const { session } = tabs[0];
  await session.login(credentials);
  for (const mood of ["away", "ill"]) {
    server.mood = mood;
    await assert.rejects(session.renew("t1"), (error) => error instanceof Failure && error.retryable);
    assert.ok(session.user);
  }
  server.mood = "well";
  assert.equal(await session.renew("t1"), "t2");
});

test("a no of the server ends it, in every tab", async () => {
  const { server, storage, open, tabs } = bench();
  const { session } = tabs[0];
  await session.login(credentials);
  const other = open().session;
  const heard = [];
  session.on("change", (reason) => heard.push(reason));
  server.used.add("r1");
  await assert.rejects(session.renew("t1"));
  assert.equal(session.user, null);
  assert.deepEqual(heard, ["ended"]);
  assert.deepEqual(storage.keys(), []);
  other.follow();
  assert.equal(other.user, null);
});

test("a store that holds nonsense is as good as empty", () => {
  const { storage, open } = bench();
  storage.setItem("hubbub.session", "{nonsense");
  assert.equal(open().session.user, null);
});

test("a tab whose store lags behind another's does not use a refresh token a second time", async () => {
  const { server, storage, open, tabs } = bench();
  await tabs[0].session.login(credentials);
  const before = storage.getItem(SESSION_KEY);
  const late = open({ ...storage, getItem: (/** @type {string} */ key) => (key === SESSION_KEY ? before : null) });
  const stale = JSON.parse(before ?? "{}").token;
  mock.timers.tick(1_000);
  const fresh = await tabs[0].session.renew(stale);
  assert.equal(await late.session.renew(stale), fresh);
  assert.equal(server.refreshes, 1);
});
