/**
 * Finding a room (mine and the public ones, by a few letters), making a new one, letting people in.
 */

import { uuid } from "../client/platform.js";
import { avatar } from "./avatar.js";
import { anyWrong, field, showFailure } from "./fields.js";
import { h, icon, setAttribute } from "./dom.js";
import { plural } from "./format.js";

/** @typedef {import("../core/chat.js").Chat} Chat */
/** @typedef {import("../core/store.js").Room} Room */
/** @typedef {import("../core/types.js").RoomListing} RoomListing */
/** @typedef {{ id: string, name: string, about: string, mine: boolean, isPrivate: boolean }} Choice */

const MOST = 50;

/**
 * @param {Chat} chat
 * @param {import("./dialogs.js").Dialogs} dialogs
 * @param {(room: Room) => void} open
 */
export function findRoom(chat, dialogs, open) {
  const input = h("input", {
    type: "text",
    class: "find-input",
    role: "combobox",
    placeholder: "Find or join a room",
    "aria-label": "Find or join a room",
    "aria-expanded": "true",
    "aria-controls": "found-rooms",
    "aria-autocomplete": "list",
    autocomplete: "off",
    spellcheck: "false",
  });
  const list = h("ul", { class: "found", id: "found-rooms", role: "listbox", "aria-label": "Rooms" });
  const problem = h("p", { class: "trouble", role: "alert", hidden: true });
  /** @type {RoomListing[]} */
  let listed = [];
  /** @type {Choice[]} */
  let choices = [];
  let at = 0;
  let complete = false;
  /** Enter came before the public rooms did. */
  let hasty = false;
  /** @type {Room | null} */
  let chosen = null;
  // Not before the dialog is gone: until then everything behind it is inert, and takes the focus but no text.
  const closed = () => chosen && open(chosen);

  const choose = async (/** @type {Choice} */ choice) => {
    problem.hidden = true;
    try {
      chosen = chat.store.rooms.get(choice.id) ?? (await chat.join(choice.id));
      dialog.close();
    } catch (/** @type {any} */ error) {
      problem.textContent = `${choice.name} could not be joined. ${error.message}`;
      problem.hidden = false;
    }
  };

  const draw = () => {
    choices = matching(chat, listed, input.value);
    at = Math.max(0, Math.min(at, choices.length - 1));
    const items = choices.map((choice, index) => {
      const item = h(
        "li",
        { role: "option", id: `found-${index}`, class: "found-room", "aria-selected": String(index === at) },
        avatar(choice.id, choice.name, { shape: "room" }),
        h(
          "span",
          { class: "card-text" },
          h("strong", {}, choice.name, choice.isPrivate && icon("lock")),
          h("span", { text: choice.about }),
        ),
        h("span", { class: "found-what", text: choice.mine ? "Open" : "Join" }),
      );
      item.addEventListener("click", () => choose(choice));
      return item;
    });
    const nothing = h("li", {
      class: "found-nothing",
      text: !complete ? "Looking…" : input.value ? `No room matches “${input.value}”.` : "There are no rooms yet.",
    });
    list.replaceChildren(...(items.length > 0 ? items : [nothing]));
    setAttribute(input, "aria-activedescendant", items.length > 0 ? `found-${at}` : null);
    items[at]?.scrollIntoView({ block: "nearest" });
  };

  input.addEventListener("input", () => {
    at = 0;
    hasty = false;
    draw();
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      at = (at + (event.key === "ArrowDown" ? 1 : -1) + choices.length) % Math.max(1, choices.length);
      draw();
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (choices[at]) choose(choices[at]);
      else hasty = !complete;
    }
  });
  const dialog = dialogs.open("Find a room", [h("div", { class: "find-box" }, icon("search"), input), problem, list], {
    wide: true,
    titleHidden: true,
    closed,
  });
  draw();
  input.focus();
  chat.browse().then(
    (all) => {
      listed = all;
      complete = true;
      draw();
      if (hasty && choices[0]) choose(choices[0]);
    },
    (error) => {
      problem.textContent = `The public rooms could not be loaded. ${error.message}`;
      problem.hidden = false;
    },
  );
}

/**
 * @param {Chat} chat
 * @param {RoomListing[]} listed
 * @param {string} typed
 * @returns {Choice[]} mine first; those whose name begins with it before those that hold it
 */
function matching(chat, listed, typed) {
  const wanted = typed.trim().toLocaleLowerCase();
  const mine = chat.store.list().map((room) => ({
    id: room.roomId,
    name: room.name,
    about: room.description,
    mine: true,
    isPrivate: room.isPrivate,
  }));
  const others = listed
    .filter((one) => !chat.store.rooms.has(one.roomId))
    .map((one) => ({
      id: one.roomId,
      name: one.name,
      about: one.description || plural(one.memberCount ?? 0, "member"),
      mine: false,
      isPrivate: false,
    }));
  const rank = (/** @type {Choice} */ choice) => (choice.name.toLocaleLowerCase().startsWith(wanted) ? 0 : 1);
  return [...mine, ...others]
    .filter((choice) => `${choice.name} ${choice.about}`.toLocaleLowerCase().includes(wanted))
    .sort((a, b) => rank(a) - rank(b) || Number(b.mine) - Number(a.mine) || a.name.localeCompare(b.name))
    .slice(0, MOST);
}

