/** Nodes, made without markup: whatever a model or a document says stays text. */

/** An element. Properties that begin with "on" are listeners; false, null and undefined are left out. */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key === "class") made.className = value;
    else if (key === "value") made.value = value;
    else made.setAttribute(key, value === true ? "" : String(value));
  }
  made.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** A button that says what it does. */
export function button(label, onclick, properties = {}) {
  return element("button", { type: "button", onclick, ...properties }, label);
}

/** The element with this id, which the page has. */
export function the(id) {
  return document.getElementById(id);
}

/** Text for those who listen and not for those who look. */
export function unseen(text) {
  return element("span", { class: "unseen" }, text);
}

/** Calls at most once a frame, with what was said last. */
export function perFrame(act) {
  let waiting = false;
  let last = [];
  return (...given) => {
    last = given;
    if (waiting) return;
    waiting = true;
    const run = () => {
      if (!waiting) return;
      waiting = false;
      act(...last);
    };
    requestAnimationFrame(run);
    setTimeout(run, 250); // pages in the background have no frames
  };
}
