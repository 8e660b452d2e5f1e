/**
 * Messages that were written but are not known to be stored: kept through a reload, sent until answered.
 *
 * Promises: what the person wrote stays here until the server has acknowledged it, the message itself has come
 * back, or the person discards it. Each carries one `clientId` for ever, so sending it again can never make a
 * second message. In each room one is on its way at a time, in the order written; a refusal that sending again
 * cannot mend marks that message as failed and lets the next one go.
 *
 * Emits `change` with the room's id, `stored` with `{entry, reply}` when the server acknowledged one, and `failed`
 * with the entry when it refused one for good.
 */

import { Emitter } from "./emitter.js";
import { Failure, unreachable } from "./failure.js";
import { uuid } from "./platform.js";

/** @typedef {import("./platform.js").Storage} Storage */

/**
 * @typedef {object} Outgoing a message that is not stored yet
 * @property {string} clientId
 * @property {string} roomId
 * @property {string} text
 * @property {string} [replyTo] the id of the message it answers
 * @property {number} at when it was written, ms since 1970 by this device's clock
 * @property {number} order breaks ties of `at`
 * @property {"waiting" | "sending" | "failed"} state
 * @property {string} [problem] why it failed, for people
 */

const RETRY_MS = [400, 1_000, 2_000, 4_000, 8_000, 15_000];
const PREFIX = "hubbub.outbox.";

export class Outbox extends Emitter {
  #storage;
  #send;
  #prefix = "";
  /** @type {Map<string, Outgoing>} by clientId, in the order written */
  #entries = new Map();
  /** @type {Map<string, { tries: number, timer?: ReturnType<typeof setTimeout>, busy: boolean }>} by room */
  #lanes = new Map();
  #open = false;
  #order = 0;

  /**
   * @param {Storage} storage
   * @param {(entry: Outgoing) => Promise<any>} send resolves with the acknowledgement, rejects with a Failure
   */
  constructor(storage, send) {
    super();
    this.#storage = storage;
    this.#send = send;
  }

