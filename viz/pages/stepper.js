import { nearby, recomputed } from "./numbers.js";
import { Picture } from "./picture.js";
import { program } from "./program.js";
// What the page shows is a function of the step, the chosen node and the leaves' numbers.
const data = JSON.parse(document.getElementById("data").textContent);
const { steps } = data;
let { nodes } = data;
const byId = (id) => document.getElementById(id);
const last = steps.length - 1;
const state = { step: 0, chosen: null, timer: null };

const picture = new Picture(byId("picture"), data, {
  choose,
  turn,
  follows: true,
  looked: (fitted) => byId("fit").setAttribute("aria-pressed", String(fitted)),
});

function write(place, lines) {
  place.replaceChildren(
    ...lines.map(([kind, text]) => {
      const line = document.createElement("div");
      line.className = kind;
      line.dir = "ltr";
      line.textContent = text;
      return line;
    }),
  );
}

const formulas = (lines) => lines.map((line) => ["formula", line]);

function linesOf(step) {
  const node = step.node === null ? null : nodes[step.node];
  const words = step.words ? [["words", step.words]] : [];
  return [...words, ...formulas(node === null ? [] : node[`${step.phase}Lines`])];
}

function showStep() {
  const step = steps[state.step];
  byId("step-title").textContent = step.title;
  write(byId("step-lines"), linesOf(step));
}

// Every step under the picture, on paper alone.
function handOut(printing) {
  picture.show(printing ? null : state.step, printing ? null : state.chosen);
  byId("handout").replaceChildren(
    ...(printing ? steps : []).map((step, number) => {
      const section = document.createElement("section");
      const title = document.createElement("h2");
      const lines = document.createElement("div");
      title.textContent = `${number}. ${step.title}`;
      lines.className = "lines";
      write(lines, linesOf(step));
      section.append(title, lines);
      return section;
    }),
  );
}

function showChosen() {
  byId("node").hidden = state.chosen === null;
  if (state.chosen === null) return;
  const node = nodes[state.chosen];
  const reached = state.step >= node.backward;
  byId("node-title").textContent = node.name;
  write(byId("node-lines"), [
    ["words", node.kind === "leaf" ? "A leaf: its value is given." : "Its value:"],
    ...(state.step >= node.forward
      ? formulas(node.forwardLines)
      : [["formula", "not computed yet"]]),
    ["words", "Its gradient, one term for each node that uses it:"],
    ...(reached
      ? formulas([...node.contributions, ...node.backwardLines])
      : [["formula", `not computed yet: step ${node.backward}`]]),
  ]);
}

function render() {
  picture.show(state.step, state.chosen);
  showStep();
  showChosen();
  showInputs();
  byId("scrub").value = String(state.step);
  byId("scrub").setAttribute("aria-valuetext", `step ${state.step} of ${last}`);
  byId("position").textContent = `Step ${state.step} of ${last}`;
  byId("first").disabled = byId("back").disabled = state.step === 0;
  byId("last").disabled = byId("forward").disabled = state.step === last;
  byId("play").textContent = state.timer === null ? "Play" : "Pause";
  if (steps[state.step].node !== null) picture.bring(steps[state.step].node);
}

function go(step) {
  state.step = Math.min(Math.max(step, 0), last);
  if (state.step === last) stop();
  note();
  render();
}

function note() {
  if (location.protocol === "about:") return;  // in a notebook
  const names = data.leaves.map(([index]) => nodes[index].name);
  const changed = given.flatMap((number, at) =>
    (Object.is(number, recorded[at]) ? [] : [`&set=${encodeURIComponent(names[at])}:${number}`]));
  history.replaceState(null, "", `#step=${state.step}${changed.join("")}`);
}

function stop() {
  clearInterval(state.timer);
  state.timer = null;
}

function start() {
  const pause = 1400 / Number(byId("speed").value);
  state.timer = setInterval(() => go(state.step + 1), pause);
}

function toggle() {
  if (state.timer !== null) {
    stop();
  } else {
    if (state.step === last) state.step = 0;
    start();
  }
  render();
}

function choose(index) {
  state.chosen = index;
  render();
}

function faster(by) {
  const speed = byId("speed");
  const chosen = Math.min(Math.max(speed.selectedIndex + by, 0), speed.length - 1);
  speed.selectedIndex = chosen;
  changeSpeed();
}

function changeSpeed() {
  if (state.timer === null) return;
  stop();
  start();
}

// ---- the inputs ----

