/** How full the window is: what was read, what was said, and what is being typed. */

import { the } from "./dom.js";
import { roughTokens, short } from "./numbers.js";

const NEARLY = 0.85;

/** What the next question comes to: {read, said, typed, window}. The last two answers' own figures count where known. */
export function filling(conversation, source, draft, window) {
  const read = source?.tokens ?? 0;
  const turns = conversation.turns;
  let said = 0;
  let from = 0;
  const last = turns.findLastIndex((turn) => turn.usage && turn.source === conversation.source && !turn.flow);
  if (last >= 0) {
    const { prompt_tokens: prompt, completion_tokens: completion } = turns[last].usage;
    said = Math.max(0, prompt + completion - read);
    from = last + 1;
  }
  for (const turn of turns.slice(from)) said += roughTokens(turn.text) + 5;
  return { read, said, typed: draft ? roughTokens(draft) + 5 : 0, window };
}

/** Shows it. flow: whether a flow cuts documents to what fits. */
export function show({ read, said, typed, window }, flow) {
  const box = the("meter");
  box.hidden = !window;
  if (!window) return;
  const used = read + said + typed;
  const percent = (tokens) => `${Math.min(100, (100 * tokens) / window)}%`;
  the("meter-read").style.width = percent(read);
  the("meter-said").style.width = percent(Math.min(said, Math.max(0, window - read)));
  the("meter-typed").style.width = percent(Math.min(typed, Math.max(0, window - read - said)));
  const state = flow ? "flow" : used > window ? "over" : used > NEARLY * window ? "nearly" : "fits";
  box.dataset.state = state;
  the("meter-text").textContent = `${said + typed ? "about " : ""}${short(used)} of ${short(window)} tokens`;
  the("meter-warning").textContent = {
    over: "Too long for the window. Begin a new conversation, or choose a plan or flow for longer texts.",
    nearly: "Nearly full. Long answers may not fit; a new conversation makes room.",
    flow: "",
    fits: "",
  }[state];
}
