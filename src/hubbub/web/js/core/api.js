/**
 * REST: one request, one answer, one kind of failure.
 *
 * Every refusal, of the server or of the network, is a `Failure` with the contract's fields. A request that is
 * answered 401 gets a renewed token once and is sent again; who renews is told by `useSession`.
 */

import { Failure, unreachable } from "../client/failure.js";

/** The most items of a list that one answer holds. */
const LIST_PAGE = 100;

/**
 * @typedef {object} TokenSource
 * @property {() => Promise<string>} token a token that will live a while
 * @property {(stale: string) => Promise<string>} renew a newer one than `stale`
 */

/**
 * @typedef {object} RequestOptions
 * @property {object} [body]
 * @property {Record<string, string | number | undefined>} [query]
 * @property {boolean} [anonymous] send no token
 * @property {string} [token] send this one, whatever the session holds
 * @property {string} [idempotencyKey] the same key never makes a second thing
 * @property {number} [timeoutMs]
 */

export class Api {
  #base;
  #fetch;
  /** @type {TokenSource | null} */
  #session = null;

  /**
   * @param {string} base address that ends in a slash, under which `api/` lies
   * @param {typeof fetch} [fetcher]
   */
  constructor(base, fetcher = (input, init) => fetch(input, init)) {
    this.#base = base;
    this.#fetch = fetcher;
  }

  /** @param {TokenSource} session */
  useSession(session) {
    this.#session = session;
  }

  /**
   * @param {string} method
   * @param {string} path below `api/`, already escaped
   * @param {RequestOptions} [options]
   * @returns {Promise<any>} the answer's object
   * @throws {Failure}
   */
  async request(method, path, options = {}) {
    if (options.anonymous || options.token || !this.#session) {
      return this.#once(method, path, options, options.token ?? null);
    }
    const token = await this.#session.token();
    try {
      return await this.#once(method, path, options, token);
    } catch (error) {
      if (!(error instanceof Failure && error.wantsToken)) throw error;
      return this.#once(method, path, options, await this.#session.renew(token));
    }
  }

  /**
   * @param {string} path
   * @param {Record<string, string | number | undefined>} [query]
   */
  get(path, query) {
    return this.request("GET", path, { query });
  }

  /**
   * A list, page after page.
   *
   * @param {string} path
   * @param {number} [most] items; asking stops there
   * @returns {Promise<any[]>}
   * @throws {Failure}
   */
  async list(path, most = 500) {
    /** @type {any[]} */
    const all = [];
    /** @type {string | undefined} */
    let cursor;
    do {
      const { data, nextCursor } = await this.get(path, { limit: LIST_PAGE, cursor });
      all.push(...data);
      cursor = nextCursor ?? undefined;
    } while (cursor && all.length < most);
    return all;
  }

  /**
   * @param {string} path
   * @param {object} [body]
   */
  post(path, body) {
    return this.request("POST", path, { body });
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {RequestOptions} options
   * @param {string | null} token
   */
  async #once(method, path, options, token) {
    const url = new URL(`api/${path}`, this.#base);
    for (const [name, value] of Object.entries(options.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    /** @type {Record<string, string>} */
    const headers = { Accept: "application/json" };
    if (token) headers.Authorization = `Bearer ${token}`;
    if (options.body) headers["Content-Type"] = "application/json";
    if (options.idempotencyKey) headers["Idempotency-Key"] = options.idempotencyKey;
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), options.timeoutMs ?? 15_000);
    let response;
    let answer;
    try {
      response = await this.#fetch(url.href, {
        method,
        headers,
        body: options.body && JSON.stringify(options.body),
        signal: abort.signal,
        cache: "no-store",
      });
      const text = await response.text();
      answer = text ? JSON.parse(text) : {};
    } catch {
      if (response && !response.ok) throw failureOf(response.status, {});
      throw unreachable();
    } finally {
      clearTimeout(timer);
    }
    if (!response.ok || answer.success === false) throw failureOf(response.status, answer);
    return answer;
  }
}

/**
 * @param {number} status
 * @param {import("../client/failure.js").FailureReply} answer
 */
function failureOf(status, answer) {
  if (answer.code) return new Failure(answer);
  if (status === 401) return new Failure({ code: "unauthorized", message: "Please sign in again." });
  if (status >= 500 || status === 429) {
    return new Failure({ code: "unavailable", message: "The server is busy. Please try again.", retryable: true });
  }
  return new Failure({ code: "bad_request", message: `The server refused this (${status}).` });
}
