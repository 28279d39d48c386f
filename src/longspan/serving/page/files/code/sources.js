/** What can be asked about: sources that the server has read, and those that it is reading. */

import * as contexts from "./contexts.js";
import { dropText } from "./texts.js";

let numbers = 0;

export class Sources extends EventTarget {
  /** Contexts of the server, the last used first. */
  list = [];
  /** Files on their way: {id, name, file, state, progress, fault}; state: waiting, sending, reading or failed. */
  reading = [];
  #busy = false;

  /** plan: gives the plan under which files are read. */
  constructor(plan) {
    super();
    this.plan = plan;
  }

  get(id) {
    return this.list.find((each) => each.id === id) ?? null;
  }

  async refresh() {
    this.list = await contexts.listed();
    this.#changed();
  }

  /** Has files read, one after the other. */
  add(files) {
    for (const file of files) {
      this.reading.push({ id: `reading-${(numbers += 1)}`, name: file.name, file, state: "waiting", progress: null, fault: "" });
    }
    this.#changed();
    this.#next();
  }

  again(job) {
    Object.assign(job, { state: "waiting", fault: "", progress: null });
    this.#changed();
    this.#next();
  }

  cancel(job) {
    job.controller?.abort();
    this.reading = this.reading.filter((each) => each !== job);
    this.#changed();
  }

  async remove(id) {
    try {
      await contexts.remove(id);
    } catch (error) {
      if (error.status !== 404) throw error;
    }
    dropText(id);
    this.list = this.list.filter((each) => each.id !== id);
    this.#changed();
  }

  async #next() {
    if (this.#busy) return;
    const job = this.reading.find((each) => each.state === "waiting");
    if (!job) return;
    this.#busy = true;
    job.controller = new AbortController();
    job.state = "sending";
    this.#changed();
    try {
      const context = await contexts.read(job.file, {
        plan: this.plan(),
        signal: job.controller.signal,
        progress: (progress) => {
          job.state = "reading";
          job.progress = progress;
          this.dispatchEvent(new CustomEvent("progress", { detail: job }));
        },
      });
      this.reading = this.reading.filter((each) => each !== job);
      this.list = [context, ...this.list.filter((each) => each.id !== context.id)];
      this.#changed();
      this.dispatchEvent(new CustomEvent("read", { detail: context }));
    } catch (error) {
      if (error.name !== "AbortError") {
        job.state = "failed";
        job.fault = error.message;
        this.#changed();
        this.dispatchEvent(new CustomEvent("failed", { detail: job }));
      }
    } finally {
      this.#busy = false;
      this.#next();
    }
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/** What is known of reading: share from 0 to 1, seconds left or null. What was known before is not counted as work. */
export function estimate({ total, cache, processed, time_ms: passed }) {
  const known = cache ?? 0;
  const share = total > 0 ? Math.min(1, processed / total) : 0;
  const done = processed - known;
  const left = done > 0 && passed > 300 ? (passed / 1000 / done) * (total - processed) : null;
  return { share, left };
}
