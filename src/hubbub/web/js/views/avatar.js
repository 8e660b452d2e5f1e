/**
 * A face for whoever has none: initials on a colour that stays theirs. Decoration; the name stands beside it.
 */

import { h } from "./dom.js";
import { initials, tone } from "./format.js";

/**
 * @param {string} id decides the colour
 * @param {string} name
 * @param {{ size?: "small" | "large", online?: boolean, shape?: "room" }} [options]
 */
export function avatar(id, name, { size, online, shape } = {}) {
  const classes = ["avatar", tone(id), size && `avatar-${size}`, shape && `avatar-${shape}`].filter(Boolean).join(" ");
  const letters = shape === "room" ? ([...name][0] ?? "#").toUpperCase() : initials(name);
  const face = h(
    "span",
    { class: classes, "aria-hidden": "true" },
    h("span", { class: "avatar-letters", text: letters }),
  );
  if (online !== undefined) face.append(h("span", { class: online ? "dot dot-online" : "dot" }));
  return face;
}
