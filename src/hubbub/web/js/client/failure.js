/**
 * The one kind of failure: what the server refused, or that it could not be reached, with the contract's fields.
 */

/**
 * @typedef {object} FailureReply
 * @property {string} [code]
 * @property {string} [message]
 * @property {boolean} [retryable]
 * @property {Record<string, string>} [fields]
 * @property {number} [retryAfter] seconds
 */

export class Failure extends Error {
  /** @param {FailureReply} reply */
  constructor(reply) {
    super(reply.message || "Something went wrong.");
    this.name = "Failure";
    this.code = reply.code ?? "internal";
    this.retryable = reply.retryable ?? false;
    this.fields = reply.fields ?? {};
    this.retryAfter = reply.retryAfter ?? 0;
  }

  /** True when a newer token may help. */
  get wantsToken() {
    return this.code === "unauthorized" || this.code === "token_expired";
  }
}

/** @returns {Failure} the server did not answer; whether it heard is unknown */
export function unreachable() {
  return new Failure({ code: "unreachable", message: "The server cannot be reached just now.", retryable: true });
}
