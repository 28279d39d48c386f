/** One question to the server, and what comes of it. */

import { BROKEN, Failure, call, told } from "./server.js";
import { events } from "./sse.js";

/**
 * Asks, and gives pieces as they come: {progress}, {text}, {thought}, {citations}, {notes}, {usage}, and {end} last.
 * Raises Failure where it does not come to its end, and AbortError where it was stopped.
 */
export async function* answered(messages, { model, context, plan, flow }, signal) {
  const extras = { cite: true, return_progress: true };
  if (context) extras.context = context;
  if (plan) extras.plan = plan;
  if (flow) extras.flow = flow;
  const json = {
    model,
    messages,
    stream: true,
    stream_options: { include_usage: true },
    longspan: extras,
  };
  const response = await call("v1/chat/completions", { method: "POST", json, signal });
  let why = null;
  try {
    for await (const data of events(response.body)) {
      if (data === "[DONE]") break;
      const chunk = JSON.parse(data);
      if (chunk.error) throw told(chunk.error);
      yield* pieces(chunk);
      why = chunk.choices?.[0]?.finish_reason ?? why;
    }
  } catch (error) {
    if (error instanceof Failure || error.name === "AbortError") throw error;
    throw new Failure(BROKEN);
  }
  if (!why) throw new Failure(BROKEN);
  yield { end: why };
}

function* pieces(chunk) {
  if (chunk.prompt_progress) yield { progress: chunk.prompt_progress };
  const choice = chunk.choices?.[0];
  const extras = { ...chunk.longspan, ...choice?.longspan };
  if (choice?.delta?.reasoning_content) yield { thought: choice.delta.reasoning_content };
  if (choice?.delta?.content) yield { text: choice.delta.content };
  if (Array.isArray(extras.citations)) yield { citations: extras.citations };
  if (Array.isArray(extras.notes) && extras.notes.length) yield { notes: extras.notes };
  if (chunk.usage) yield { usage: chunk.usage };
}
