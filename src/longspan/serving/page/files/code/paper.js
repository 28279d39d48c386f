/** A document on paper: its paragraphs, its pages, and quotes that are marked in it. */

import { element } from "./dom.js";
import { paragraphs, sections } from "./sections.js";

const LINE = 66; // characters in a line
const LINE_HEIGHT = 29;
const SEEN = 3_000; // characters around a quote that are on the screen with it
const AT_ONCE = 8; // milliseconds in which sections are filled before the page may do something else

export class Paper {
  #box;
  #text;
  #sections;
  #ranges = [];
  #gone = new AbortController();
  #turn = 0; // of several wishes to go somewhere the last one counts

  /** box: where it is shown. text: as texts.js has it. */
  constructor(box, text) {
    this.#box = box;
    this.#text = text;
    for (const kind of ["wheel", "touchstart", "pointerdown", "keydown"]) {
      box.parentElement.addEventListener(kind, () => (this.#turn += 1), { passive: true, signal: this.#gone.signal });
    }
    const pages = text.pages.map((page) => text.offsets.units(page));
    this.#sections = sections(text.text, pages).map(blank);
    box.replaceChildren(...this.#sections.map((section) => section.box));
    this.#fillOn(0);
  }

  /** Ends: nothing more is put in. */
  close() {
    this.#gone.abort();
    this.#box.replaceChildren();
  }

  /** Marks quotes: [{start, end, number}] in units. */
  mark(ranges) {
    for (const mark of this.#box.querySelectorAll("mark")) {
      const parent = mark.parentNode;
      mark.replaceWith(...mark.childNodes);
      parent.normalize();
    }
    this.#ranges = ranges;
    for (const section of this.#sections) if (section.paragraphs) this.#marked(section);
  }

  /** Scrolls to a quote that is marked, and gives its first piece, or null where it has none. */
  reveal(number) {
    const range = this.#ranges.find((each) => each.number === number);
    if (!range) return null;
    for (const section of this.#sections) if (near(section, range)) this.#fill(section);
    for (const mark of this.#box.querySelectorAll("mark")) mark.classList.toggle("now", mark.dataset.quote === `${number}`);
    const mark = this.#box.querySelector(`mark[data-quote="${number}"]`);
    if (!mark) return null;
    mark.tabIndex = -1;
    this.#goTo(mark);
    return mark;
  }

  /** Sections that come into view take their real height, which moves what was scrolled to: so it is gone to again. */
  #goTo(mark) {
    const turn = (this.#turn += 1);
    let still = 0;
    let before = NaN;
    const look = (frames) => {
      if (turn !== this.#turn || !mark.isConnected || still > 8 || frames === 0) return;
      mark.scrollIntoView({ block: "center", behavior: "auto" });
      const { top } = mark.getBoundingClientRect();
      still = Math.abs(top - before) < 1 ? still + 1 : 0;
      before = top;
      requestAnimationFrame(() => look(frames - 1));
    };
    look(120);
  }

  #fillOn(from) {
    const until = performance.now() + AT_ONCE;
    let at = from;
    while (at < this.#sections.length && performance.now() < until) this.#fill(this.#sections[at++]);
    if (at < this.#sections.length) setTimeout(() => this.#gone.signal.aborted || this.#fillOn(at), 4);
  }

  #fill(section) {
    if (section.paragraphs) return;
    section.box.style.height = "";
    const { text, name } = this.#text;
    section.paragraphs = paragraphs(text, section, /\.(md|markdown)$/i.test(name));
    if (section.page) section.box.append(element("p", { class: "page" }, `${this.#text.unit[0].toUpperCase()}${this.#text.unit.slice(1)} ${section.page}`));
    for (const each of section.paragraphs) {
      each.box = made(text, each);
      section.box.append(each.box);
    }
    this.#marked(section);
  }

  #marked(section) {
    for (const range of this.#ranges) {
      for (const each of section.paragraphs) {
        if (each.start < range.end && each.end > range.start) {
          wrap(each.box, Math.max(range.start - each.start, 0), Math.min(range.end, each.end) - each.start, range.number);
        }
      }
    }
  }
}

/** A section that is not filled yet, about as high as it will be, so that nothing moves far when it is. */
function blank(section) {
  const box = element("div", { class: "sheet" });
  const height = `${Math.ceil(((section.end - section.start) / LINE) * LINE_HEIGHT)}px`;
  box.style.height = height;
  box.style.containIntrinsicBlockSize = `auto ${height}`;
  return { ...section, box };
}

/** Whether a section holds a part of a range, or stands so close that it is seen with it. */
function near(section, range) {
  return section.start < range.end + SEEN && section.end > range.start - SEEN;
}

function made(text, { start, end, kind, sign, level }) {
  if (kind !== "heading") return element("p", { class: kind }, text.slice(start, end));
  const hidden = element("span", { class: "sign" }, text.slice(start, start + sign));
  const properties = { class: `heading level${Math.min(level, 3)}`, role: "heading", "aria-level": Math.min(level + 2, 6) };
  return element("p", properties, hidden, text.slice(start + sign, end));
}

/** Marks the characters from one offset to another of the text in a box. */
function wrap(box, from, to, number) {
  const walker = document.createTreeWalker(box, NodeFilter.SHOW_TEXT);
  const nodes = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) nodes.push(node);
  let at = 0;
  for (const node of nodes) {
    const length = node.data.length;
    const start = Math.max(from - at, 0);
    const end = Math.min(to - at, length);
    if (start < end) {
      const piece = start > 0 ? node.splitText(start) : node;
      if (end - start < piece.data.length) piece.splitText(end - start);
      const mark = element("mark", { "data-quote": number });
      piece.replaceWith(mark);
      mark.append(piece);
    }
    at += length;
  }
}
