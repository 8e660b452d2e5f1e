/** What the page of REST makes of an OpenAPI document: bodies, fields, requests, commands. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import {
  curlOf,
  exampleOf,
  fieldsOf,
  matching,
  operationsOf,
  requestOf,
} from "../../../src/hubbub/web/js/docs/operations.js";

const DOCUMENT = {
  security: [{ bearer: [] }],
  paths: {
    "/api/rooms/{room}/messages": {
      get: { operationId: "listMessages", summary: "A page", security: [{}, { bearer: [] }], responses: {}, parameters: [
        { name: "room", in: "path", required: true, schema: {} },
        { name: "after", in: "query", schema: {} },
        { name: "Idempotency-Key", in: "header", schema: {} },
      ] },
      post: {
        operationId: "postMessage",
        responses: { 409: { $ref: "#/components/responses/409" } },
        requestBody: { content: { "application/json": { schema: { $ref: "#/components/schemas/Post" } } } },
      },
    },
  },
  components: {
    responses: { 409: { description: "`conflict`" } },
    schemas: {
      Post: {
        type: "object",
        required: ["message", "kind"],
        properties: {
          message: { type: "string", minLength: 1, examples: ["Hello"] },
          kind: { enum: ["said", "shown"] },
          replyTo: { anyOf: [{ type: "string", format: "uuid" }, { type: "null" }], default: null },
          parts: { type: "array", items: { $ref: "#/components/schemas/Part" } },
        },
      },
      Part: { type: "object", properties: { within: { $ref: "#/components/schemas/Part" }, count: { type: "integer", default: 3 } } },
    },
  },
};
const [list, post] = operationsOf(DOCUMENT);

test("operations say whether they take a token, and what they answer", () => {
  assert.deepEqual([list.takesToken, list.needsToken], [true, false]);
  assert.deepEqual([post.takesToken, post.needsToken], [true, true]);
  assert.deepEqual(post.answers, [{ status: "409", description: "`conflict`", schema: null }]);
  assert.deepEqual(matching([list, post], "messages GET").map((one) => one.id), ["listMessages"]);
});

test("a body begins with examples of what is required", () => {
  assert.deepEqual(exampleOf(DOCUMENT, post.body), { message: "Hello", kind: "said" });
  assert.deepEqual(exampleOf(DOCUMENT, { type: "object", properties: { bio: { anyOf: [{ type: "string" }, { type: "null" }] } } }), { bio: "" });
});

test("fields are named with those inside them, to an end", () => {
  const rows = fieldsOf(DOCUMENT, post.body);
  assert.deepEqual(rows.slice(0, 3), [
    { name: "message", type: "string, at least 1 characters", required: true, meaning: "" },
    { name: "kind", type: '"said" or "shown"', required: true, meaning: "" },
    { name: "replyTo", type: "uuid or null", required: false, meaning: "" },
  ]);
  assert.equal(rows.find((row) => row.name === "parts[].within.count")?.meaning, "Left out: 3");
  assert.ok(rows.length < 30);
});

test("a form is a request, and a shell sends the very same", () => {
  const values = { room: "tea & cake", after: "7", "Idempotency-Key": "it's me" };
  const asked = requestOf("http://host/base/", list, values, null);
  assert.deepEqual(asked, {
    method: "GET",
    url: "http://host/base/api/rooms/tea%20%26%20cake/messages?after=7",
    headers: { "Idempotency-Key": "it's me" },
    body: null,
  });
  const body = JSON.stringify({ message: "don't `rm` $HOME" }, null, 2);
  const command = curlOf(requestOf("http://host/", post, {}, body), true);
  const shell = command.replace(/^curl/, "printf '%s\\n'");
  const given = execFileSync("sh", ["-c", shell], { encoding: "utf8", env: { TOKEN: "abc" } });
  assert.equal(
    given,
    ["-X", "POST", "http://host/api/rooms/{room}/messages", "-H", "Authorization: Bearer abc", "-H", "Content-Type: application/json", "-d", body, ""].join("\n"),
  );
});
