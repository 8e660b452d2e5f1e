/**
 * What a client asks of its surroundings: unique ids, a store that survives a reload, a moment's pause.
 *
 * Each works where the browser withholds the modern form: a page served over plain HTTP from another machine
 * has no `crypto.randomUUID`, and private windows may refuse `localStorage`. Under Node the store is memory,
 * or whatever the application passes instead.
 */

/**
 * @typedef {object} Storage strings by name; the store of a browser, a file, a table
 * @property {(key: string) => string | null} getItem
 * @property {(key: string, value: string) => void} setItem
 * @property {(key: string) => void} removeItem
 * @property {() => string[]} keys
 */

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

/**
 * @param {number} ms
 * @returns {Promise<void>}
 */
export function pause(ms) {
  return new Promise((done) => setTimeout(done, ms));
}
