// The panel of a training: its controls, its clock, and what they show.
import { Clock, LONGEST, changed, complain, ending, fits, given, latest, made, once, options, refused, taken, times } from "./parts.js";
import { Trainer, loaded, split } from "./trainer.js";
import { drawCurves, drawPlane, hues, placeOf, short, square } from "./plane.js";
import { markup } from "./picture.js";

const byId = (id) => document.getElementById(`t-${id}`);
const OWN = "own";
const FRAME = 12;  // milliseconds of a picture's time that "as many as fit" takes
const MOST = 100_000;  // epochs
const REST = 600;  // milliseconds between pictures of the network while it trains
const RATES = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100];

const OFFERED = {
  test: [["0", "none"], ["0.25", "a quarter"], ["0.5", "half"]],
  penalty: ["0", "0.0001", "0.001", "0.003", "0.01", "0.03", "0.1"].map((n) => [n, n === "0" ? "none" : n]),
  batch: [["0", "all"], ["1", "1"], ["10", "10"], ["30", "30"]],
  pace: [["1", "1"], ["5", "5"], ["20", "20"], ["100", "100"], ["0", "as many as fit"]],
};

const FIRST = {
  data: "moons", rows: "120", noise: "0.1", test: "0.25", seed: "0", features: "x y", layers: "8 8",
  activation: "tanh", optimizer: "adam", rate: "0.03", penalty: "0", batch: "0", pace: "20",
};
let state = { ...FIRST };
let page;
let choices;
let data = { X: [], y: [], classes: ["0", "1"], names: ["x1", "x2"] };
let own = { X: [], y: [], classes: [], names: ["x1", "x2"] };
let trainer = null;
let built = null;  // the set-up that it is of
let linked = "";  // a table that came in the address
let scaled = [];
let view = { x: 0, y: 0, half: 2 };
let scale = plainly();
let chosen = 0;
let clock, visible = false;
let fresh = true;  // the state is of an address, and yet to be built
let goal = 0;
let history = { at: [], train: [], test: [] };
const building = latest(), loading = latest();

// ---- the state -----------------------------------------------------------------------

export function read(query) {
  fresh = true;
  for (const drop of [building, loading]) drop();
  state = given(FIRST, query);
  state.layers = state.layers.replaceAll(/(\d)-(?=\d)/g, "$1 ");  // as links had it
  if (query.has("lr") && !query.has("rate")) state.rate = query.get("lr").slice(0, 100);
  linked = state.data === OWN ? (query.get("table") ?? "").slice(0, LONGEST) : "";
  if (state.data === OWN && !own.X.length && !linked) state.data = FIRST.data;
  goal = times(query, "epochs", MOST);
}

export function write() {
  const epochs = trainer?.epoch ? { epochs: String(trainer.epoch) } : {};
  return { ...changed(FIRST, state), ...epochs, ...(state.data === OWN ? ownTable() : {}) };
}

const features = () => state.features.split(" ").filter(Boolean);
function sizes() {
  if (/[^\d\s,]/.test(state.layers)) {
    throw refused("hidden layers are whole numbers with spaces between, such as 8 8");
  }
  return (state.layers.match(/\d+/g) ?? []).map(Number);
}

const setup = ({ classes }) => ({
  features: features(), layers: sizes(), activation: state.activation,
  optimizer: state.optimizer, classes: Math.max(classes.length, 2), seed: Number(state.seed),
});

// ---- data ----------------------------------------------------------------------------

function plainly() {
  return { to: (n, x) => x, undo: (n, x) => x };
}

// From a table's units to mean 0 and deviation 1, by the rows that are trained on.
function standard(X, rows) {
  const column = (n) => rows.map((row) => X[row][n]);
  const mean = [0, 1].map((n) => column(n).reduce((a, b) => a + b, 0) / rows.length);
  const size = [0, 1].map((n) => Math.hypot(...column(n).map((x) => x - mean[n])) / Math.sqrt(rows.length) || 1);
  return { to: (n, x) => (x - mean[n]) / size[n], undo: (n, x) => x * size[n] + mean[n] };
}

