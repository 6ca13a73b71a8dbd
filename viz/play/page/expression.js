// The panel of an expression: numbers, the graph, the plot, the words.
import { Picture, markup } from "./picture.js";
import { Clock, complain, ending, latest, made } from "./parts.js";

const byId = (id) => document.getElementById(id);
const HUES = 8;
const REACHES = [1, 2, 5, 10, 100, 1000];
const RATES = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];
const FILES = ["SVG", "HTML", "LaTeX", "Python", "Steps"];
const HOW = "Each box shows its value, and its gradient: how much out changes per unit of " +
  "change in it. On an arrow stands the local derivative ∂. Choose a node and its path to out " +
  "lights up; drag a name's box sideways, or the point of the plot, to change its number. A " +
  "box with a + holds all that leads to it alone: a click opens it.";

// text: as typed. shown: what the last text that could be read gave. step: how far the
// walk is, null for all of it. still: names that gradient descent leaves alone. folded:
// nodes that are folded, null for what is best.
const state = { rate: 0.1, chosen: null };
let page, examples, shown, picture, playing, running;
let fresh = true;  // the state is of an address, and yet to be shown

// ---- the address ----

export function read(query) {
  fresh = true;
  derived = "";
  Object.assign(state, { text: query.get("expression") ?? "", numbers: {}, reach: 5, step: null });
  for (const part of (query.get("values") ?? "").split(",")) {
    const at = part.lastIndexOf(":");
    const number = Number(part.slice(at + 1));
    if (at > 0 && part.slice(at + 1).trim() && Number.isFinite(number)) state.numbers[part.slice(0, at)] = number;
  }
  state.by = query.get("by") ?? "";
  const reach = Number(query.get("reach"));
  if (reach > 0 && reach <= 1e6) state.reach = reach;
  if (/^\d{1,6}$/.test(query.get("step") ?? "")) state.step = Number(query.get("step"));
  state.still = new Set((query.get("still") ?? "").split(",").filter(Boolean));
  const folded = query.get("folded") ?? "";
  state.folded = /^(\d{1,6}(,\d{1,6})*|none)$/.test(folded) ? folded.split(",").map(Number).filter(Number.isFinite) : null;
}

export function write() {
  if (!shown) return {};
  const numbers = shown.names.map(({ name, number }) => `${name}:${number}`);
  const query = { expression: shown.text, values: numbers.join(","), by: by(), reach: String(state.reach) };
  if (state.step !== null) query.step = String(state.step);
  if (state.still.size) query.still = [...state.still].join(",");
  if (state.folded !== null) query.folded = state.folded.join(",") || "none";
  return new URLSearchParams(query).toString().length > 6000 ? {} : query;
}

// ---- asking: the graph first, then the plot, and the words when nothing else waits ----

let waits = false, busy = false, plotted = 0;

async function refresh() {
  waits = true;
  if (busy) return;
  busy = true;
  try {
    while (waits) {
      waits = false;
      if (!(await showGraph())) continue;
      if (waits && performance.now() - plotted < 200) continue;  // the graph comes first
      await showPlot();
      if (!waits) await showWords();
    }
  } finally {
    busy = false;
  }
}

let turning = null;  // a node to fold or to unfold with the next question

async function showGraph() {
  const before = picture && shown.text === state.text && !unfolding ? shown.folded : null;
  const turned = before && turning;
  const drawn = before !== null && turned === null;
  const given = { text: state.text, numbers: state.numbers, drawn, folded: before ?? state.folded, turned };
  turning = null;
  unfolding = false;
  const isWell = ending(byId("wrong"));
  let found;
  try {
    found = await page.call("expression.graph", given);
  } catch (error) {
    if (!error.refused) throw error;
    complain(byId("wrong"), error.message);
    stale(true);
    return false;
  }
  if (found.error) complain(byId("wrong"), found.error);
  else isWell();
  stale(false);
  const names = shown?.names.map(({ name }) => name).join();
  shown = { ...shown, ...found };
  if (turned !== null) state.folded = found.folded;
  if (drawn) picture.numbers(found.nodes, found.edges);
  else draw(found, turned);
  if (names !== shown.names.map(({ name }) => name).join()) makeNames();
  showNumbers();
  if (!drawn) showStep();
  if (turned !== null) tellFold(shown.nodes[turned]);
  page.remember();
  return true;
}

function stale(is) {
  for (const id of ["graph", "step", "derivation", "plotting"]) byId(id).classList.toggle("stale", is);
}

// ---- numbers ----

