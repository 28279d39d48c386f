/** What an answer took, in a line. */

import { bytes, counted, seconds, short } from "./numbers.js";

/** Pieces of text, each a fact. */
export function figures(turn) {
  const usage = turn.usage;
  if (!usage) return [];
  const extras = usage.longspan ?? {};
  const found = [];
  const cached = usage.prompt_tokens_details?.cached_tokens ?? 0;
  const read = usage.prompt_tokens - cached;
  const { prefill: reading, decode: writing } = extras.seconds ?? {};
  found.push(`${counted(read, "token")} read${reading > 0 ? ` in ${seconds(reading)}` : ""}`);
  if (cached) found.push(`${short(cached)} known before`);
  const speed = writing > 0 && usage.completion_tokens > 1 ? `, ${(usage.completion_tokens / writing).toFixed(1)} a second` : "";
  found.push(`${counted(usage.completion_tokens, "token")} written${speed}`);
  if (extras.bytes_held) found.push(`${bytes(extras.bytes_held)} of memory held`);
  if (turn.flow) found.push(`flow ${turn.flow}`);
  if (turn.plan) found.push(`plan ${turn.plan}`);
  return found;
}
