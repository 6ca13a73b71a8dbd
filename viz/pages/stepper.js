"use strict";
// What the page shows is a function of two numbers: the step and the chosen node.
const { nodes, edges, steps } = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const last = steps.length - 1;
const state = { step: 0, chosen: null, timer: null };

function textAt(group, x, y, kind) {
  const text = document.createElementNS("http://www.w3.org/2000/svg", "text");
  text.setAttribute("x", x);
  text.setAttribute("y", y);
  text.setAttribute("text-anchor", "middle");
  text.setAttribute("class", kind);
  group.append(text);
  return text;
}

// Read off the shape's own numbers: getBBox() answers 0 in a frame not yet on screen,
// as in a notebook.
function extent(shape) {
  const text = shape.getAttribute("d") ?? shape.getAttribute("points");
  const numbers = text.match(/-?[\d.]+/g).map(Number);
  const xs = numbers.filter((_, i) => i % 2 === 0);
  const ys = numbers.filter((_, i) => i % 2 === 1);
  const x = Math.min(...xs);
  const y = Math.min(...ys);
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}

function dress(node, index) {
  if (node.kind === "constant") return {};
  const group = byId(`n${index}`);
  const box = extent(group.querySelector("path, polygon"));
  const middle = box.x + box.width / 2;
  group.classList.add(node.kind);
  group.setAttribute("tabindex", "0");
  group.setAttribute("role", "button");
  group.addEventListener("click", () => choose(index));
  const top = box.y + 17;
  const name = textAt(group, middle, top, "name");
  name.textContent = node.title;
  return {
    group,
    value: textAt(group, middle, top + 16, "value"),
    gradient: textAt(group, middle, top + 32, "gradient"),
  };
}

const views = nodes.map(dress);
const links = edges.map((edge) => ({ ...edge, group: byId(edge.id) }));

function sign(number) {
  return number.startsWith("-") ? "negative" : number === "0" ? "zero" : "positive";
}

// Of hundreds of nodes and edges few change in a step; the others are left alone.
function isAsBefore(view, look) {
  const same = view.look === look.join();
  view.look = look.join();
  return same;
}

function showNode(node, index) {
  const view = views[index];
  if (node.kind === "constant") return;
  const known = state.step >= node.forward;
  const reached = state.step >= node.backward;
  const active = steps[state.step].node === index;
  const chosen = state.chosen === index;
  if (isAsBefore(view, [known, reached, active, chosen])) return;
  view.value.textContent = `value ${known ? node.value : "–"}`;
  view.gradient.textContent = `gradient ${reached ? node.gradient : "–"}`;
  view.gradient.setAttribute("class", `gradient ${reached ? sign(node.gradient) : ""}`);
  view.group.classList.toggle("waiting", !known);
  view.group.classList.toggle("active", active);
  view.group.classList.toggle("chosen", chosen);
  view.group.setAttribute("aria-pressed", String(chosen));
  view.group.setAttribute(
    "aria-label",
    `${node.title}, value ${known ? node.value : "not computed yet"}, ` +
      `gradient ${reached ? node.gradient : "not computed yet"}`,
  );
}

function showEdge(link) {
  const step = steps[state.step];
  const end = step.phase === "backward" ? link.tail : link.head;
  const active = step.node === end;
  if (isAsBefore(link, [active, step.phase])) return;
  link.group.classList.toggle("active", active);
  link.group.classList.toggle("back", active && step.phase === "backward");
}

function write(place, lines) {
  byId(place).replaceChildren(
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

function showStep() {
  const step = steps[state.step];
  const node = step.node === null ? null : nodes[step.node];
  byId("step-title").textContent = step.title;
  const words = step.words ? [["words", step.words]] : [];
  const lines = node === null ? [] : node[`${step.phase}Lines`];
  write("step-lines", [...words, ...formulas(lines)]);
}

function showChosen() {
  byId("node").hidden = state.chosen === null;
  if (state.chosen === null) return;
  const node = nodes[state.chosen];
  const reached = state.step >= node.backward;
  byId("node-title").textContent = node.name;
  write("node-lines", [
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

function keepInView() {
  const step = steps[state.step];
  if (step.node === null) return;
  const pane = byId("picture");
  const box = views[step.node].group.getBoundingClientRect();
  const frame = pane.getBoundingClientRect();
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const inside = box.left >= frame.left && box.right <= frame.right &&
    box.top >= frame.top && box.bottom <= frame.bottom;
  if (inside) return;
  pane.scrollBy({
    left: box.left + box.width / 2 - frame.left - frame.width / 2,
    top: box.top + box.height / 2 - frame.top - frame.height / 2,
    behavior: still ? "auto" : "smooth",
  });
}

function render() {
  nodes.forEach(showNode);
  links.forEach(showEdge);
  showStep();
  showChosen();
  byId("scrub").value = String(state.step);
  byId("scrub").setAttribute("aria-valuetext", `step ${state.step} of ${last}`);
  byId("position").textContent = `Step ${state.step} of ${last}`;
  byId("first").disabled = byId("back").disabled = state.step === 0;
  byId("last").disabled = byId("forward").disabled = state.step === last;
  byId("play").textContent = state.timer === null ? "Play" : "Pause";
  keepInView();
}

function go(step) {
  state.step = Math.min(Math.max(step, 0), last);
  if (state.step === last) stop();
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

function fit() {
  const fitted = byId("picture").classList.toggle("fit");
  byId("fit").setAttribute("aria-pressed", String(fitted));
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
  f: fit,
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
byId("fit").addEventListener("click", fit);
byId("close").addEventListener("click", () => choose(null));
byId("speed").addEventListener("change", changeSpeed);
byId("scrub").max = String(last);
byId("scrub").addEventListener("input", (event) => {
  stop();
  go(Number(event.target.value));
});
render();