async function fetched() {
  if (state.data === OWN) return own;
  return page.call("training.points", {
    shape: state.data, rows: Number(state.rows), noise: Number(state.noise), seed: Number(state.seed),
  });
}

// ---- building, starting over ---------------------------------------------------------

// Anew: data, programs, first weights. What was there stays where that can't be.
async function build() {
  const isLast = building(), isWell = ending(byId("wrong"));
  clock.stop();
  byId("summary").textContent = "Recording the network …";
  try {
    const points = await fetched();
    const wanted = setup(points);
    const parts = split(points.y, Number(state.test), Number(state.seed));
    if (!isLast()) return;
    const enough = new Set(parts.train.map((row) => points.y[row])).size >= 2;
    const found = enough ? await page.call("training.programs", { setup: wanted }) : null;
    const modules = found && await loaded(found.programs);
    if (!isLast()) return;
    hold(points, parts);
    built = wanted;
    trainer = found && new Trainer(found, modules, scaled, data.y, parts, Number(state.seed));
    isWell();
  } catch (error) {
    if (!isLast()) return;
    byId("summary").textContent = trainer ? "" : "–";
    if (!error.refused) throw error;
    wrong(error.message);
    byId("layers").value = state.layers;  // which may have come in an address
    return;
  }
  chosen = Math.min(chosen, Math.max(data.X.length - 1, 0));
  history = { at: [], train: [], test: [] };
  fill();
  draw();
  if (!trainer) return waitForPoints();
  await drawNetwork();
  if (goal && isLast() && visible) clock.start();
}

function hold(points, parts) {
  data = points;
  scale = state.data === OWN && parts.train.length > 1 ? standard(data.X, parts.train) : plainly();
  scaled = data.X.map((point) => point.map((x, n) => scale.to(n, x)));
  view = scaled.length > 1 ? square(scaled) : { x: 0, y: 0, half: 2 };
}

function waitForPoints() {
  byId("summary").textContent = "Points of two classes are needed to train.";
  byId("row-is").textContent = "";
  byId("network").shadowRoot?.replaceChildren();
}

// ---- the clock -----------------------------------------------------------------------

// Epochs for a picture's time; whether there are more to come.
function tick() {
  const pace = Number(state.pace);
  const end = performance.now() + FRAME;
  const last = goal || MOST;
  let fine = true;
  for (let n = 0; fine && trainer.epoch < last; n++) {
    if (goal || !pace ? performance.now() >= end : n >= pace) break;
    fine = trainer.advance(settings());
  }
  draw();
  if (!fine) return stopped();
  if (trainer.epoch < last) {
    if (!drawing && performance.now() - pictured > REST) drawNetwork();
    return true;
  }
  rest();
  return false;
}

const settings = () => ({
  rate: Number(state.rate), penalty: Number(state.penalty), batch: Number(state.batch),
});

function stopped() {
  clock.stop();
  wrong(`The loss is no longer a number after epoch ${trainer.epoch}: with so large a ` +
    "learning rate the weights grow beyond all bounds. Choose a smaller one and start over.");
  return false;
}

const wrong = (text) => complain(byId("wrong"), text);

// ---- what is shown -------------------------------------------------------------------

function draw() {
  if (trainer) note();
  drawPlane(byId("plane"), {
    trainer, X: scaled, y: data.y, classes: Math.max(data.classes.length, 2), view, marked: chosen,
    kept: new Set(trainer?.parts.test ?? []), scale, names: data.names,
  });
  const [one, other] = hues(2);
  drawCurves(byId("curves"), history.at, [
    { values: history.train, color: other },
    { values: history.test, color: one, dashed: true },
  ]);
  bars();
}

function note() {
  const [train, test] = [trainer.measured("train"), trainer.measured("test")];
  if (history.at[history.at.length - 1] !== trainer.epoch) {
    history.at.push(trainer.epoch);
    history.train.push(train.loss);
    if (test) history.test.push(test.loss);
    if (history.at.length > 1500) thin();
  }
  const told = (name, { loss, accuracy }) => `${name} ${loss.toPrecision(3)} (${Math.round(100 * accuracy)} % right)`;
  const parts = [told("loss", train), test && told("test", test)].filter(Boolean);
  byId("summary").textContent = `epoch ${trainer.epoch}   ${parts.join("   ")}`;
  byId("curves").setAttribute("aria-label", `The loss by epoch; at ${byId("summary").textContent}`);
}

