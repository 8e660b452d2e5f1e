/**
 * Values as people read them: times, days, names, counts. Pure; the person's own locale and time zone.
 */

const timeOfDay = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const fullTime = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "long" });
const thisYear = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const otherYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" });
const short = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

/** @param {string} at RFC 3339 */
export const clock = (at) => timeOfDay.format(new Date(at));

/** @param {string} at RFC 3339 */
export const exactly = (at) => fullTime.format(new Date(at));

/**
 * @param {Date} day
 * @param {Date} now
 * @returns {number} how many midnights lie between
 */
function daysBetween(day, now) {
  const start = (/** @type {Date} */ date) => Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  return Math.round((start(now) - start(day)) / 86_400_000);
}

/**
 * @param {string} at RFC 3339
 * @param {Date} [now]
 */
export function dayOf(at, now = new Date()) {
  const day = new Date(at);
  const ago = daysBetween(day, now);
  if (ago <= 0) return "Today";
  if (ago === 1) return "Yesterday";
  if (ago < 7) return weekday.format(day);
  return (day.getFullYear() === now.getFullYear() ? thisYear : otherYear).format(day);
}

/**
 * For narrow places: the time today, the day before that.
 *
 * @param {string} at RFC 3339
 * @param {Date} [now]
 */
export function briefly(at, now = new Date()) {
  const ago = daysBetween(new Date(at), now);
  if (ago <= 0) return clock(at);
  return ago < 7 ? weekday.format(new Date(at)).slice(0, 3) : short.format(new Date(at));
}

/**
 * @param {string | null | undefined} at RFC 3339
 * @param {Date} [now]
 */
export function lastSeen(at, now = new Date()) {
  if (!at) return "Not seen yet";
  const minutes = Math.floor((now.getTime() - Date.parse(at)) / 60_000);
  if (minutes < 1) return "Seen just now";
  if (minutes < 60) return `Seen ${minutes} min ago`;
  if (minutes < 24 * 60) return `Seen ${Math.floor(minutes / 60)} h ago`;
  return `Seen ${dayOf(at, now).replace(/^(Yesterday|Today)$/, (word) => word.toLowerCase())}`;
}

/** @param {string} name */
export function initials(name) {
  const words = name
    .trim()
    .split(/[\s._-]+/u)
    .filter(Boolean);
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : [words[0] ?? "?"];
  return letters
    .map((word) => [...word][0] ?? "")
    .join("")
    .toUpperCase();
}

/**
 * The same colour for the same person or room, everywhere and always.
 *
 * @param {string} id
 * @returns {string} a class
 */
export function tone(id) {
  let hash = 2_166_136_261;
  for (let at = 0; at < id.length; at += 1) hash = Math.imul(hash ^ id.charCodeAt(at), 16_777_619);
  return `tone-${(hash >>> 0) % 10}`;
}

/** @param {number} count unread; 1000 means 1000 or more */
export const badge = (count) => (count > 999 ? "999+" : String(count));

/**
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 */
export const plural = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

/** @param {string[]} names */
export function listed(names) {
  if (names.length < 2) return names[0] ?? "";
  return `${names.slice(0, -1).join(", ")} and ${names[names.length - 1]}`;
}

/**
 * @param {string} text
 * @param {number} most characters
 */
export function excerpt(text, most = 80) {
  const line = text.replace(/\s+/gu, " ").trim();
  const letters = [...line];
  return letters.length > most
    ? `${letters
        .slice(0, most - 1)
        .join("")
        .trimEnd()}…`
    : line;
}
