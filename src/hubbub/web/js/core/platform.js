/**
 * What the tabs of one browser share: a lock, and a value that all of them see at once.
 *
 * Each works where the browser withholds the modern form: a page served over plain HTTP from another machine
 * has no `navigator.locks`, and private windows may refuse a database.
 */

import { pause, uuid } from "../client/platform.js";

/** @typedef {import("./types.js").Storage} Storage */
/** @typedef {import("./types.js").Lock} Lock */

const LEASE_MS = 10_000;

/**
 * A lock between the tabs of one browser.
 *
 * @param {Storage} storage holds the lease where `navigator.locks` is missing
 * @returns {Lock}
 */
export function tabLock(storage) {
  const locks = globalThis.navigator?.locks;
  if (locks) return (name, work) => locks.request(name, work);
  /** @type {Promise<unknown>} */
  let mine = Promise.resolve();
  return (name, work) => {
    const turn = mine.then(() => withLease(storage, name, work));
    mine = turn.catch(() => {});
    return turn;
  };
}

/**
 * A lease in the shared store: taken when free or outdated, read back to see who won, given back at the end.
 *
 * @param {Storage} storage
 * @param {string} name
 * @param {() => Promise<any>} work
 */
async function withLease(storage, name, work) {
  const key = `hubbub.lock.${name}`;
  const owner = uuid();
  const deadline = Date.now() + 2 * LEASE_MS;
  for (;;) {
    const [holder, until] = (storage.getItem(key) ?? "").split(" ");
    if (!holder || Number(until) < Date.now() || Date.now() > deadline) {
      storage.setItem(key, `${owner} ${Date.now() + LEASE_MS}`);
      await pause(40);
      if (storage.getItem(key)?.startsWith(owner)) break;
    }
    await pause(60);
  }
  try {
    return await work();
  } finally {
    if (storage.getItem(key)?.startsWith(owner)) storage.removeItem(key);
  }
}

/**
 * One value that every tab sees as soon as it is written. `localStorage` does not promise that: a tab is often a
 * process of its own, which may hold what it read before another tab wrote. A transaction of IndexedDB does.
 *
 * @param {string} name
 * @returns {import("./types.js").Vault} forgets everything where the browser refuses
 */
export function tabVault(name) {
  /** @returns {Promise<IDBDatabase>} */
  const open = () =>
    new Promise((done, fail) => {
      const request = indexedDB.open("hubbub", 1);
      request.onupgradeneeded = () => request.result.createObjectStore("vault");
      request.onsuccess = () => done(request.result);
      request.onerror = request.onblocked = () => fail(request.error);
    });
  /**
   * @param {IDBTransactionMode} mode
   * @param {(store: IDBObjectStore) => IDBRequest} act
   * @returns {Promise<any>}
   */
  const run = async (mode, act) => {
    try {
      const database = await open();
      try {
        return await new Promise((done, fail) => {
          const work = database.transaction("vault", mode);
          const request = act(work.objectStore("vault"));
          work.oncomplete = () => done(request.result);
          work.onerror = work.onabort = () => fail(work.error);
        });
      } finally {
        database.close();
      }
    } catch {
      return null; // `localStorage` alone then has to do
    }
  };
  return {
    read: () => run("readonly", (store) => store.get(name)),
    write: (value) => run("readwrite", (store) => store.put(value, name)),
  };
}