// Every second place of a long history goes.
function thin() {
  for (const key of Object.keys(history)) history[key] = history[key].filter((_, n) => n % 2 === 0);
}

function bars() {
  const layers = trainer?.layers() ?? [];
  const body = byId("bars").tBodies[0];
  while (body.rows.length > layers.length) body.deleteRow(-1);
  layers.forEach((layer, n) => {
    const row = body.rows[n] ?? newRow(body);
    const last = n === layers.length - 1;
    row.cells[0].textContent = last ? "output" : String(n + 1);
    bar(row.cells[1], layer.delta);
    bar(row.cells[2], layer.activation);
    row.cells[3].textContent = layer.silent ? `${layer.silent} of ${layer.size}` : "–";
  });
}

function newRow(body) {
  const row = body.insertRow();
  row.append(made("th", { scope: "row" }));
  for (let n = 0; n < 3; n++) row.insertCell();
  for (const cell of [row.cells[1], row.cells[2]]) {
    cell.append(made("span", { class: "stick" }), made("span"));
  }
  return row;
}

// Full at 10, empty at 1e-6.
function bar(cell, size) {
  const share = Math.min(Math.max((Math.log10(size || 1e-300) + 6) / 7, 0), 1);
  cell.firstChild.style.width = `${(5 * share).toFixed(3)}rem`;
  cell.lastChild.textContent = 0 < size && size < 1e-3 ? size.toExponential(1).replace("-", "−") : short(size);
}

let pictured = 0;  // when the network was drawn
let drawing = false, redraw = false;

// One picture at a time; what changed meanwhile is drawn after it.
async function drawNetwork() {
  redraw = true;
  if (drawing) return;
  drawing = true;
  try {
    while (redraw && trainer?.weights.every(Number.isFinite)) {
      redraw = false;
      await pictureOf(trainer, chosen);
    }
  } finally {
    drawing = false;
    pictured = performance.now();
  }
}

async function pictureOf(mine, row) {
  const svg = await page.call("training.picture", {
    setup: built, weights: [...mine.weights], point: scaled[row], label: data.y[row],
  });
  if (mine !== trainer || row !== chosen) return;  // of what is there no more
  const frame = byId("network");  // a root of its own, for the picture has its own looks
  (frame.shadowRoot ?? frame.attachShadow({ mode: "open" })).replaceChildren(fitted(markup(svg)));
  tellRow();
}

// A picture that is as wide as there is room, unless its full size is wanted.
function fitted(svg) {
  svg.style.display = "block";
  svg.style.margin = "0 auto";
  if (!byId("full").checked) {
    svg.style.maxWidth = svg.getAttribute("width");
    svg.style.maxHeight = "85vh";
    svg.setAttribute("width", "100%");
    svg.removeAttribute("height");
  }
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `The network with row ${chosen + 1}`);
  return svg;
}

function tellRow() {
  const chances = trainer.chances(Float64Array.from(scaled[chosen]));
  const [x, y] = data.X[chosen].map(short);
  const label = data.classes[data.y[chosen]];
  const part = trainer.parts.test.includes(chosen) ? "kept for the test" : "trained on";
  byId("row-is").textContent = `${data.names[0]} = ${x}, ${data.names[1]} = ${y}, class ${label}, ${part}; ` +
    `the network gives that class ${short(100 * chances[data.y[chosen]])} %`;
}

// ---- controls ------------------------------------------------------------------------

