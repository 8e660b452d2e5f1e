/**
 * What is in an OpenAPI document, for a page that shows it and tries it: operations, fields, a body to begin with, the
 * request that a filled form means, and the same for curl. Knows no page.
 */

const METHODS = ["get", "post", "put", "patch", "delete"];
/** Fields of fields of fields … are named so far down; what is deeper is in the document itself. */
const DEEPEST = 4;

/** @typedef {{ name: string, in: "path" | "query" | "header", required?: boolean, schema: any, description?: string }} Parameter */
/** @typedef {{ name: string, type: string, required: boolean, meaning: string }} FieldRow */

/**
 * @typedef {object} Operation
 * @property {string} id
 * @property {string} method in capitals
 * @property {string} path with `{names}`
 * @property {string} tag
 * @property {string} summary
 * @property {string} description
 * @property {Parameter[]} parameters
 * @property {any} body the schema of its JSON body, or null
 * @property {{ status: string, description: string, schema: any }[]} answers
 * @property {boolean} takesToken
 * @property {boolean} needsToken
 */

/**
 * @param {any} document
 * @param {any} value
 * @returns {any} what a `$ref` names; anything else as it is
 */
export function resolved(document, value) {
  let found = value;
  while (found?.$ref) found = found.$ref.slice(2).split("/").reduce((/** @type {any} */ at, /** @type {string} */ key) => at?.[key], document);
  return found ?? {};
}

/**
 * @param {any} document
 * @returns {Operation[]} in the document's order
 */
export function operationsOf(document) {
  const found = [];
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const one = item[method];
      if (!one) continue;
      /** @type {object[]} */
      const ways = one.security ?? document.security ?? [];
      const takesToken = ways.some((way) => "bearer" in way);
      found.push({
        id: one.operationId,
        method: method.toUpperCase(),
        path,
        tag: one.tags?.[0] ?? "",
        summary: one.summary ?? "",
        description: one.description ?? "",
        parameters: one.parameters ?? [],
        body: one.requestBody?.content?.["application/json"]?.schema ?? null,
        answers: Object.entries(one.responses).map(([status, answer]) => {
          const { description, content } = resolved(document, answer);
          return { status, description: description ?? "", schema: mediaOf(content)?.schema ?? null };
        }),
        takesToken,
        needsToken: takesToken && !ways.some((way) => Object.keys(way).length === 0),
      });
    }
  }
  return found;
}

/** @param {Record<string, any> | undefined} content */
const mediaOf = (content) => (content ? Object.values(content)[0] : undefined);

/**
 * @param {Operation[]} operations
 * @param {string} words
 * @returns {Operation[]} those in which every word is found
 */
