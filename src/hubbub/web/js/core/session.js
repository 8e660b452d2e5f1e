/**
 * Who is signed in on this browser, and the tokens that prove it.
 *
 * The access token lives for minutes, the refresh token is replaced at each use; both lie in the store that the
 * tabs share, and only one tab at a time refreshes (a second use of one refresh token would end the session). What
 * another tab has just written may not show in the store yet; the vault always has it.
 * Emits `change` when somebody signs in or out, and `token` when a newer access token is there.
 */

import { Emitter } from "../client/emitter.js";
import { Failure } from "../client/failure.js";

/** @typedef {import("./api.js").Api} Api */
/** @typedef {import("./types.js").User} User */
/** @typedef {import("./types.js").Tokens} Tokens */
/** @typedef {{ user: User, token: string, refreshToken: string, expiresAt: number, life: number }} Kept */

export const SESSION_KEY = "hubbub.session";

/** A token with less life left than this, in ms, is renewed before it is used. */
const MARGIN_MS = 10_000;

export class Session extends Emitter {
  #api;
  #storage;
  #lock;
  #vault;
  /** @type {Kept | null} */
  #kept = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {Api} api
   * @param {import("./types.js").Storage} storage
   * @param {import("./types.js").Lock} lock
   * @param {import("./types.js").Vault} vault
   */
  constructor(api, storage, lock, vault) {
    super();
    this.#vault = vault;
    this.#api = api;
    this.#storage = storage;
    this.#lock = lock;
    api.useSession(this);
    this.#adopt(this.#read());
  }

  /** @returns {User | null} */
  get user() {
    return this.#kept?.user ?? null;
  }

  /**
   * @param {{ username: string, email: string, password: string, displayName?: string }} form
   * @throws {Failure}
   */
  async register(form) {
    this.#keep(await this.#api.request("POST", "auth/register", { body: form, anonymous: true }));
  }

  /**
   * @param {{ username: string, password: string }} form
   * @throws {Failure}
   */
  async login(form) {
    this.#keep(await this.#api.request("POST", "auth/login", { body: form, anonymous: true }));
  }

  /** Ends the session here at once, and on the server as soon as it can be told. */
  async logout() {
    try {
      const token = await this.token();
      // Other tabs first: they leave by themselves instead of finding their token void.
      this.#storage.removeItem(SESSION_KEY);
      await this.#api.request("POST", "auth/logout", { token });
    } catch {
      // The tokens are forgotten all the same; the session runs out on the server.
    }
    this.#forget("signed-out");
  }

  /** @returns {Promise<string>} an access token with life left */
  async token() {
    const kept = this.#kept;
    if (!kept) throw new Failure({ code: "unauthorized", message: "Please sign in." });
    const margin = Math.min(MARGIN_MS, kept.life / 4);
    return kept.expiresAt - Date.now() > margin ? kept.token : this.renew(kept.token);
  }

  /**
   * A newer access token than `stale`: another tab's, if it has been quicker, else one asked for now.
   *
   * @param {string} stale
   * @returns {Promise<string>}
   * @throws {Failure} the network failed (`retryable`), or the session has ended
   */
  renew(stale) {
    return this.#lock("hubbub.refresh", async () => {
      const kept = await this.#newest();
      if (!kept) {
        this.#forget("ended");
        throw new Failure({ code: "unauthorized", message: "Please sign in again." });
      }
      if (kept.token !== stale && kept.expiresAt > Date.now()) {
        this.#adopt(kept);
        return kept.token;
      }
      try {
        const body = { refreshToken: kept.refreshToken };
        const tokens = await this.#api.request("POST", "auth/refresh", { body, anonymous: true });
        await this.#vault.write(this.#keep({ user: kept.user, ...tokens }));
        return tokens.token;
      } catch (error) {
        if (error instanceof Failure && !error.retryable) this.#forget("ended");
        throw error;
      }
    });
  }

  /** Another tab has written: follow it. Call this on the `storage` event of `SESSION_KEY`. */
  follow() {
    const kept = this.#read();
    if (kept?.user.userId === this.#kept?.user.userId) {
      this.#adopt(kept);
      if (kept) this.emit("token", kept.token);
    } else {
      this.#adopt(kept);
      this.emit("change", "elsewhere");
    }
  }

  /**
   * What the tabs have, from whichever place has the newer. While nobody is signed in, nobody is.
   *
   * @returns {Promise<Kept | null>}
   */
  async #newest() {
    const shown = this.#read();
    if (!shown) return null;
    const sure = await this.#vault.read();
    const isNewer = sure?.user?.userId === shown.user.userId && sure.expiresAt > shown.expiresAt;
    return isNewer ? sure : shown;
  }

  /**
   * @param {Tokens} tokens
   * @returns {Kept}
   */
  #keep(tokens) {
    const { user, token, refreshToken, expiresIn } = tokens;
    const life = (expiresIn || 900) * 1000;
    const before = this.#kept?.user.userId;
    const kept = { user, token, refreshToken, expiresAt: Date.now() + life, life };
    this.#storage.setItem(SESSION_KEY, JSON.stringify(kept));
    this.#adopt(kept);
    this.emit("token", token);
    if (before !== user.userId) this.emit("change", "signed-in");
    return kept;
  }

  /** @param {string} reason */
  #forget(reason) {
    this.#storage.removeItem(SESSION_KEY);
    this.#vault.write(null);
    const had = this.#kept !== null;
    this.#adopt(null);
    if (had) this.emit("change", reason);
  }

  /** @returns {Kept | null} */
  #read() {
    try {
      const kept = JSON.parse(this.#storage.getItem(SESSION_KEY) ?? "null");
      return kept?.user?.userId && kept.refreshToken ? kept : null;
    } catch {
      return null;
    }
  }

  /** @param {Kept | null} kept */
  #adopt(kept) {
    this.#kept = kept;
    clearTimeout(this.#timer);
    if (!kept) return;
    // Renew when three quarters of the life are over; a timer late after sleep is no harm, `token()` looks itself.
    const wait = Math.max(1_000, kept.expiresAt - kept.life / 4 - Date.now());
    this.#timer = setTimeout(() => this.#renewQuietly(kept.token), Math.min(wait, 2 ** 31 - 1));
  }

  /** @param {string} stale */
  async #renewQuietly(stale) {
    try {
      await this.renew(stale);
    } catch {
      if (this.#kept?.token === stale) this.#timer = setTimeout(() => this.#renewQuietly(stale), 15_000);
    }
  }
}