// The controls as the state says.
function fill() {
  for (const key of ["data", "rows", "noise", "test", "seed", "layers", "activation", "optimizer", "penalty", "batch", "pace"]) {
    byId(key).value = state[key];
  }
  byId("rate").value = String(RATES.indexOf(Number(state.rate)));
  byId("rate-is").textContent = state.rate;
  for (const box of byId("features").querySelectorAll("input")) box.checked = features().includes(box.value);
  byId("row").value = String(chosen + 1);
  byId("row").max = String(data.X.length);
  for (const key of ["rows", "noise"]) byId(key).disabled = state.data === OWN;
}

function change(key, value, anew = true) {
  state[key] = value;
  if (anew) {
    goal = 0;
    build();
  }
  page.remember();
}

function wire() {
  clock = new Clock(byId("play"), tick);
  options(byId("data"), [...choices.data.map((name) => [name, name]), [OWN, "my own"]]);
  for (const key of ["activation", "optimizer"]) options(byId(key), choices[key].map((name) => [name, name]));
  for (const [key, pairs] of Object.entries(OFFERED)) options(byId(key), pairs);
  for (const key of ["data", "test", "activation", "optimizer"]) {
    byId(key).addEventListener("change", () => {
      if (key === "data") loading();
      change(key, byId(key).value);
    });
  }
  for (const key of ["rows", "noise", "seed"]) {
    byId(key).addEventListener("change", () => byId(key).value && change(key, byId(key).value));
  }
  for (const key of ["penalty", "batch", "pace"]) {
    byId(key).addEventListener("change", () => change(key, byId(key).value, false));
  }
  byId("layers").addEventListener("change", () => change("layers", byId("layers").value));
  Object.assign(byId("rate"), { min: 0, max: RATES.length - 1, step: 1 });
  byId("rate").addEventListener("input", () => {
    change("rate", String(RATES[byId("rate").value]), false);
    byId("rate-is").textContent = state.rate;
    byId("rate").setAttribute("aria-valuetext", state.rate);
  });
  byId("features").append(...choices.features.map(feature));
  byId("play").addEventListener("click", () => {
    if (trainer) clock.toggle();
    if (!clock.on) rest();
  });
  byId("step").addEventListener("click", () => {
    rest();
    if (trainer && !trainer.advance(settings())) stopped();
    draw();
    drawNetwork();
    page.announce(byId("summary").textContent);
  });
  byId("again").addEventListener("click", () => {
    goal = 0;
    build();
    page.remember();
  });
  byId("full").addEventListener("change", drawNetwork);
  byId("row").addEventListener("change", () => pick(Number(byId("row").value) - 1));
  byId("plane").addEventListener("click", clicked);
  addEventListener("resize", () => byId("plane").clientWidth && draw());
  wireOwn();
  wireFiles();
  byId("presets").append(...choices.presets.map(preset));
}

function feature(key) {
  const label = made("label");
  const box = made("input", { type: "checkbox", value: key });
  box.addEventListener("change", () => {
    const boxes = [...byId("features").querySelectorAll("input:checked")];
    change("features", boxes.map((each) => each.value).join(" "));
  });
  label.append(box, ` ${choices.names[key]}`);
  return label;
}

function preset({ name, why, changes }) {
  const item = made("li");
  item.append(made("a", { href: `#${new URLSearchParams({ tab: "training", ...changes })}` }, name), `: ${why}`);
  return item;
}

function rest() {
  goal = 0;
  clock.stop();
  page.remember();
  drawNetwork();
  page.announce(byId("summary").textContent);
}

function pick(row) {
  if (!(row >= 0 && row < data.X.length)) return;
  chosen = row;
  byId("row").value = String(row + 1);
  draw();
  drawNetwork();
}

function clicked(event) {
  const [x, y] = placeOf(byId("plane"), event, view);
  if (state.data === OWN && byId("own").open && byId("brush").value) {
    return addPoint([scale.undo(0, x), scale.undo(1, y)], byId("brush").value);
  }
  const far = scaled.map(([a, b]) => Math.hypot(a - x, b - y));
  const nearest = far.indexOf(Math.min(...far));
  if (far[nearest] < 0.15 * view.half) pick(nearest);
}

// ---- one's own data ------------------------------------------------------------------