const by = () => (shown.names.some(({ name }) => name === state.by) ? state.by : shown.names[0]?.name ?? "");

// A slider reaches as far as it is told, or to a round number beyond its own.
function reachOf(number) {
  if (Math.abs(number) <= state.reach) return state.reach;
  const power = 10 ** Math.floor(Math.log10(Math.abs(number)));
  return [1, 2, 5, 10].map((m) => m * power).find((reach) => reach >= Math.abs(number));
}

function move(name, number) {
  if (!Number.isFinite(number)) return;
  state.numbers[name] = number;
  refresh();
}

function makeNames() {
  byId("names").replaceChildren(...shown.names.map(({ name }, at) => {
    const row = made("div", { class: "name", "data-hue": at % HUES });
    const tick = made("input", { type: "checkbox", "aria-label": `${name} takes part in the descent` });
    tick.checked = !state.still.has(name);
    tick.addEventListener("change", () => {
      state.still[tick.checked ? "delete" : "add"](name);
      page.remember();
    });
    const slider = made("input", { type: "range", "aria-label": `${name}, slider` });
    slider.addEventListener("input", () => move(name, Number(slider.value)));
    const box = made("input", { type: "number", "aria-label": `${name}, number` });
    box.addEventListener("input", () => move(name, box.value === "" ? NaN : Number(box.value)));
    row.append(tick, made("b", { title: name }, name), slider, box, made("span", { class: "slope" }));
    return row;
  }));
  if (!shown.names.length) byId("names").append(made("p", { class: "quiet" }, "No names in this expression."));
  byId("by").replaceChildren(...shown.names.map(({ name }) => made("option", {}, name)));
  byId("plotting").hidden = !shown.names.length;
}

function showNumbers() {
  byId("out").textContent = shown.error ? "–" : shown.out;
  [...byId("names").querySelectorAll(".name")].forEach((row, at) => {
    const { name, gradient, slope } = shown.names[at];
    const number = state.numbers[name] ?? shown.names[at].number;  // it may have moved on
    const [slider, box] = [row.querySelector("[type=range]"), row.querySelector("[type=number]")];
    const reach = reachOf(number);
    Object.assign(slider, { min: -reach, max: reach, step: reach / 500 });
    if (slider !== document.activeElement || Number(slider.value) !== number) slider.value = number;
    slider.setAttribute("aria-valuetext", String(number));
    box.step = reach / 50;
    box.setAttribute("value", number);  // its arrows step from here
    if (Number(box.value) !== number || box !== document.activeElement) box.value = number;
    const words = row.querySelector(".slope");
    words.textContent = `∂out/∂${name} = ${gradient}`;
    words.className = `slope ${slope > 0 ? "positive" : slope < 0 ? "negative" : ""}`;
    row.classList.toggle("lit", isBehind(shown.names[at].node));
  });
  byId("by").value = by();
  byId("reach").value = String(state.reach);
  page.announce(shown.error ? "out has no value here" : `out = ${shown.out}`);
}

function tellFold({ name, folded, inside }) {
  page.announce(folded ? `${name} is folded, with ${inside} in it` : `${name} is unfolded`);
}

// Whether the chosen node depends on this one.
const isBehind = (node) => state.chosen !== null && picture.behind(state.chosen).has(boxOf(node));

// The node whose box shows this one.
const boxOf = (node) => shown.nodes[node].box ?? node;

// ---- gradient descent ----

function descend() {
  const moving = shown.names.filter(({ name, slope }) => slope !== null && !state.still.has(name));
  for (const { name, number, slope } of moving) {
    const next = number - state.rate * slope;
    if (Number.isFinite(next)) state.numbers[name] = next;
  }
  refresh();
  return !shown.error && moving.length > 0;
}

// ---- the graph ----

// turned: a node that was folded or unfolded; the keyboard stays there.
function draw(found, turned) {
  const focused = byId("graph").contains(document.activeElement);
  picture?.leave();
  if (turned === null || shown.nodes[state.chosen]?.box !== undefined) state.chosen = null;
  byId("node").hidden = state.chosen === null;
  byId("graph").replaceChildren(markup(found.picture));
  picture = new Picture(byId("graph"), shown, {
    choose: (node) => choose(node === state.chosen ? null : node),
    fold,
    point: (what) => pointAt(what),
    turn,
    looked: (fitted) => byId("fit").setAttribute("aria-pressed", String(fitted)),
  });
  const { width, height } = picture.whole;
  byId("desk").classList.toggle("broad", width > 2.6 * height && width > 900);
  shown.names.forEach(({ node }, at) => picture.views[node]?.group.setAttribute("data-hue", at % HUES));
  const first = turned ?? picture.views.findIndex(Boolean);
  picture.views.forEach((view, node) => view?.group.setAttribute("tabindex", node === first ? 0 : -1));
  if (focused && turned !== null) picture.views[turned].group.focus({ preventScroll: true });
  byId("folding").hidden = !found.large && !found.folded.length;
  byId("folding").textContent = found.folded.length ? "Unfold" : "Fold";
  byId("folding").title = found.folded.length ? "Every operation in a box of its own" : "A few boxes, which a click opens";
}

