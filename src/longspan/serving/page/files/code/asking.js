/** Answers on their way: each is written into its conversation, and kept as it grows. */

import { answered } from "./answers.js";
import { keep, messages } from "./conversations.js";
import { Failure } from "./server.js";

const KEEP_EVERY = 700; // milliseconds between two times that an unfinished answer is kept
const LEAVING = 300; // milliseconds in which a page that is left is gone

export class Asking {
  #running = new Map();

  /** changed(conversation, turn): called with each piece. ended(conversation, turn): once. trouble(failure): not kept. */
  constructor({ changed, ended, trouble }) {
    Object.assign(this, { changed, ended, trouble });
    addEventListener("pagehide", () => this.#running.forEach(({ conversation }) => this.#keep(conversation)));
  }

  /** The conversation with this id, if an answer is being written in it. */
  of(id) {
    return this.#running.get(id)?.conversation ?? null;
  }

  stop(id) {
    this.#running.get(id)?.controller.abort();
  }

  /** Waits until nothing is being written in a conversation. */
  async over(id) {
    await this.#running.get(id)?.done;
  }

  /** Asks for the answer to the last question of a conversation. choices: {model, plan, flow}. */
  async ask(conversation, choices) {
    const controller = new AbortController();
    let end;
    const done = new Promise((resolve) => (end = resolve));
    const said = messages(conversation.turns);
    const turn = {
      role: "assistant",
      text: "",
      state: "writing",
      at: Date.now(),
      source: conversation.source,
      plan: choices.plan,
      flow: choices.flow,
    };
    conversation.turns.push(turn);
    conversation.changed = Date.now();
    this.#running.set(conversation.id, { conversation, controller, done });
    this.#keep(conversation);
    this.changed(conversation, turn);
    try {
      await this.#written(conversation, turn, answered(said, { ...choices, context: conversation.source }, controller.signal));
      turn.state = "done";
    } catch (error) {
      const stopped = error.name === "AbortError";
      if (!stopped && !error.status) await new Promise((resolve) => setTimeout(resolve, LEAVING)); // a page that closes breaks off, too
      if (!stopped && !(error instanceof Failure)) console.error(error);
      turn.state = stopped ? "stopped" : "failed";
      turn.fault = stopped ? "" : error instanceof Failure ? error.message : "This page has a fault; load it again.";
      turn.code = error.code;
    }
    delete turn.progress;
    this.#running.delete(conversation.id);
    conversation.changed = Date.now();
    this.#keep(conversation);
    this.ended(conversation, turn);
    end();
  }

  async #written(conversation, turn, pieces) {
    const begun = performance.now();
    let first = null;
    let kept = begun;
    for await (const piece of pieces) {
      const now = performance.now();
      if (piece.text) {
        first ??= now;
        turn.text += piece.text;
        turn.pieces = (turn.pieces ?? 0) + 1;
        turn.seconds = (now - first) / 1000;
        delete turn.progress;
      }
      if (piece.progress) turn.progress = piece.progress;
      if (piece.thought) turn.thought = (turn.thought ?? "") + piece.thought;
      if (piece.citations) turn.citations = piece.citations;
      if (piece.notes) turn.notes = piece.notes;
      if (piece.usage) turn.usage = piece.usage;
      if (piece.end) turn.end = piece.end;
      if (now - kept > KEEP_EVERY) {
        this.#keep(conversation);
        kept = now;
      }
      this.changed(conversation, turn);
    }
  }

  #keep(conversation) {
    try {
      keep(conversation);
    } catch (error) {
      this.trouble(error);
    }
  }
}
