// The panel of a small GPT: a list, its training, and what it writes as it learns.
import { Clock, changed, complain, ending, fits, given, latest, made, once, options, taken, times } from "./parts.js";
import { Writer, loaded } from "./trainer.js";
import { drawCurves, hues } from "./plane.js";

const byId = (id) => document.getElementById(`w-${id}`);
const OWN = "own";
const FRAME = 16;  // milliseconds of a picture's time that training takes
const MOST = 100_000;  // steps
const EVERY = 10;  // steps between two points of the curves
const REST = 700;  // milliseconds between new items while it trains
const COUNT = 12;  // items that it writes
const PROGRAMS = [["loss", "what it learns by"], ["logits", "what it writes by"]];
const FIRST = {
  list: "words", width: "8", heads: "2", context: "8", optimizer: "adam", rate: "0.01", batch: "16",
  temperature: "1", seed: "0", look: "",
};
const OFFERED = {
  list: [["words", "2 795 words, from names of letters"], [OWN, "my own"]],
  rate: ["0.001", "0.003", "0.01", "0.03", "0.1", "0.3", "1"].map((n) => [n, n]),
  batch: ["4", "16", "64"].map((n) => [n, n]),
  temperature: ["0", "0.5", "0.8", "1", "1.2", "2"].map((n) => [n, n]),
};

let page, choices, writer = null, clock, visible = false;
let fresh = true;  // the state is of an address, and yet to be built
let state = { ...FIRST };
let own = "";  // a list, an item a line
let goal = 0, wrote = 0;
let history = { at: [], train: [], test: [] };
let losses = [];  // of the steps since the last point of the curve
let looking = null;  // the program of what its heads look at, once that is asked
const building = latest(), taking = latest();

// ---- the state ----

export function read(query) {
  fresh = true;
  building();  // drops what is under way
  state = given(FIRST, query);
  own = (query.get("items") ?? own).slice(0, 6000);
  goal = times(query, "steps", MOST);
}

export function write() {
  const steps = writer?.steps ? { steps: String(writer.steps) } : {};
  const query = { ...changed(FIRST, state), ...steps };
  const all = { ...query, items: own };
  return state.list === OWN && fits(all) ? all : query;
}

const setup = ({ symbols }) => ({
  tokens: symbols.length + 1, width: Number(state.width), heads: Number(state.heads),
  context: Number(state.context), optimizer: state.optimizer, seed: Number(state.seed) || 0,
});

const settings = () => ({ rate: Number(state.rate), batch: Number(state.batch) });

// ---- building, training ----

async function build() {
  const isLast = building(), isWell = ending(byId("wrong"));
  clock.stop();
  try {
    const text = state.list === OWN ? own : null;
    const found = await page.call("words.items", { text, context: Number(state.context) });
    const ready = isLast() && await recorded(found, isLast);
    if (!ready || !isLast()) return;
    writer = ready;
    isWell();
  } catch (error) {
    if (!isLast()) return;
    byId("summary").textContent = writer ? "" : "–";
    if (!error.refused) throw error;
    complain(byId("wrong"), error.message);
    return;
  }
  history = { at: [], train: [], test: [] };
  losses = [];
  fill();
  note();
  tell();
  if (goal && visible) clock.start();
}

// The network with its programs, which are recorded one by one; meanwhile one sees what it
// is to learn from, and how far it is.
async function recorded(found, isLast) {
  const wanted = setup(found);
  const begun = performance.now();
  let done = 0;
  const tell = () => {
    if (!isLast()) return;
    byId("summary").textContent = `Recording ${PROGRAMS[done][1]}, program ${done + 1} of ${PROGRAMS.length}: ` +
      `${Math.round((performance.now() - begun) / 1000)} s`;
  };
  list("What it learns from", found.items.slice(0, COUNT));
  tell();
  page.announce(byId("summary").textContent);
  const telling = setInterval(tell, 1000);
  try {
    const model = await page.call("words.model", { setup: wanted });
    const programs = { rule: model.rule };
    for (const [name] of PROGRAMS) {
      if (!isLast()) return null;
      programs[name] = await page.call("words.program", { setup: wanted, name });
      done = Math.min(done + 1, PROGRAMS.length - 1);
    }
    byId("seen").textContent = "Recording what the heads look at …";
    looking = once(async () => {
      const attention = await page.call("words.program", { setup: wanted, name: "attention" });
      return (await loaded({ attention })).attention;
    });
    return new Writer(model, await loaded(programs), found, wanted.context, wanted.seed);
  } finally {
    clearInterval(telling);
  }
}

function tick() {
  const end = performance.now() + FRAME;
  const last = goal || MOST;
  let fine = true;
  while (fine && writer.steps < last && performance.now() < end) fine = step();
  tell();
  if (performance.now() - wrote > REST) compose();
  if (fine && writer.steps < last) return true;
  goal = 0;
  if (!fine) stopped();
  rest();
  return false;
}

function step() {
  const fine = writer.step(settings());
  losses.push(writer.value);
  if (fine && writer.steps % EVERY === 0) note();
  return fine;
}

function stopped() {
  complain(byId("wrong"), `The loss is no longer a number after step ${writer.steps}: with so large a ` +
    "learning rate the weights grow beyond all bounds. Choose a smaller one and start over.");
}

function rest() {
  goal = 0;
  compose();
  page.remember();
  page.announce(`${byId("summary").textContent}. It writes: ${writer.words(3, 1, 0).join(", ")}`);
}

// ---- what is shown ----

function note() {
  if (history.at.at(-1) === writer.steps) return;
  history.at.push(writer.steps);
  const mean = losses.reduce((a, b) => a + b, 0) / losses.length;
  history.train.push(losses.length ? mean : writer.measured("train"));
  history.test.push(writer.measured("test"));
  losses = [];
}