function fold(node) {
  turning = node;
  return refresh();
}

let unfolding = false;  // or all folded as it was at first

function foldAll() {
  state.folded = shown.folded.length ? [] : null;
  unfolding = true;
  return refresh();
}

// A leaf's box, dragged sideways, changes its number.
function turn(node, across) {
  const leaf = shown.names.find((name) => name.node === node);
  if (!leaf) return;
  const now = state.numbers[leaf.name] ?? leaf.number;
  const step = reachOf(now) / 500;
  move(leaf.name, Math.round((now + across * 2 * step) / step) * step);
}

function choose(node) {
  state.chosen = node;
  if (node === null) byId("node").hidden = true;
  picture.show(state.step, node);
  showNumbers();
  return refreshWords();
}

// One stop of the Tab key; arrow keys go along the arrows and through the nodes.
function walkTo(event) {
  const here = event.target.closest(".node[role]");
  if (!here) return;
  const index = Number(here.id.slice(1));
  const nodes = picture.views.flatMap((view, at) => (view ? [at] : []));
  const at = nodes.indexOf(index);
  const ways = {
    ArrowRight: () => shown.edges.find((edge) => edge.tail === index)?.head,
    ArrowLeft: () => shown.edges.find((edge) => edge.head === index)?.tail,
    ArrowDown: () => nodes[at + 1],
    ArrowUp: () => nodes[at - 1],
    Home: () => nodes[0],
    End: () => nodes.at(-1),
  };
  const next = ways[event.key]?.();
  const { inside, folded } = shown.nodes[index];
  if (inside && (folded ? ["Enter", " ", "+"] : ["-"]).includes(event.key)) fold(index);
  else if (event.key === "Enter" || event.key === " ") choose(index === state.chosen ? null : index);
  else if (event.key === "Escape") choose(null);
  else if (next === undefined) return;
  event.preventDefault();
  if (next === undefined) return;
  here.setAttribute("tabindex", -1);
  picture.views[next].group.setAttribute("tabindex", 0);
  picture.bring(next);
  picture.views[next].group.focus({ preventScroll: true });
}

// ---- pointing: a node or an arrow here, its formulas there, and the other way round ----

function pointAt(what) {
  for (const row of document.querySelectorAll(".formulas mtr.pointed")) row.classList.remove("pointed");
  if (typeof what === "number") for (const row of rowsOf(what)) row.classList.add("pointed");
}

// The rows of a derivation that say what a node's value or its gradient is.
function rowsOf(node) {
  const left = (row) => row.firstElementChild.querySelector("[data-slope], [data-node]");
  return [...document.querySelectorAll("#derivation mtr")].filter((row) => {
    const { slope, node: own } = left(row)?.dataset ?? {};
    return slope ? slope.split("-")[1] === String(node) : own === String(node);
  });
}

function pointFrom(event) {
  const slope = event.target.closest("[data-slope]")?.dataset.slope;
  const node = event.target.closest("[data-node]")?.dataset.node;
  if (slope) {
    const [of, by] = slope.split("-").map((one) => boxOf(Number(one)));
    const direct = shown.edges.filter((edge) => edge.head === of && edge.tail === by);
    const [from, to] = [picture.onwards(by), picture.behind(of)];
    const way = shown.edges.filter((edge) => from.has(edge.tail) && to.has(edge.head));
    picture.point((direct.length ? direct : way).map((edge) => edge.id));
  } else {
    picture.point(node ? [`n${boxOf(Number(node))}`] : []);
  }
}

// ---- the walk ----

const last = () => Math.max(shown.steps.length - 1, 0);

function go(step) {
  state.step = step === null ? null : Math.min(Math.max(step, 0), last());
  picture.show(state.step, state.chosen);
  showStep();
  page.announce(byId("step-title").textContent);
  page.remember();
  return refreshWords();
}

