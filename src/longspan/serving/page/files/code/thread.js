/** The conversation on the screen. */

import { element, perFrame, the } from "./dom.js";
import { AnswerBox, question } from "./turns.js";

export class Thread {
  #answers = new Map();
  #conversation = null;
  #live = false;
  #sticks = true;

  /** act: what is done with turns, see turns.js. */
  constructor(act) {
    this.act = act;
    this.box = the("thread");
    this.scroller = the("talk");
    this.grow = perFrame((turn) => this.#grown(turn));
    this.scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    const resized = new ResizeObserver(() => this.#sticks && this.#follow());
    for (const each of [this.box, this.scroller]) resized.observe(each);
    the("latest").addEventListener("click", () => this.latest());
  }

  /** Shows a conversation from its beginning. live: whether its last answer is being written here. */
  show(conversation, live) {
    this.#conversation = conversation;
    this.#live = live;
    this.#answers.clear();
    this.box.replaceChildren(...conversation.turns.map((turn) => this.#made(turn)));
    this.#update();
    this.latest();
  }

  /** The conversation has changed: turns were added or taken away. */
  changed(live) {
    this.#live = live;
    const boxes = this.#conversation.turns.map((turn) => this.#answers.get(turn)?.box ?? this.#questionOf(turn) ?? this.#made(turn));
    const kept = new Set(boxes);
    for (const child of [...this.box.children]) if (!kept.has(child)) child.remove();
    boxes.forEach((box, index) => {
      if (this.box.children[index] !== box) this.box.insertBefore(box, this.box.children[index] ?? null);
    });
    this.#update();
    this.#follow();
  }

  latest() {
    this.#sticks = true;
    this.#follow();
  }

  paged(turn) {
    this.#answers.get(turn)?.paged();
  }

  #questionOf(turn) {
    return [...this.box.children].find((box) => box.turn === turn);
  }

  #made(turn) {
    if (turn.role === "user") {
      const box = question(turn, { copy: this.act.copyText, resend: (text) => this.act.resend(turn, text) });
      box.turn = turn;
      return box;
    }
    const answer = new AnswerBox(turn, this.act);
    this.#answers.set(turn, answer);
    return answer.box;
  }

  #update() {
    const { turns } = this.#conversation;
    for (const [turn, answer] of this.#answers) {
      const last = turn === turns.at(-1);
      answer.update({ live: last && this.#live, last });
    }
    the("welcome").hidden = turns.length > 0;
  }

  #grown(turn) {
    const { turns } = this.#conversation ?? { turns: [] };
    if (turn !== turns.at(-1)) return;
    this.#answers.get(turn)?.update({ live: this.#live, last: true });
    this.#follow();
  }

  #follow() {
    if (this.#sticks) this.scroller.scrollTop = this.scroller.scrollHeight;
    this.#scrolled();
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.scroller;
    this.#sticks = scrollHeight - scrollTop - clientHeight < 60;
    the("latest").hidden = this.#sticks;
  }
}