function wireOwn() {
  brushes();
  byId("file").addEventListener("change", () => take(byId("file").files[0]));
  byId("load").addEventListener("click", load);
  byId("brush").addEventListener("change", () => byId("brush").value && state.data !== OWN && begin(empty()));
  byId("clear").addEventListener("click", () => {
    loading();
    begin(empty());
  });
}

// A file that is chosen, or dropped on the page.
export async function take(file) {
  if (!file) return;
  await taken(file, loading(), (text) => {
    byId("own").open = true;
    byId("text").value = text;
    options(byId("across"), []);
    load();
  }, wrong);
}

async function load() {
  const isLast = loading();
  const selects = ["across", "up", "kind"].map(byId);
  const given = selects[0].options.length ? selects.map((select) => select.value) : [];
  try {
    const found = await page.call("training.table", { text: byId("text").value, chosen: given });
    if (!isLast()) return;
    selects.forEach((select, n) => {
      options(select, found.columns.map((name) => [name, name]));
      select.value = found.chosen[n];
    });
    begin(found);
    const kept = ownTable().table ? "" : "; they are too many for the address, or have odd names";
    byId("told").textContent = `${found.X.length} rows, classes ${found.classes.join(", ")}${kept}. ${found.told}`;
    byId("axes").hidden = false;
  } catch (error) {
    if (!isLast()) return;
    if (!error.refused) throw error;
    options(selects[0], []);
    wrong(error.message);
  }
}

function begin(found) {
  own = found;
  brushes();
  change("data", OWN);
}

function brushes() {
  const classes = own.chosen ? own.classes : ["0", "1", "2"];
  const kept = byId("brush").value;
  options(byId("brush"), [["", "–"], ...classes.map((name) => [name, name])]);
  byId("brush").value = classes.includes(kept) ? kept : "";
}

const empty = () => ({ X: [], y: [], classes: [], names: ["x1", "x2"] });

// Those of a table are all known; drawn ones are numbered as they are met.
function addPoint(point, name) {
  const named = [...own.y.map((label) => own.classes[label]), name];
  const classes = own.classes.includes(name) ? own.classes : [...new Set(named)].sort();
  const place = point.map((x) => Number(x.toPrecision(4)));
  own = { ...own, X: [...own.X, place], classes, y: named.map((each) => classes.indexOf(each)) };
  change("data", OWN);
}

// As it stands in the address: a table as text, read back as one that is pasted.
function ownTable() {
  const kind = own.chosen?.[2] ?? "class";
  const lines = [[...own.names, kind], ...own.X.map((point, n) => [...point, own.classes[own.y[n]]])];
  const odd = lines.flat().some((cell) => /[;"\n\r]/.test(cell) || String(cell).trim() !== String(cell));
  const query = { table: lines.map((line) => line.join(";")).join("\n") };
  return fits(query) && !odd && own.classes.length > 1 ? query : {};
}

async function restore() {
  try {
    const chosen = linked.split("\n")[0].split(";");
    own = await page.call("training.table", { text: linked, chosen });
  } catch (error) {
    if (!error.refused) throw error;
    state.data = FIRST.data;
    return error.message;
  }
  return "";
}

// ---- files ---------------------------------------------------------------------------

function wireFiles() {
  for (const kind of ["svg", "html", "latex", "python"]) {
    byId(kind).addEventListener("click", async () => {
      if (!trainer) return;
      page.save(await page.call("training.file", {
        kind, setup: built, weights: [...trainer.weights], X: scaled, y: data.y, row: chosen,
        summary: byId("summary").textContent,
      }));
    });
  }
}

// ---- the panel -----------------------------------------------------------------------

export function start(frame) {
  page = frame;
}

export async function show() {
  visible = true;
  await opened();
  if (!fresh) return seen();
  fresh = false;
  const fault = linked && await restore();
  await build();
  if (fault) wrong(fault);
}

const opened = once(async () => {
  choices = await page.call("training.choices", {});
  wire();
});

// What was built meanwhile, or while another panel was seen.
function seen() {
  if (!trainer) return;
  draw();
  if (goal && !clock.on) clock.start();
}

export function hide() {
  visible = false;
  clock?.stop();
}
