/** Small stand-ins for what lies around the modules: a store of strings, a lock, a promise one settles by hand. */

import { memoryStorage } from "../../../src/hubbub/web/js/client/platform.js";

export { memoryStorage };

/** @returns {{ promise: Promise<any>, resolve: (value?: any) => void, reject: (error: Error) => void }} */
export function deferred() {
  /** @type {any} */
  const one = {};
  one.promise = new Promise((resolve, reject) => Object.assign(one, { resolve, reject }));
  return one;
}

/** Let everything that is ready run. */
export async function settle() {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
}

/** A lock as between tabs, for sessions that share it. */
export function sharedLock() {
  /** @type {Promise<unknown>} */
  let last = Promise.resolve();
  return (/** @type {string} */ _name, /** @type {() => Promise<any>} */ work) => {
    const turn = last.then(work);
    last = turn.catch(() => {});
    return turn;
  };
}

/**
 * Numbers that look random and come again with the same seed.
 *
 * @param {number} seed
 * @returns {(below: number) => number}
 */
export function dice(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** @returns {number} the seed of this run, printed so that a failure can be had again */
export function seed() {
  const chosen = Number(process.env.HUBBUB_SEED) || Date.now() & 0x7fffffff;
  console.log(`HUBBUB_SEED=${chosen}`);
  return chosen;
}
