import { Picture } from "./picture.js";
// What the page shows is a function of two numbers: the step and the chosen node.
const data = JSON.parse(document.getElementById("data").textContent);
const { nodes, steps } = data;
const byId = (id) => document.getElementById(id);
const last = steps.length - 1;
const state = { step: 0, chosen: null, timer: null };

const picture = new Picture(byId("picture"), data, {
  choose,
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
  if (location.protocol !== "about:") history.replaceState(null, "", `#step=${state.step}`);
  render();
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
  if (target.matches("select")) return key !== "Escape";
  if (target.matches("input")) return key.startsWith("Arrow") || key === "Home" || key === "End";
  return target.matches("button") && key === " ";
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

function goToAddress() {
  const asked = /^#step=(\d+)$/.exec(location.hash);
  if (asked && Number(asked[1]) !== state.step) go(Number(asked[1]));
  else render();
}
addEventListener("hashchange", goToAddress);
goToAddress();
