// How the line can go on: a list below the cursor, moved through with the arrow keys.
//
// The textarea keeps the focus; aria-activedescendant tells a screen reader which option is active.

import { completions } from "../browser/language/language.js";
import { unitsBefore } from "../browser/language/characters.js";
import { lineBegin } from "./editor.js";
import { withoutHead } from "./help.js";
import { element } from "./words.js";

const MOST_TEXT = 200_000; // characters; in a longer text no options are looked for

/** Offer options for an editor's text in a list of role listbox. */
export function offerCompletions(editor, list) {
  const { textarea } = editor;
  let options = [];
  let active = -1;
  let span = null; // [from, to]: what an option takes the place of
  let from = 0; // the column of its first character, from 0

  function close() {
    options = [];
    list.hidden = true;
    textarea.removeAttribute("aria-activedescendant");
  }

  /** Look what the line at the cursor can go on with. wanted: asked for, so even before a word is begun. */
  function look(wanted) {
    const { line, column } = editor.cursor();
    const text = textarea.value;
    if (text.length > MOST_TEXT || textarea.selectionStart !== textarea.selectionEnd) return close();
    const found = completions(text, line, column);
    const isWhole = found.options.some((option) => option.text.toLowerCase() === written(found).toLowerCase());
    options = isWhole && !wanted ? [] : found.options;
    if (!options.length || (!wanted && found.from === column)) return close();
    const begin = lineBegin(text, textarea.selectionStart);
    const content = text.slice(begin).split("\n", 1)[0];
    span = [found.from, found.to].map((each) => begin + unitsBefore(content, each));
    list.replaceChildren(
      ...options.map((option, at) =>
        element(
          "li",
          {
            role: "option",
            id: `option-${at}`,
            "aria-selected": "false",
            onmousedown: (event) => event.preventDefault(), // the textarea keeps the focus
            onclick: (event) => take(event, at),
          },
          element("b", {}, option.text),
          element("span", {}, withoutHead(option.help)),
        ),
      ),
    );
    list.hidden = false;
    from = found.from - 1;
    put();
    activate(0);
    return undefined;
  }

  function written({ from }) {
    const { column } = editor.cursor();
    const { selectionStart, value } = textarea;
    return value.slice(selectionStart - (column - from), selectionStart);
  }

  /** Put the list below the word, or above its line if there is more room. */
  function put() {
    const { x, y } = editor.cursor().place(from);
    const [width, height] = [list.offsetWidth, list.offsetHeight];
    const fits = y + height < innerHeight || y < height + 26;
    list.style.left = `${Math.max(8, Math.min(x, innerWidth - width - 8))}px`;
    list.style.top = `${fits ? y : y - 26 - height}px`;
  }

  function activate(at) {
    active = (at + options.length) % options.length;
    [...list.children].forEach((option, place) => option.setAttribute("aria-selected", `${place === active}`));
    textarea.setAttribute("aria-activedescendant", `option-${active}`);
    list.children[active].scrollIntoView({ block: "nearest" });
  }

  function take(event, at) {
    event.preventDefault();
    const { text } = options[at];
    close();
    editor.replace(...span, text);
    close();
  }

  textarea.addEventListener("input", (event) => {
    if (/^insert(Composition)?Text$/.test(event.inputType) && event.data?.trim()) look(false);
    else if (!list.hidden && event.inputType?.startsWith("delete")) look(false);
    else close();
  });
  const byKey = (event) => {
    if (event.isComposing) return; // an input method takes the key
    if (event.key === " " && event.ctrlKey) {
      event.preventDefault();
      look(true);
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      close(); // it trains
    } else if (!list.hidden) {
      const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 5, PageUp: -5 };
      if (event.key in steps) activate(active + steps[event.key]);
      else if (event.key === "Enter") take(event, active);
      else if (event.key === "Escape") close();
      else return;
      event.preventDefault();
    }
  };
  textarea.addEventListener("keydown", byKey, { capture: true }); // before the editor breaks the line
  for (const end of ["blur", "click"]) textarea.addEventListener(end, close);
  addEventListener("scroll", (event) => !list.hidden && event.target !== list && put(), {
    capture: true,
    passive: true,
  });
}