function showStep() {
  const whole = state.step === null;
  if (!whole) state.step = Math.min(state.step, last());
  const step = whole ? null : shown.steps[state.step];
  byId("scrub").max = last();
  byId("scrub").value = whole ? last() : state.step;
  byId("scrub").setAttribute("aria-valuetext", whole ? "all steps" : `step ${state.step} of ${last()}`);
  byId("scrub").disabled = !last();
  byId("step-title").textContent = whole
    ? `The forward and the backward pass, all ${last()} steps`
    : `Step ${state.step} of ${last()}: ${step.title}`;
  byId("step-words").textContent = whole ? HOW : step.words ?? "";
  picture.show(state.step, state.chosen);
  if (step && step.node !== null) picture.bring(step.node);
  for (const id of ["first", "back", "play", "forward", "everything"]) byId(id).disabled = !last();
}

function play() {
  playing.toggle();
  if (playing.on && (state.step === null || state.step === last())) go(0);
}

function onwards() {
  go(state.step + 1);
  return state.step < last();
}

// ---- words and plot ----

const refreshWords = () => (busy ? refresh() : showWords());

const wording = latest();
let derived = "";  // what the derivation that is shown is of

async function showWords() {
  const isLast = wording();
  const { text, folded } = shown;
  const { numbers, step, chosen: node } = state;
  const given = { text, numbers: { ...numbers }, by: by() };
  if (step !== null || node !== null) {
    const found = await page.call("expression.words", { text, numbers, step, node, folded });
    if (!isLast()) return;
    set("step-lines", found.step);
    showNode(found.node);
  } else {
    set("step-lines", []);
    byId("node").hidden = true;
  }
  if (JSON.stringify(given) !== derived) {
    const found = await page.call("expression.derivation", given);
    if (!isLast()) return;
    showDerivation(found);
    derived = JSON.stringify(given);
  }
  markRows();
}

function showNode(sections) {
  set("node-lines", sections);
  byId("node").hidden = state.chosen === null;
  if (state.chosen === null) return;
  const { title, inside, folded } = shown.nodes[state.chosen];
  byId("node-title").textContent = title;
  byId("turn").hidden = !inside;
  byId("turn").textContent = folded ? "Unfold" : "Fold";
}

function showDerivation({ lines, notes }) {
  set("derivation-lines", lines);
  byId("derivation-lines").append(...notes.map((note) => made("p", { class: "quiet" }, note)));
  byId("derivation-title").textContent = by() ? `The derivation of ∂out/∂${by()}` : "The derivation";
  byId("derivation").hidden = !lines.length;
}

// The lines of the derivation about the chosen node stand out.
function markRows() {
  for (const row of document.querySelectorAll("#derivation mtr.about")) row.classList.remove("about");
  const rows = state.chosen === null ? [] : rowsOf(state.chosen);
  for (const row of rows) row.classList.add("about");
  const lines = byId("derivation-lines");
  if (rows.length) lines.scrollTop += rows.at(-1).getBoundingClientRect().top - lines.getBoundingClientRect().top - 40;
}

function set(place, sections) {
  byId(place).hidden = !sections.length;
  byId(place).replaceChildren(...sections.flatMap(({ title, lines }) => {
    const heading = made("h3");
    heading.append(...title.map(({ math, words }) => (math ? formula(math) : words)));
    return [...(title.length ? [heading] : []), formula(lines)];
  }));
}

function formula(text) {
  const math = markup(text);
  const hues = new Map(shown.names.map(({ node }, at) => [String(node), at % HUES]));
  for (const name of math.querySelectorAll("[data-node]")) {
    if (hues.has(name.dataset.node)) name.dataset.hue = hues.get(name.dataset.node);
  }
  return math;
}

const rangeOf = (name) => reachOf(shown.names.find((leaf) => leaf.name === name).number);

async function showPlot() {
  const name = by();
  plotted = performance.now();
  if (!name) return;
  const reach = rangeOf(name);
  const given = { text: shown.text, numbers: state.numbers, by: name, low: -reach, high: reach };
  const { svg, left, right } = await page.call("expression.plot", given);
  const drawn = markup(svg);
  drawn.setAttribute("aria-label", `out along ${name} with its tangent, and its slope`);
  byId("plot").replaceChildren(drawn);
  byId("plotting").dataset.hue = shown.names.findIndex((leaf) => leaf.name === name) % HUES;
  Object.assign(byId("plot").dataset, { left, right, reach });
}

