/** Numbers as people read them. */

const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const SHORT = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

/** 5,815 */
export function whole(number) {
  return WHOLE.format(number);
}

/** 5.8k */
export function short(number) {
  return number < 1000 ? WHOLE.format(number) : `${SHORT.format(number / 1000)}k`;
}

/** 1 token, 2 tokens */
export function counted(number, one, many = `${one}s`) {
  return `${whole(number)} ${number === 1 ? one : many}`;
}

/** 12.4 MB */
export function bytes(number) {
  let left = number;
  for (const unit of ["bytes", "kB", "MB", "GB"]) {
    if (left < 1000) return `${unit === "bytes" ? WHOLE.format(left) : SHORT.format(left)} ${unit}`;
    left /= 1000;
  }
  return `${SHORT.format(left)} TB`;
}

/** 0.4 s, 12 s, 3 min 20 s */
export function seconds(number) {
  if (number < 9.95) return `${SHORT.format(number)} s`;
  if (number < 90) return `${WHOLE.format(number)} s`;
  const minutes = Math.floor(number / 60);
  const rest = Math.round((number - minutes * 60) / 5) * 5;
  return minutes >= 20 || rest === 0 || rest === 60
    ? `${WHOLE.format(minutes + (rest === 60 ? 1 : 0))} min`
    : `${minutes} min ${rest} s`;
}

/** Tokens that a text comes to, roughly, where nobody has counted. */
export function roughTokens(text) {
  let plain = 0;
  for (let at = 0; at < text.length; at += 1) plain += text.charCodeAt(at) < 128 ? 1 : 0;
  return Math.ceil(plain / 4 + (text.length - plain) / 1.5);
}