export function matching(operations, words) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return operations.filter((one) => {
    const text = `${one.method} ${one.path} ${one.id} ${one.summary} ${one.tag}`.toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
}

/**
 * A value to begin with: the schema's example, else its default, else the emptiest of its type. Of an object the required
 * fields; where none is, the first.
 *
 * @param {any} document
 * @param {any} schema
 * @returns {any}
 */
export function exampleOf(document, schema) {
  const whole = resolved(document, schema);
  const part = resolved(document, whole.anyOf?.find((/** @type {any} */ one) => one.type !== "null") ?? whole);
  const [example] = whole.examples ?? part.examples ?? [];
  if (example !== undefined) return example;
  if (whole.default !== undefined && whole.default !== null) return whole.default;
  if (part.type === "object") {
    const names = Object.keys(part.properties ?? {});
    const wanted = part.required?.length ? part.required : names.slice(0, 1);
    return Object.fromEntries(wanted.map((/** @type {string} */ name) => [name, exampleOf(document, part.properties[name])]));
  }
  if (part.enum) return part.enum[0];
  if (part.type === "array") return [];
  if (part.type === "boolean") return false;
  if (part.type === "integer" || part.type === "number") return part.minimum ?? 0;
  return part.format === "uuid" ? "00000000-0000-0000-0000-000000000000" : "";
}

/**
 * The fields of a schema, those of its fields after them as `field.inner`, of lists as `field[].inner`.
 *
 * @param {any} document
 * @param {any} schema
 * @returns {FieldRow[]}
 */
export function fieldsOf(document, schema, prefix = "", depth = 0) {
  const whole = resolved(document, schema);
  const object = depth < DEEPEST ? objectIn(document, whole) : null;
  if (!object) return [];
  const inner = object.isList ? `${prefix}[]` : prefix;
  /** @type {FieldRow[]} */
  const rows = [];
  for (const [name, value] of Object.entries(object.schema.properties ?? {})) {
    const path = inner ? `${inner}.${name}` : name;
    const required = (object.schema.required ?? []).includes(name);
    rows.push({ name: path, type: typeOf(document, value), required, meaning: meaningOf(document, value) });
    rows.push(...fieldsOf(document, value, path, depth + 1));
  }
  return rows;
}

/**
 * @param {any} document
 * @param {any} schema
 * @returns {{ schema: any, isList: boolean } | null} the object that a schema is, may be, or is a list of
 */
function objectIn(document, schema) {
  for (const one of [schema, ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].map((part) => resolved(document, part))) {
    if (one.type === "object" && one.properties) return { schema: one, isList: false };
    const item = one.type === "array" ? resolved(document, one.items) : {};
    if (item.type === "object" && item.properties) return { schema: item, isList: true };
  }
  return null;
}

/**
 * @param {any} document
 * @param {any} schema
 * @returns {string} its type and its bounds, in words
 */
export function typeOf(document, schema) {
  const whole = resolved(document, schema);
  const parts = whole.anyOf ?? whole.oneOf;
  if (parts) return parts.map((/** @type {any} */ one) => typeOf(document, one)).join(" or ");
  if (whole.enum) return whole.enum.map((/** @type {any} */ one) => JSON.stringify(one)).join(" or ");
  if (whole.const !== undefined) return JSON.stringify(whole.const);
  if (whole.type === "array") return `list of ${typeOf(document, whole.items ?? {})}`;
  const kind = whole.format ?? whole.type ?? "any value";
  const [least, most] = [whole.minLength ?? whole.minimum, whole.maxLength ?? whole.maximum];
  const unit = whole.type === "string" ? " characters" : "";
  if (least !== undefined && most !== undefined) return `${kind}, ${least} to ${most}${unit}`;
  if (most !== undefined) return `${kind}, at most ${most}${unit}`;
  return least ? `${kind}, at least ${least}${unit}` : kind;
}

/**
 * @param {any} document
 * @param {any} schema
 */
function meaningOf(document, schema) {
  const whole = resolved(document, schema);
  const parts = (whole.anyOf ?? []).map((/** @type {any} */ one) => resolved(document, one));
  const said = schema.description ?? [whole, ...parts].find((one) => one.description && one.type !== "object")?.description;
  const usual = whole.default === undefined || whole.default === null ? "" : `Left out: ${JSON.stringify(whole.default)}`;
  return [said, usual].filter(Boolean).join(". ");
}

/**
 * What a filled form means.
 *
 * @param {string} base the server's address, ending in a slash
 * @param {Operation} operation
 * @param {Record<string, string>} values parameters by name; an empty one is left out
 * @param {string | null} body
 * @returns {{ method: string, url: string, headers: Record<string, string>, body: string | null }}
 */
export function requestOf(base, operation, values, body) {
  let { path } = operation;
  const query = new URLSearchParams();
  /** @type {Record<string, string>} */
  const headers = {};
  for (const { name, in: place } of operation.parameters) {
    const value = values[name] ?? "";
    if (place === "path") path = path.replace(`{${name}}`, value === "" ? `{${name}}` : encodeURIComponent(value));
    else if (value === "") continue;
    else if (place === "query") query.set(name, value);
    else headers[name] = value;
  }
  if (body !== null) headers["Content-Type"] = "application/json";
  const search = query.size > 0 ? `?${query}` : "";
  return { method: operation.method, url: base + path.slice(1) + search, headers, body };
}

/**
 * The command for a shell. The token is not in it: it is the variable TOKEN's.
 *
 * @param {ReturnType<typeof requestOf>} request
 * @param {boolean} takesToken
 */
export function curlOf({ method, url, headers, body }, takesToken) {
  const lines = [method === "GET" ? `curl ${quoted(url)}` : `curl -X ${method} ${quoted(url)}`];
  if (takesToken) lines.push('-H "Authorization: Bearer $TOKEN"');
  for (const [name, value] of Object.entries(headers)) lines.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (body !== null) lines.push(`-d ${quoted(body)}`);
  return lines.join(" \\\n  ");
}

/** @param {string} text for a POSIX shell */
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
