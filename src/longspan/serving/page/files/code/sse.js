/** Server-sent events out of bytes, whatever ends their lines and wherever the network cuts them. */

/** The data of each event of a stream. What follows the last blank line was cut off, and is left out. */
export async function* events(stream) {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  const lines = new Lines();
  let data = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      const text = value ? decoder.decode(value, { stream: true }) : "";
      for (const line of lines.push(text)) {
        if (line === "") {
          if (data.length) yield data.join("\n");
          data = [];
        } else if (line.startsWith("data:")) {
          data.push(line.slice(line[5] === " " ? 6 : 5));
        } else if (line === "data") {
          data.push("");
        }
      }
      if (done) return;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** Whole lines out of pieces of text; ended by CR, LF or both. */
class Lines {
  rest = "";
  afterReturn = false;

  *push(text) {
    if (this.afterReturn && text) {
      if (text[0] === "\n") text = text.slice(1);
      this.afterReturn = false;
    }
    this.rest += text;
    let at = 0;
    for (const match of this.rest.matchAll(/\r\n|\n|\r/g)) {
      yield this.rest.slice(at, match.index);
      at = match.index + match[0].length;
      this.afterReturn = match[0] === "\r" && at === this.rest.length;
    }
    this.rest = this.rest.slice(at);
  }
}