const recorded = data.leaves.map(([, text]) => Number(text.replace("inf", "Infinity")));
const given = [...recorded];
const isAsRecorded = () => given.every((number, at) => Object.is(number, recorded[at]));

function makeInputs() {
  byId("inputs").hidden = !data.leaves.length;
  byId("picture").classList.toggle("fixed", program === null);
  byId("leaves").replaceChildren(...data.leaves.map(([index], at) => {
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = "number";
    box.addEventListener("input", () => box.value !== "" && change(at, Number(box.value)));
    label.append(nodes[index].name, box);
    return label;
  }));
  if (program === null) byId("leaves").replaceChildren();
  byId("told").textContent = data.told;
  byId("reset").hidden = program === null;
}

function change(at, number) {
  given[at] = number;
  recompute();
  note();
  render();
}

// Drag a leaf's box sideways.
function turn(index, across) {
  const at = data.leaves.findIndex(([leaf]) => leaf === index);
  if (program === null || at < 0) return;
  const step = nearby(recorded[at]) / 5;
  change(at, Math.round((given[at] + across * step) / step) * step);
}

// As recorded, the lines are those that Python wrote, which say more.
function recompute() {
  const found = isAsRecorded() ? data : recomputed(data, program, given);
  nodes = found.nodes;
  picture.numbers(found.nodes, found.edges);
}

function showInputs() {
  [...byId("leaves").querySelectorAll("input")].forEach((box, at) => {
    box.step = nearby(given[at]);
    if (Number(box.value) !== given[at] || box !== document.activeElement) {
      box.setAttribute("value", given[at]);  // its arrows step from here
      box.value = given[at];
    }
  });
  byId("reset").disabled = isAsRecorded();
}

// ---- keys and buttons ----

const move = (step) => () => { stop(); go(step()); };
const moves = {
  ArrowRight: move(() => state.step + 1),
  ArrowLeft: move(() => state.step - 1),
  Home: move(() => 0),
  End: move(() => last),
  " ": toggle,
  "+": () => faster(1),
  "=": () => faster(1),
  "-": () => faster(-1),
  f: () => picture.fit(),
  Escape: () => choose(null),
};

// Keys that a control under the focus uses itself stay with it.
function isTheirs(key, target) {
  if (target.matches("select, [type=number]")) return key !== "Escape";
  if (target.matches("input")) return key.startsWith("Arrow") || key === "Home" || key === "End";
  return target.matches("button, summary") && key === " ";
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const node = event.target.closest(".node[role]");
  if (node && (event.key === "Enter")) {
    choose(Number(node.id.slice(1)));
  } else if (moves[event.key] && !isTheirs(event.key, event.target)) {
    moves[event.key]();
  } else {
    return;
  }
  event.preventDefault();
});

byId("first").addEventListener("click", moves.Home);
byId("back").addEventListener("click", moves.ArrowLeft);
byId("play").addEventListener("click", toggle);
byId("forward").addEventListener("click", moves.ArrowRight);
byId("last").addEventListener("click", moves.End);
byId("fit").addEventListener("click", moves.f);
byId("closer").addEventListener("click", () => picture.zoom(1.4));
byId("wider").addEventListener("click", () => picture.zoom(1 / 1.4));
byId("close").addEventListener("click", () => choose(null));
byId("speed").addEventListener("change", changeSpeed);
byId("scrub").max = String(last);
byId("scrub").addEventListener("input", (event) => {
  stop();
  go(Number(event.target.value));
});
matchMedia("print").addEventListener("change", (event) => handOut(event.matches));

byId("reset").addEventListener("click", () => {
  recorded.forEach((number, at) => { given[at] = number; });
  change(0, recorded[0]);
});

// #step=5&set=x:2 is the fifth step, with 2 for x.
function goToAddress() {
  const asked = new URLSearchParams(location.hash.slice(1));
  const numbers = new Map(asked.getAll("set").map((text) => {
    const at = text.lastIndexOf(":");
    return [text.slice(0, at), text.slice(at + 1).trim() ? Number(text.slice(at + 1)) : NaN];
  }));
  data.leaves.forEach(([index], at) => {
    const number = numbers.get(data.nodes[index].name);
    given[at] = Number.isFinite(number) ? number : recorded[at];
  });
  if (program !== null) recompute();
  if (!isAsRecorded()) byId("inputs").open = true;
  const step = asked.get("step") ?? "";
  if (/^\d+$/.test(step) && Number(step) !== state.step) go(Number(step));
  else render();
}
makeInputs();
addEventListener("hashchange", goToAddress);
goToAddress();
