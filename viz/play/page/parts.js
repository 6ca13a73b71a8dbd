// What the panels share: elements, a clock, answers of which only the last one counts.

export function made(tag, attributes = {}, text = "") {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  return element;
}

export function options(select, pairs) {
  select.replaceChildren(...pairs.map(([value, text]) => new Option(text, value)));
}

// What can't be, beside the controls; "" takes it away. It is read aloud once.
export function complain(place, text) {
  if (place.textContent !== text) place.textContent = text;
  place.hidden = !text;
}

// What takes away the complaint that there is now, and none that comes meanwhile.
export function ending(place) {
  const before = place.textContent;
  return () => place.textContent === before && complain(place, "");
}

export const refused = (text) => Object.assign(new Error(text), { refused: true });

// The text of a file, in whichever of the usual encodings it is.
async function textOf(file) {
  if (file.size > MOST_BYTES) {
    throw refused(`${file.name} has ${Math.round(file.size / 1e6)} MB; what is read here has at most ${MOST_BYTES / 1e6}`);
  }
  const bytes = new Uint8Array(await file.arrayBuffer().catch(() => {
    throw refused(`${file.name} can't be read`);
  }));
  const text = decoded(bytes);
  if (text.includes("\0")) throw refused(`${file.name} is no text, as a table or a list is`);
  return text;
}

// The text of a file is handed on, unless another was chosen meanwhile; what can't be read
// is told.
export async function taken(file, isLast, use, tell) {
  try {
    const text = await textOf(file);
    if (isLast()) use(text);
  } catch (error) {
    if (!error.refused) throw error;
    if (isLast()) tell(error.message);
  }
}

function decoded(bytes) {
  const mark = bytes[0] === 255 && bytes[1] === 254 ? "utf-16le" : bytes[0] === 254 && bytes[1] === 255 ? "utf-16be" : "utf-8";
  try {
    return new TextDecoder(mark, { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

// Of questions that are asked again the last one counts: `const isLast = question();`, and
// after the answer `if (!isLast()) return;`. To ask nothing drops what is under way.
export function latest() {
  let last = 0;
  return () => {
    const mine = ++last;
    return () => mine === last;
  };
}

// What is awaited as often as one likes and done once; after a failure it is tried anew.
export function once(task) {
  let under = null;
  return () => (under ??= task().catch((error) => {
    under = null;
    throw error;
  }));
}

// A button that plays and pauses: `tick` is called again, as long as it says true, once a
// picture, or every so many milliseconds.
export class Clock {
  constructor(button, tick, every = 0) {
    this.button = button;
    this.word = button.textContent;
    this.tick = tick;
    this.every = every;
    this.turns = latest();
    this.on = false;
  }

  start() {
    const isLast = this.turns();
    this.#shown(true);
    const next = () => (this.every ? setTimeout(turn, this.every) : requestAnimationFrame(turn));
    const turn = () => {
      if (!isLast()) return;
      if (this.tick()) next();
      else if (isLast()) this.stop();
    };
    next();
  }

  stop() {
    this.turns();
    this.#shown(false);
  }

  toggle() {
    if (this.on) this.stop();
    else this.start();
  }

  #shown(on) {
    this.on = on;
    this.button.textContent = on ? "Pause" : this.word;
  }
}

const MOST_BYTES = 4e6;  // of a file

// ---- a state of texts, by keys, as the address has it ----

export const LONGEST = 6000;  // characters of a table or a list in the address

export function given(first, query) {
  const found = { ...first };
  for (const key of Object.keys(first)) {
    if (query.has(key)) found[key] = query.get(key).slice(0, 100);
  }
  return found;
}

export const changed = (first, state) =>
  Object.fromEntries(Object.entries(state).filter(([key, text]) => text !== first[key]));

// How often something was done, as a link asks for it.
export const times = (query, key, most) =>
  Math.min(Math.max(Number.parseInt(query.get(key), 10) || 0, 0), most);

export const fits = (query) => new URLSearchParams(query).toString().length <= LONGEST;
