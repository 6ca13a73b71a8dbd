// The panel of a small GPT: a list, its training, and what it writes as it learns.
import { Clock, changed, complain, fits, given, latest, made, once, options, times } from "./parts.js";
import { Writer, loaded } from "./trainer.js";
import { drawCurves, hues } from "./plane.js";

const byId = (id) => document.getElementById(`w-${id}`);
const OWN = "own";
const FRAME = 16;  // milliseconds of a picture's time that training takes
const MOST = 100_000;  // steps
const EVERY = 10;  // steps between two points of the curves
const REST = 700;  // milliseconds between new items while it trains
const COUNT = 12;  // items that it writes
const FIRST = {
  list: "words", width: "8", heads: "2", context: "8", optimizer: "adam", rate: "0.01", batch: "16",
  temperature: "1", seed: "0",
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
const building = latest();

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
  const isLast = building();
  clock.stop();
  byId("summary").textContent = "Recording the network …";
  try {
    const text = state.list === OWN ? own : null;
    const found = await page.call("words.items", { text, context: Number(state.context) });
    const programs = isLast() && await page.call("words.programs", { setup: setup(found) });
    const modules = programs && await loaded(programs.programs);
    if (!isLast()) return;
    writer = new Writer(programs, modules, found, Number(state.context), Number(state.seed) || 0);
    complain(byId("wrong"), "");
  } catch (error) {
    if (!isLast()) return;
    if (!error.refused) throw error;
    complain(byId("wrong"), error.message);
    byId("summary").textContent = writer ? "" : "–";
    return;
  }
  history = { at: [], train: [], test: [] };
  losses = [];
  fill();
  note();
  tell();
  if (goal && visible) clock.start();
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
  const found = writer.words(COUNT, Number(state.temperature), Number(state.seed) || 0);
  byId("items").replaceChildren(...found.map((word) => {
    const item = made("li", {}, word || "(nothing)");
    if (writer.known.has(word)) item.append(made("span", { class: "quiet" }, " is in the list"));
    return item;
  }));
}

function fill() {
  for (const key of Object.keys(FIRST)) byId(key).value = state[key];
  byId("text").value = own;
  byId("told").textContent = `${writer.known.size} items of ${writer.symbols.length} different characters; ` +
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

export function hide() {
  visible = false;
  clock?.stop();
}