function tell() {
  const { train, test } = history;
  byId("summary").textContent = `step ${writer.steps}   loss ${train.at(-1).toPrecision(3)}` +
    `   test ${test.at(-1).toPrecision(3)}   guessing has ${Math.log(writer.tokens).toPrecision(3)}`;
  const [one, other] = hues(2);
  drawCurves(byId("curves"), history.at, [
    { values: train, color: other },
    { values: test, color: one, dashed: true },
  ]);
  byId("curves").setAttribute("aria-label", `The loss by step; at ${byId("summary").textContent}`);
}

// New items, the same for the same seed and the same step.
function compose() {
  wrote = performance.now();
  list("What it writes now", writer.words(COUNT, Number(state.temperature), Number(state.seed) || 0), writer.known);
  look();
}

// Items are put into the buttons that are there, of which one may have the keyboard.
function list(title, items, known = new Set()) {
  byId("items-title").textContent = title;
  const places = byId("items").children;
  while (places.length > items.length) places[places.length - 1].remove();
  items.forEach((word, n) => {
    const [button, note] = (places[n] ?? newItem()).children;
    button.textContent = word || "(nothing)";
    button.value = word;
    note.textContent = known.has(word) ? " is in the list" : "";
  });
}

function newItem() {
  const item = made("li");
  const button = made("button", { type: "button", class: "plain", title: "See what it looks at in this word" });
  button.addEventListener("click", () => {
    byId("look").value = button.value;
    change("look", false);
    look();
  });
  item.append(button, made("span", { class: "quiet" }));
  byId("items").append(item);
  return item;
}

// Of a word what each head looks at as it reads on: letters down, those before them across.
const asking = latest();
async function look() {
  const word = state.look;
  const mine = writer;
  const isLast = asking();
  const unknown = [...word].find((letter) => !mine.symbols.includes(letter));
  complain(byId("unread"), unknown ? `${unknown} is not among the characters of this list` : "");
  byId("seen").hidden = !word || unknown !== undefined;
  if (byId("seen").hidden) return;
  const program = await looking();
  if (!isLast() || mine !== writer) return;
  const letters = ["start", ...word].slice(0, mine.context).map((letter) => (letter === " " ? "␣" : letter));
  const heads = mine.attention(program, word, Number(state.heads));
  byId("seen").replaceChildren(...heads.map((rows, head) => lookedAt(`Head ${head + 1}`, letters, rows)));
}

function lookedAt(title, letters, rows) {
  const table = made("table", { class: "looks" });
  table.append(made("caption", {}, title));
  const top = table.createTHead().insertRow();
  top.append(made("td"), ...letters.map((letter) => made("th", { scope: "col" }, letter)));
  const body = table.createTBody();
  rows.forEach((weights, at) => {
    const row = body.insertRow();
    row.append(made("th", { scope: "row" }, letters[at]));
    for (const weight of weights) {
      const cell = made("td", {}, String(Math.round(100 * weight)));
      cell.style.setProperty("--share", `${(50 * weight).toFixed(1)}%`);
      row.append(cell);
    }
  });
  return table;
}

function fill() {
  for (const key of Object.keys(FIRST)) byId(key).value = state[key];
  byId("text").value = own;
  byId("told").textContent = `${writer.known.size} ${writer.known.size === 1 ? "item" : "items"} of ${writer.symbols.length} different characters; ` +
    `${writer.told}. A tenth of the items is kept for the test.`;
  compose();
}

// ---- controls ----

function change(key, anew = true) {
  state[key] = byId(key).value;
  if (anew) {
    goal = 0;
    build();
  }
  page.remember();
}

function wire() {
  clock = new Clock(byId("play"), tick);
  const lists = { ...OFFERED, ...Object.fromEntries(Object.entries(choices).map(([key, all]) => [key, all.map((n) => [n, n])])) };
  for (const [key, pairs] of Object.entries(lists)) {
    options(byId(key), pairs);
    byId(key).addEventListener("change", () => {
      change(key, !["rate", "batch", "temperature"].includes(key));
      if (key === "temperature" && writer) compose();
    });
  }
  byId("seed").addEventListener("change", () => byId("seed").value && change("seed"));
  const on = (id, handler) => byId(id).addEventListener("click", () => writer && handler());
  on("play", () => {
    clock.toggle();
    if (!clock.on) rest();
  });
  on("step", () => {
    clock.stop();
    if (!step()) stopped();
    note();
    tell();
    rest();
  });
  byId("again").addEventListener("click", () => {
    goal = 0;
    build();
    page.remember();
  });
  byId("load").addEventListener("click", () => {
    own = byId("text").value;
    byId("list").value = OWN;
    change("list");
  });
  byId("look").addEventListener("input", () => {
    change("look", false);
    if (writer) look();
  });
  addEventListener("resize", () => visible && writer && tell());
}

// ---- the panel ----

export function start(frame) {
  page = frame;
}

export async function show() {
  visible = true;
  await opened();
  if (!fresh) return seen();
  fresh = false;
  await build();
}

const opened = once(async () => {
  choices = await page.call("words.choices", {});
  wire();
});

function seen() {
  if (!writer) return;
  tell();
  if (goal && !clock.on) clock.start();
}

// A file that is dropped on the page.
export async function take(file) {
  await taken(file, taking(), (text) => {
    byId("own").open = true;
    byId("text").value = text;
    byId("load").click();
  }, (message) => complain(byId("wrong"), message));
}

export function hide() {
  visible = false;
  clock?.stop();
}
