/**
 * What every holder of a socket of socket.io-client needs: an answer or a `Failure`, and when to knock again.
 */

import { Failure, unreachable } from "./failure.js";

const ACK_TIMEOUT_MS = 10_000;
const REFUSED_RETRY_MS = [250, 1_000, 2_500, 5_000, 10_000];

/**
 * Ask, and wait for the answer.
 *
 * @param {any} socket
 * @param {string} event
 * @param {object} data
 * @returns {Promise<any>}
 * @throws {Failure} refused; or `unreachable`: whether the server heard is unknown
 */
export async function ask(socket, event, data) {
  if (!socket?.connected) throw unreachable();
  let reply;
  try {
    reply = await socket.timeout(ACK_TIMEOUT_MS).emitWithAck(event, data);
  } catch {
    throw unreachable();
  }
  if (reply?.success === false) throw new Failure(reply);
  return reply ?? {};
}

/**
 * The server turned us away, which socket.io-client takes as final: how long to wait before knocking again.
 *
 * @param {number} refusals how often it has done so since it last let us in
 * @param {{ retryAfter?: number }} refusal what it said
 * @returns {number} ms, each time other ones, so that a crowd does not come back at once
 */
export function knockAfter(refusals, refusal) {
  const step = REFUSED_RETRY_MS[Math.min(refusals, REFUSED_RETRY_MS.length - 1)];
  return Math.max(step, (refusal.retryAfter ?? 0) * 1000) * (0.75 + Math.random() / 2);
}

/**
 * @param {{ code?: string }} refusal
 * @returns {boolean} whether a newer token may help
 */
export function wantsToken(refusal) {
  return !refusal.code || new Failure(refusal).wantsToken;
}
