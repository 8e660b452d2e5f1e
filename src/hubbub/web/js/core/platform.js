/**
 * What the core asks of its surroundings: unique ids, a store that survives a reload, a lock between tabs.
 *
 * Each works where the browser withholds the modern form: a page served over plain HTTP from another machine
 * has neither `crypto.randomUUID` nor `navigator.locks`, and private windows may refuse `localStorage`.
 */

/** @typedef {import("./types.js").Storage} Storage */
/** @typedef {import("./types.js").Lock} Lock */

/** @returns {string} a random UUID, version 4 */
export function uuid() {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** @returns {Storage} a store that lasts as long as the page does */
export function memoryStorage() {
  /** @type {Map<string, string>} */
  const map = new Map();
  return {
    getItem: (key) => map.get(key) ?? null,
    setItem: (key, value) => void map.set(key, value),
    removeItem: (key) => void map.delete(key),
    keys: () => [...map.keys()],
  };
}

/** @returns {Storage} the browser's `localStorage`, or memory where that is refused */
export function browserStorage() {
  try {
    const probe = "hubbub.probe";
    localStorage.setItem(probe, "1");
    localStorage.removeItem(probe);
  } catch {
    return memoryStorage();
  }
  return {
    getItem: (key) => localStorage.getItem(key),
    setItem: (key, value) => {
      try {
        localStorage.setItem(key, value);
      } catch {
        // A full store costs surviving a reload, not the message: it is still in memory and on its way.
      }
    },
    removeItem: (key) => localStorage.removeItem(key),
    keys: () => Object.keys(localStorage),
  };
}

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

/**
 * @param {number} ms
 * @returns {Promise<void>}
 */
export function pause(ms) {
  return new Promise((done) => setTimeout(done, ms));
}
