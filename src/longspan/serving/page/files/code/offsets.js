/** The server counts characters as Unicode code points, the browser as UTF-16 units; this turns one into the other. */

const EVERY = 1024;
const PAIRS = /[\ud800-\udbff][\udc00-\udfff]/;

export class Offsets {
  /** Where every 1,024th code point begins, in units; none where both count alike. */
  #begins = null;

  constructor(text) {
    this.text = text;
    if (!PAIRS.test(text)) return;
    this.#begins = [0];
    let points = 0;
    for (let unit = 0; unit < text.length; unit += text.codePointAt(unit) > 0xffff ? 2 : 1) {
      if (points && points % EVERY === 0) this.#begins.push(unit);
      points += 1;
    }
  }

  /** The unit at which a code point begins. */
  units(points) {
    if (!this.#begins) return Math.min(points, this.text.length);
    const known = Math.min(Math.floor(points / EVERY), this.#begins.length - 1);
    let unit = this.#begins[known];
    for (let left = points - known * EVERY; left > 0 && unit < this.text.length; left -= 1) {
      unit += this.text.codePointAt(unit) > 0xffff ? 2 : 1;
    }
    return unit;
  }
}