  /**
   * Take up what this person had not sent when the page was closed.
   *
   * @param {string | null} userId null: nobody is signed in
   */
  use(userId) {
    this.close();
    this.#entries.clear();
    this.#prefix = userId ? `${PREFIX}${userId}.` : "";
    if (!userId) return;
    /** @type {Outgoing[]} */
    const found = [];
    for (const key of this.#storage.keys().filter((name) => name.startsWith(this.#prefix))) {
      try {
        const entry = JSON.parse(this.#storage.getItem(key) ?? "");
        if (entry.clientId && entry.roomId)
          found.push({ ...entry, state: entry.state === "failed" ? "failed" : "waiting" });
      } catch {
        this.#storage.removeItem(key);
      }
    }
    found.sort((a, b) => a.at - b.at || a.order - b.order);
    for (const entry of found) this.#entries.set(entry.clientId, entry);
    this.#order = found.reduce((top, entry) => Math.max(top, entry.order), 0);
  }

  /** The connection is up: send what waits. */
  open() {
    this.#open = true;
    for (const roomId of new Set([...this.#entries.values()].map((entry) => entry.roomId))) this.#wake(roomId);
  }

  /** The connection is down: wait for `open`. */
  close() {
    this.#open = false;
    for (const lane of this.#lanes.values()) clearTimeout(lane.timer);
    this.#lanes.clear();
  }

  /**
   * @param {string} roomId
   * @returns {Outgoing[]} in the order written
   */
  of(roomId) {
    return [...this.#entries.values()].filter((entry) => entry.roomId === roomId);
  }

  get size() {
    return this.#entries.size;
  }

  /**
   * @param {string} roomId
   * @param {string} text
   * @param {string} [replyTo]
   * @returns {Outgoing}
   */
  add(roomId, text, replyTo) {
    /** @type {Outgoing} */
    const entry = { clientId: uuid(), roomId, text, replyTo, at: Date.now(), order: (this.#order += 1), state: "waiting" };
    this.#entries.set(entry.clientId, entry);
    this.#keep(entry);
    this.emit("change", roomId);
    this.#wake(roomId);
    return entry;
  }

  /**
   * Try a failed one again, under the same clientId.
   *
   * @param {string} clientId
   */
  retry(clientId) {
    const entry = this.#entries.get(clientId);
    if (entry?.state !== "failed") return;
    this.#change(entry, { state: "waiting", problem: undefined });
    this.#wake(entry.roomId);
  }

  /**
   * It is stored, or no longer wanted: forget it.
   *
   * @param {string} clientId
   * @returns {Outgoing | undefined}
   */
  drop(clientId) {
    const entry = this.#entries.get(clientId);
    if (!entry) return undefined;
    this.#entries.delete(clientId);
    this.#storage.removeItem(this.#prefix + clientId);
    this.emit("change", entry.roomId);
    return entry;
  }

  /** Forget everything this person had not sent. */
  discardAll() {
    for (const clientId of [...this.#entries.keys()]) this.drop(clientId);
  }

  /**
   * Another tab settled one. Call this on the `storage` event.
   *
   * @param {string} key
   */
  follow(key) {
    if (this.#prefix && key.startsWith(this.#prefix)) this.drop(key.slice(this.#prefix.length));
  }

  /** @param {string} roomId */
  #wake(roomId) {
    if (!this.#open) return;
    const lane = this.#lanes.get(roomId) ?? { tries: 0, busy: false };
    this.#lanes.set(roomId, lane);
    if (lane.busy) return;
    clearTimeout(lane.timer);
    this.#drain(roomId, lane);
  }

  /**
   * Send the room's messages one after another until none waits, or one has to wait.
   *
   * @param {string} roomId
   * @param {{ tries: number, timer?: ReturnType<typeof setTimeout>, busy: boolean }} lane
   */
  async #drain(roomId, lane) {
    lane.busy = true;
    for (;;) {
      const entry = this.of(roomId).find((one) => one.state !== "failed");
      if (!entry) break;
      this.#change(entry, { state: "sending" });
      const failure = await this.#attempt(entry);
      if (this.#lanes.get(roomId) !== lane) {
        // The connection went meanwhile; a new lane has taken over, or will.
        if (this.#entries.get(entry.clientId)?.state === "sending" && !this.#lanes.get(roomId)?.busy)
          this.#change(entry, { state: "waiting" });
        return;
      }
      if (!failure) {
        lane.tries = 0;
      } else if (failure.retryable || failure.wantsToken) {
        if (this.#entries.has(entry.clientId)) this.#change(entry, { state: "waiting" });
        const step = RETRY_MS[Math.min(lane.tries++, RETRY_MS.length - 1)] * (0.75 + Math.random() / 2);
        lane.timer = setTimeout(() => this.#wake(roomId), Math.max(step, failure.retryAfter * 1000));
        break;
      } else if (this.#entries.has(entry.clientId)) {
        this.#change(entry, { state: "failed", problem: failure.message });
        this.emit("failed", entry);
      }
    }
    lane.busy = false;
  }

  /**
   * @param {Outgoing} entry
   * @returns {Promise<Failure | null>}
   */
  async #attempt(entry) {
    let reply;
    try {
      reply = await this.#send(entry);
    } catch (error) {
      return error instanceof Failure ? error : unreachable();
    }
    // The message itself may have come back before its acknowledgement, and settled this already.
    if (this.#entries.has(entry.clientId)) {
      this.emit("stored", { entry, reply });
      this.drop(entry.clientId);
    }
    return null;
  }

  /**
   * @param {Outgoing} entry
   * @param {Partial<Outgoing>} change
   */
  #change(entry, change) {
    if (!this.#entries.has(entry.clientId)) return;
    const lasting = change.state === "failed" || entry.state === "failed";
    Object.assign(entry, change);
    // Waiting and sending are the same to whoever reads this later. What another tab has settled is not brought back.
    if (lasting && this.#storage.getItem(this.#prefix + entry.clientId) !== null) this.#keep(entry);
    this.emit("change", entry.roomId);
  }

  /** @param {Outgoing} entry */
  #keep(entry) {
    this.#storage.setItem(this.#prefix + entry.clientId, JSON.stringify(entry));
  }
}
