/**
 * A message's text as elements: links become links, `code` and fenced blocks become code, the rest stays text.
 *
 * Nothing is ever parsed as HTML. Only http and https addresses become links, and they open without telling the
 * other side where they were found.
 */

import { h } from "./dom.js";

const FENCE = /```[^\S\n]*[\w+-]*\n?([\s\S]+?)\n?```/gu;
const INLINE = /`([^`\n]+)`|(https?:\/\/[^\s<>"'`]+)/gu;
const TRAILING = /[.,;:!?)\]}»”’]+$/u;

/**
 * @param {string} text
 * @returns {DocumentFragment}
 */
export function richText(text) {
  const out = document.createDocumentFragment();
  let at = 0;
  for (const match of text.matchAll(FENCE)) {
    inline(text.slice(at, match.index).replace(/\n$/u, ""), out);
    out.append(h("pre", { tabindex: 0, "aria-label": "Code" }, h("code", { text: match[1] })));
    at = match.index + match[0].length;
    if (text[at] === "\n") at += 1;
  }
  inline(text.slice(at), out);
  return out;
}

/**
 * @param {string} text
 * @param {DocumentFragment} out
 */
function inline(text, out) {
  let at = 0;
  for (const match of text.matchAll(INLINE)) {
    out.append(text.slice(at, match.index));
    if (match[1] !== undefined) {
      out.append(h("code", { text: match[1] }));
      at = match.index + match[0].length;
    } else {
      const address = withoutTrailing(match[2]);
      out.append(link(address));
      at = match.index + address.length;
    }
  }
  if (at < text.length) out.append(text.slice(at));
}

/**
 * @param {string} address
 * @returns {string} without the sentence's punctuation, but with a bracket that belongs to it
 */
function withoutTrailing(address) {
  const cut = address.replace(TRAILING, "");
  const opened = cut.split("(").length > cut.split(")").length;
  return opened && address[cut.length] === ")" ? `${cut})` : cut;
}

/** @param {string} address */
function link(address) {
  let href;
  try {
    href = new URL(address).href;
  } catch {
    return document.createTextNode(address);
  }
  return h("a", { href, target: "_blank", rel: "noopener noreferrer nofollow", text: address });
}
