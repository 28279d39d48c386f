/** A question or an answer, as it is shown. */

import { button, element, unseen } from "./dom.js";
import { figures } from "./figures.js";
import { render } from "./markdown.js";
import { number, quoteList, tellPages } from "./quotes.js";
import { sentence } from "./server.js";
import { estimate } from "./sources.js";
import { progressText } from "./sources-view.js";

/** A question. resend: gets the text when it was edited. */
export function question(turn, { copy, resend }) {
  const text = element("p", { class: "said" }, turn.text);
  const actions = element(
    "div",
    { class: "actions" },
    button("Edit", () => edit(box, turn, resend)),
    button("Copy", () => copy(turn.text, "Question copied")),
  );
  const box = element("article", { class: "question" }, element("h3", { class: "unseen" }, "You asked"), text, actions);
  return box;
}

function edit(box, turn, resend) {
  const before = [...box.childNodes];
  const field = element("textarea", { "aria-label": "Edit the question", rows: 3, value: turn.text });
  const back = () => {
    box.replaceChildren(...before);
    box.querySelector("button").focus();
  };
  const send = (event) => {
    event.preventDefault();
    if (field.value.trim()) resend(field.value.trim());
  };
  const form = element(
    "form",
    { class: "edit", onsubmit: send },
    field,
    element("div", { class: "buttons" }, element("button", { class: "main" }, "Ask this instead"), button("Keep as it was", back)),
    element("p", { class: "hint" }, "What was said after this question will be replaced."),
  );
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      back();
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send(event);
  });
  box.replaceChildren(before[0], form);
  field.focus();
  field.setSelectionRange(field.value.length, field.value.length);
}

/** An answer, which may still grow. */
export class AnswerBox {
  #marked = false;
  #last = null; // is it the last turn

  /** follow(turn, number, from), copy(turn), again(turn): what is done. pageOf(turn): gives pages of quotes when known. */
  constructor(turn, act) {
    this.turn = turn;
    this.act = act;
    this.status = element("div", { class: "status" });
    this.thought = element("pre", { class: "thought" });
    this.thinking = element("details", { class: "thinking", hidden: true }, element("summary", {}, "Thinking"), this.thought);
    this.text = element("div", { class: "prose" });
    this.after = element("div", { class: "after" });
    this.box = element(
      "article",
      { class: "answer" },
      element("h3", { class: "unseen" }, "Answer"),
      this.status,
      this.thinking,
      this.text,
      this.after,
    );
  }

  /** Shows the turn as it is now. live: whether it is being written here. last: whether nothing follows it. */
  update({ live, last }) {
    const { turn } = this;
    this.box.setAttribute("aria-busy", String(live));
    this.box.classList.toggle("live", live && Boolean(turn.text));
    this.#status(live);
    this.thinking.hidden = !turn.thought;
    if (turn.thought) this.thought.textContent = turn.thought;
    if (live) render(this.text, turn.text);
    else if (!this.#marked) this.#whole();
    if (!live && this.#last !== last) this.#after(last);
  }

  #status(live) {
    const { progress, text, thought } = this.turn;
    if (!live || text) {
      this.status.replaceChildren();
      return;
    }
    if (!progress || progress.processed >= progress.total || thought) {
      this.status.replaceChildren(element("p", { class: "waiting" }, thought ? "Thinking…" : progress ? "Writing…" : "Waiting for the server…"));
      return;
    }
    const { share, left } = estimate(progress);
    if (!this.bar?.isConnected) {
      this.bar = element("progress", { max: 1, "aria-label": "Reading the question" });
      this.words = element("p", { class: "waiting" });
      this.status.replaceChildren(this.bar, this.words);
    }
    this.bar.value = share;
    this.words.textContent = progressText(progress, left);
  }

  /** Numbers go in once, behind the last word. */
  #whole() {
    this.#marked = true;
    this.text.blocks = null;
    this.text.replaceChildren();
    render(this.text, this.turn.text);
    this.unsaid = number(this.text, this.turn.citations ?? [], (_, count, from) => this.act.follow(this.turn, count, from));
    this.#last = null;
  }

  #after(last) {
    this.#last = last;
    const { turn, act } = this;
    const broken = turn.state === "writing" && !turn.elsewhere;
    const fault = broken ? "This page was closed or loaded again while this was being written. Ask again for the whole answer." : turn.fault;
    const parts = [];
    if (fault) parts.push(element("p", { class: "fault", role: "note" }, element("strong", {}, broken ? "Cut short. " : "It failed. "), fault));
    if (turn.state === "writing" && turn.elsewhere) parts.push(element("p", { class: "note" }, "It is being written in another window."));
    if (turn.state === "stopped") parts.push(element("p", { class: "note" }, turn.text ? "You stopped it here." : "You stopped it before it began."));
    if (turn.end === "length") parts.push(element("p", { class: "note" }, "The answer reached its longest length; it may go on."));
    for (const note of turn.notes ?? []) parts.push(element("p", { class: "note" }, sentence(note)));
    if (turn.citations?.length) parts.push(quoteList(turn.citations, (_, count, from) => act.follow(turn, count, from), this.#known()));
    const facts = figures(turn);
    if (facts.length) parts.push(element("ul", { class: "facts", "aria-label": "What it took" }, ...facts.map((fact) => element("li", {}, fact))));
    parts.push(
      element(
        "div",
        { class: "actions" },
        turn.text && button(["Copy", unseen(" the answer")], () => act.copy(turn)),
        last && button("Ask again", () => act.again(turn)),
      ),
    );
    this.after.replaceChildren(...parts);
  }

  #known() {
    return { pageOf: this.act.pageOf(this.turn), unsaid: this.unsaid };
  }

  /** Tells the pages of quotes, which are known now. */
  paged() {
    tellPages(this.after, this.turn.citations, this.#known());
  }
}