// The point of the plot goes where the pointer is.
function slide(event) {
  if (!(event.buttons & 1)) return;
  const { left, right, reach } = byId("plot").dataset;
  const box = byId("plot").firstElementChild.getBoundingClientRect();
  const part = ((event.clientX - box.x) / box.width - left) / (right - left);
  const number = (2 * Math.min(Math.max(part, 0), 1) - 1) * reach;
  move(by(), Math.round(number / (reach / 500)) * (reach / 500));
}

// ---- controls ----

// A file that is dropped on the page.
export function take() {
  complain(byId("wrong"), "An expression is typed; a file with a table can be dropped on Training, one with a list on A GPT.");
}

function pick(example) {
  state.numbers = { ...state.numbers, ...example.numbers };
  byId("text").value = state.text = example.text;
  state.step = state.folded = null;
  state.by = "";
}

let typing = 0;
function wire() {
  const on = (id, name, handler) => byId(id).addEventListener(name, handler);
  on("text", "input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => {
      Object.assign(state, { text: byId("text").value, step: null, folded: null });
      refresh();
    }, 150);
  });
  on("example", "change", () => {
    const example = examples.find(({ name }) => name === byId("example").value);
    if (example) { pick(example); refresh(); }
  });
  on("reach", "change", () => { state.reach = Number(byId("reach").value); refresh(); });
  on("by", "change", () => { state.by = byId("by").value; refresh(); });
  on("rate", "change", () => { state.rate = Number(byId("rate").value); });
  running = new Clock(byId("run"), descend, 120);
  playing = new Clock(byId("play"), onwards, 1100);
  on("descend", "click", () => { running.stop(); descend(); });
  on("run", "click", () => running.toggle());
  const walk = (id, step) => on(id, "click", () => { playing.stop(); return go(step()); });
  walk("first", () => 0);
  walk("back", () => (state.step === null ? last() : state.step - 1));
  walk("forward", () => (state.step === null ? 0 : state.step + 1));
  walk("everything", () => null);
  on("play", "click", play);
  on("scrub", "input", () => { playing.stop(); return go(Number(byId("scrub").value)); });
  on("closer", "click", () => picture.zoom(1.4));
  on("wider", "click", () => picture.zoom(1 / 1.4));
  on("fit", "click", () => picture.fit());
  on("folding", "click", foldAll);
  on("turn", "click", () => fold(state.chosen));
  on("close", "click", () => choose(null));
  on("graph", "keydown", walkTo);
  on("plot", "pointerdown", (event) => { byId("plot").setPointerCapture(event.pointerId); slide(event); });
  on("plot", "pointermove", slide);
  on("expression", "pointerover", (event) => { if (event.target.closest?.(".formulas")) pointFrom(event); });
  on("expression", "pointerout", (event) => { if (event.target.closest?.(".formulas")) picture.point([]); });
  for (const kind of FILES) {
    const button = made("button", { type: "button" }, kind);
    button.addEventListener("click", () => keep(kind));
    byId("files").append(button);
  }
}

async function keep(kind) {
  const reach = by() ? rangeOf(by()) : 1;
  const given = { kind, text: shown.text, numbers: state.numbers, by: by(), low: -reach, high: reach };
  page.save(await page.call("expression.file", given));
}

export async function start(frame) {
  page = frame;
  examples = await page.call("expression.examples");
  byId("example").append(...examples.map(({ name }) => made("option", {}, name)));
  byId("rate").append(...RATES.map((rate) => made("option", { value: rate }, rate)));
  byId("rate").value = String(state.rate);
  wire();
}

export async function show() {
  if (fresh) await begin();
}

// What the address asks for; without a text the first example.
async function begin() {
  fresh = false;
  const [first] = examples;
  const { text, numbers, step, reach } = state;
  const reaches = [...new Set([...REACHES, reach])].sort((a, b) => a - b);
  byId("reach").replaceChildren(...reaches.map((each) => made("option", { value: each }, `±${each}`)));
  if (!text) pick(first);
  Object.assign(state, { numbers: { ...first.numbers, ...numbers }, step });
  byId("text").value = state.text;
  byId("example").value = "";
  if (shown) {
    makeNames();
    showNumbers();
  }
  unfolding = true;
  await refresh();
  if (shown) return showStep();
  state.text = first.text;  // the first text can't be read: there is still a page
  const wrong = byId("wrong").textContent;
  await refresh();
  state.text = text;
  complain(byId("wrong"), wrong);
  stale(true);
}

export function hide() {
  playing.stop();
  running.stop();
}
