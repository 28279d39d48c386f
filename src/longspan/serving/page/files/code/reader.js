/** The pane in which documents are read, and quotes are looked up. */

import { element, the } from "./dom.js";
import { whole } from "./numbers.js";
import { Paper } from "./paper.js";
import { standing } from "./quotes.js";
import { pageAt, sourceOf, textsOf } from "./texts.js";

export class Reader {
  #paper = null;
  #shown = null; // {id, text} of the document on the paper
  #quotes = []; // {citation, number} of the answer that is looked up
  #at = 0;
  #back = null; // where the keyboard came from
  #turn = 0; // of several wishes the last one counts

  /** opened: called when the pane is wanted, closed when it is no more. */
  constructor({ opened, closed }) {
    this.opened = opened;
    this.closed = closed;
    the("reader-close").addEventListener("click", () => this.close());
    the("reader-next").addEventListener("click", () => this.#step(1));
    the("reader-before").addEventListener("click", () => this.#step(-1));
    the("reader-document").addEventListener("change", (event) => this.#choose(event.target.selectedIndex));
    the("reader-text").addEventListener("scroll", () => this.#where(), { passive: true });
  }

  get id() {
    return this.#shown?.id ?? null;
  }

  /** Shows the first document of a source. back: what gets the keyboard again afterwards. */
  async show(id, back) {
    const turn = (this.#turn += 1);
    this.#back = back;
    this.#quotes = [];
    this.opened();
    const texts = await this.#fetched(id, turn);
    if (!texts) return;
    this.#put(id, texts, texts[0]);
    the("reader-title").focus();
  }

  /** Goes to a quote of an answer about a source. */
  async find(id, citations, number, back) {
    const turn = (this.#turn += 1);
    this.#back = back;
    this.#quotes = citations.map((citation, index) => ({ citation, number: index + 1 }));
    this.#at = number - 1;
    this.opened();
    const texts = await this.#fetched(id, turn);
    if (texts) this.#look(id, texts);
  }

  close() {
    this.#turn += 1;
    this.closed();
    if (this.#back?.isConnected) this.#back.focus();
  }

  /** Forgets a document that is no longer there. */
  drop(id) {
    if (this.id !== id) return;
    this.#paper?.close();
    this.#paper = this.#shown = null;
    this.closed();
  }

  async #fetched(id, turn) {
    const status = the("reader-status");
    if (this.id !== id) {
      this.#paper?.close();
      this.#paper = this.#shown = null;
      status.textContent = "Fetching the text…";
    }
    try {
      const texts = await textsOf(id);
      return turn === this.#turn ? texts : null;
    } catch (error) {
      if (turn === this.#turn) {
        status.textContent =
          error.status === 404 ? "This document is no longer on the server. Drop it again to read it." : error.message;
        the("reader-title").focus();
      }
      return null;
    }
  }

  #put(id, texts, text) {
    if (this.#shown?.text !== text) {
      this.#paper?.close();
      the("reader-text").scrollTop = 0;
      this.#paper = new Paper(the("paper"), text);
      this.#shown = { id, text, texts };
    }
    the("reader-title").textContent = text.name;
    const select = the("reader-document");
    select.replaceChildren(...texts.map((each) => element("option", { selected: each === text }, each.name)));
    select.parentElement.hidden = texts.length < 2;
    this.#mark();
    this.#where();
    if (!this.#quotes.length) the("reader-status").textContent = `${whole(text.text.length)} characters`;
    the("reader-steps").hidden = this.#quotes.length < 2;
  }

  #choose(index) {
    this.#put(this.#shown.id, this.#shown.texts, this.#shown.texts[index]);
  }

  /** Marks what of the answer's quotes stands in this document, and where in it they are. */
  #mark() {
    const { text, texts } = this.#shown;
    const here = this.#quotes.filter(
      ({ citation }) => citation.start !== null && citation.start !== undefined && ours(texts, citation, text),
    );
    const ranges = here.map(({ citation, number }) => ({
      start: text.offsets.units(citation.start),
      end: text.offsets.units(citation.end),
      number,
    }));
    this.#paper.mark(ranges);
    const strip = the("strip");
    strip.replaceChildren(
      ...ranges.map((range) => {
        const tick = element("i", { "data-quote": range.number });
        tick.style.top = `${(100 * range.start) / Math.max(text.text.length, 1)}%`;
        return tick;
      }),
    );
  }

  #step(by) {
    this.#at = (this.#at + by + this.#quotes.length) % this.#quotes.length;
    this.#look(this.#shown.id, this.#shown.texts);
  }

  #look(id, texts) {
    const { citation, number } = this.#quotes[this.#at];
    const known = texts.some((each) => each.name === citation.document);
    this.#put(id, texts, known ? sourceOf(texts, citation) : (this.#shown?.text ?? texts[0]));
    const mark = known && citation.start !== null ? this.#paper.reveal(number) : null;
    const page = mark && pageAt(this.#shown.text, citation.start);
    const many = this.#quotes.length > 1 ? ` of ${this.#quotes.length}` : "";
    the("reader-status").textContent = `Quote ${number}${many}${page ? `, ${this.#shown.text.unit} ${page}` : ""}: ${standing(citation)}`;
    the("reader-status").classList.toggle("doubtful", !citation.verified);
    for (const tick of the("strip").children) tick.classList.toggle("now", tick.dataset.quote === `${number}`);
    (mark ?? the("reader-title")).focus({ preventScroll: true });
  }

  /** Shows where in the document the window stands. */
  #where() {
    const box = the("reader-text");
    const share = box.scrollHeight > box.clientHeight ? box.scrollTop / (box.scrollHeight - box.clientHeight) : 0;
    the("strip").style.setProperty("--at", `${100 * share}%`);
  }
}

function ours(texts, citation, text) {
  return texts.some((each) => each.name === citation.document) && sourceOf(texts, citation) === text;
}