/**
 * Let somebody into a room: found by the beginning of a name, added with one press.
 *
 * @param {Chat} chat
 * @param {import("./dialogs.js").Dialogs} dialogs
 * @param {Room} room
 */
export function addPeople(chat, dialogs, room) {
  const input = h("input", {
    type: "search",
    class: "find-input",
    placeholder: "Whom?",
    "aria-label": "Find people by name",
    autocomplete: "off",
    spellcheck: "false",
  });
  const list = h("ul", { class: "found", "aria-label": "People found", "aria-live": "polite" });
  const word = (/** @type {string} */ text) => list.replaceChildren(h("li", { class: "found-nothing", text }));
  const line = (/** @type {import("../core/types.js").User} */ user) => {
    const name = user.displayName || user.username;
    const button = h("button", { type: "button", class: "button small", text: "Add", "aria-label": `Add ${name}` });
    const problem = h("span", { class: "field-problem", role: "alert" });
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        await chat.addPerson(room, user.userId);
        button.replaceWith(h("span", { class: "found-what", text: "Added" }));
      } catch (/** @type {any} */ error) {
        problem.textContent = error.message;
        button.disabled = false;
      }
    });
    const there = room.members.has(user.userId);
    const about = h(
      "span",
      { class: "card-text" },
      h("strong", { text: name }),
      h("span", { text: `@${user.username}` }),
      problem,
    );
    return h(
      "li",
      { class: "found-person" },
      avatar(user.userId, name),
      about,
      there ? h("span", { class: "found-what", text: "Is here" }) : button,
    );
  };
  let asked = 0;
  const search = async () => {
    const words = input.value.trim();
    const mine = (asked += 1);
    if (!words) {
      word("Type the beginning of a name.");
      return;
    }
    try {
      const found = await chat.searchPeople(words);
      if (mine !== asked) return;
      if (found.length > 0) list.replaceChildren(...found.map(line));
      else word(`Nobody here is called “${words}”.`);
    } catch (/** @type {any} */ error) {
      if (mine === asked) word(error.message);
    }
  };
  input.addEventListener("input", search);
  dialogs.open(`Add people to ${room.name}`, [h("div", { class: "find-box" }, icon("search"), input), list], {
    wide: true,
    titleHidden: true,
  });
  search();
  input.focus();
}

/**
 * @param {Chat} chat
 * @param {import("./dialogs.js").Dialogs} dialogs
 * @param {(room: Room) => void} open
 */
export function createRoom(chat, dialogs, open) {
  const name = field({ name: "name", label: "Name", maxlength: 100, required: true, autocomplete: "off" });
  const description = field({
    name: "description",
    label: "What is it for?",
    optional: true,
    maxlength: 500,
    autocomplete: "off",
  });
  const isPrivate = h("input", { type: "checkbox", id: "room-private", "aria-describedby": "room-private-hint" });
  const toggle = h(
    "div",
    { class: "check" },
    isPrivate,
    h(
      "label",
      { for: "room-private" },
      "Private",
      h("span", { class: "hint", id: "room-private-hint", text: "Only its members see that it is there." }),
    ),
  );
  const problem = h("p", { class: "form-problem", role: "alert", hidden: true });
  const submit = h("button", { type: "submit", class: "button", text: "Create room" });
  const cancel = h("button", {
    type: "button",
    class: "button quiet",
    text: "Cancel",
    on: { click: () => dialog.close() },
  });
  const form = h(
    "form",
    { class: "form", novalidate: true },
    problem,
    name.element,
    description.element,
    toggle,
    h("div", { class: "dialog-buttons" }, cancel, submit),
  );
  // One key for this dialog: pressing twice, or again after a lost answer, makes one room.
  let key = uuid();
  /** @type {Room | null} */
  let made = null;
  form.addEventListener("input", () => (key = uuid()));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    showFailure(problem, [name, description], null);
    if (anyWrong([name, description])) return;
    submit.disabled = true;
    try {
      const wish = {
        name: name.input.value.trim(),
        description: description.input.value.trim(),
        isPrivate: isPrivate.checked,
      };
      made = await chat.createRoom(wish, key);
      dialog.close();
    } catch (error) {
      showFailure(problem, [name, description], error);
      submit.disabled = false;
    }
  });
  const dialog = dialogs.open("Create a room", [form], { closed: () => made && open(made) });
  name.input.focus();
}
