/**
 * Making elements: text only ever enters the document as text.
 */

/**
 * Make an element.
 *
 * Properties: `class`, `text` (its text content), `on` (listeners by event), anything else an attribute; an
 * attribute that is null, undefined or false is left out, true is set empty.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any>} [properties]
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "on")
      for (const [event, listener] of Object.entries(value))
        element.addEventListener(event, /** @type {any} */ (listener));
    else if (name === "text") element.textContent = value;
    else setAttribute(element, name, value);
  }
  for (const child of children) if (child) element.append(child);
  return element;
}

/**
 * @param {Element} element
 * @param {string} name
 * @param {string | number | boolean | null | undefined} value
 */
export function setAttribute(element, name, value) {
  if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? "" : String(value));
}

/**
 * Gather calls: however often it is asked for, `work` runs once, soon, also in a hidden tab.
 *
 * @param {() => void} work
 * @returns {() => void}
 */
export function soon(work) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    queueMicrotask(() => {
      asked = false;
      work();
    });
  };
}

const SVG = "http://www.w3.org/2000/svg";

/** Strokes on a grid of 24, drawn for Hubbub. */
const ICONS = {
  menu: "M4 7h16M4 12h16M4 17h10",
  close: "M6 6l12 12M18 6L6 18",
  plus: "M12 5v14M5 12h14",
  search: "M10.5 4a6.5 6.5 0 1 1 0 13a6.5 6.5 0 0 1 0-13zM15.5 15.5L20 20",
  people:
    "M9 11a3.5 3.5 0 1 0 0-7a3.5 3.5 0 0 0 0 7zM2.5 20c.4-3.600 3-5.5 6.5-5.5s6.100 1.900 6.5 5.5M16 4.300a3.5 3.5 0 0 1 0 6.5M18.5 15c1.800.8 2.800 2.5 3 5",
  more: "M12 5.200v.1M12 12v.1M12 18.800v.1",
  lock: "M7 11V8a5 5 0 0 1 10 0v3M6 11h12v9H6z",
  send: "M5 12L20 4.5L15.5 20L11.5 13.5zM11.5 13.5L20 4.5",
  down: "M12 5v13M6 12.5l6 6l6-6",
  edit: "M5 19l1-4L16.5 4.5l3 3L9 18zM14.5 6.5l3 3",
  trash: "M5 7h14M10 7V4.5h4V7M7 7l1 12.5h8L17 7M10.5 11v5M13.5 11v5",
  copy: "M9 9h10v11H9zM5.5 15H5V4h10v.5",
  leave: "M14 5H6v14h8M11 12h9M17 8.5l3.5 3.5l-3.5 3.5",
  power: "M12 4v8M7.5 6.800a7 7 0 1 0 9 0",
  tick: "M5 12.5l4.5 4.5L19 7.5",
  ticks: "M2 12.5l4.5 4.5L16 7.5M11 15.5l1.5 1.5L22 7.5",
  clock: "M12 4a8 8 0 1 1 0 16a8 8 0 0 1 0-16zM12 8v4.5l3 1.5",
  alert: "M12 4a8 8 0 1 1 0 16a8 8 0 0 1 0-16zM12 8v5M12 16v.1",
  again: "M19 12a7 7 0 1 1-2.200-5.100M19 4v4h-4",
  eye: "M2.5 12C5 7.5 8.300 5.5 12 5.5s7 2 9.5 6.5c-2.5 4.5-5.800 6.5-9.5 6.5s-7-2-9.5-6.5zM12 9a3 3 0 1 1 0 6a3 3 0 0 1 0-6z",
  keys: "M3 7h18v10H3zM7 11v.1M11 11v.1M15 11v.1M8 14h8",
};

/**
 * A drawing that says nothing to a screen reader: the control around it has the name.
 *
 * @param {keyof typeof ICONS} name
 * @returns {SVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/**
 * A button that shows a drawing and says a name.
 *
 * @param {keyof typeof ICONS} drawing
 * @param {string} label
 * @param {(event: MouseEvent) => void} click
 * @param {Record<string, any>} [more]
 */
export function iconButton(drawing, label, click, more = {}) {
  return h(
    "button",
    {
      type: "button",
      "aria-label": label,
      title: label,
      ...more,
      class: `icon-button ${more.class ?? ""}`,
      on: { click },
    },
    icon(drawing),
  );
}
