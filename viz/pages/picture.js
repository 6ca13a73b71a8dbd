// A graph as a picture that answers: it shows numbers, a step of the walk, a path; it can
// be zoomed, dragged and fitted. The stepper and the playground share it.

const SVG = "http://www.w3.org/2000/svg";
const LARGEST = 1.35;  // pixels a point, at which text is as large as around it
const CLOSEST = 6;
const NARROW = 600;  // pixels of a frame that a wide graph does not fit into
const LEGIBLE = 0.75;
const SMALL = 0.55;  // pixels a point, at which text is read with some effort
const TINY = 0.35;  // pixels a point, at which no text can be read

// Markup that Python made, read as XML: what is no XML is an error and no element.
export function markup(text) {
  const made = new DOMParser().parseFromString(text, "application/xml").documentElement;
  if (made.querySelector("parsererror")) throw new Error("this picture can't be read");
  return document.importNode(made, true);
}

// Read off the shape's own numbers: getBBox() answers 0 in a frame not yet on screen,
// as in a notebook.
function extent(shape) {
  const text = shape.getAttribute("d") ?? shape.getAttribute("points");
  const numbers = text.match(/-?[\d.]+/g).map(Number);
  const xs = numbers.filter((_, i) => i % 2 === 0);
  const ys = numbers.filter((_, i) => i % 2 === 1);
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}

function added(group, name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  group.append(element);
  return element;
}

function dress(group, kind, looks) {
  const pointed = group.classList.contains("pointed");
  const names = Object.entries({ ...looks, pointed }).filter(([, on]) => on).map(([name]) => name);
  group.setAttribute("class", [kind, ...names].join(" "));
}

const sign = (number) => (number > 0 ? "positive" : number < 0 ? "negative" : "zero");

export class Picture {
  // data: nodes, edges and steps as `Plan` has them. told: what happens when a node is
  // chosen, pointed at, folded or unfolded, or turned (a leaf's number is dragged); each
  // may be left out. told.follows: whether the steps bring their nodes into view.
  constructor(frame, data, told = {}) {
    this.frame = frame;
    this.svg = frame.querySelector("svg");
    this.told = told;
    this.step = null;
    this.chosen = null;
    this.steps = data.steps;
    this.nodes = data.nodes;
    this.edges = data.edges;
    this.views = data.nodes.map((node, index) => this.#dressed(node, index));
    this.links = data.edges.map((edge) => this.#linked(edge));
    const box = this.svg.viewBox.baseVal;
    this.whole = { x: box.x, y: box.y, width: box.width, height: box.height };
    for (const name of ["width", "height"]) this.svg.setAttribute(name, "100%");
    this.view = { scale: 1, x: 0, y: 0, begun: true };  // as it was at first
    this.watcher = new ResizeObserver(() => {
      if (this.frame.clientWidth !== this.size.wide) requestAnimationFrame(() => this.#placed());
    });
    this.watcher.observe(frame);
    this.#listen();
    this.#placed();
  }

  // A graph that would be too small begins at its output, large enough to be read.
  #begin() {
    this.fit();
    this.view.begun = true;
    if (!this.#isSmall(this.least)) return;
    const { x, width } = this.whole;
    Object.assign(this.view, { scale: LEGIBLE, x: x + width, fitted: false });
    this.bring(this.nodes.length - 1);
  }

  // The picture that was in the frame is no more.
  leave() {
    this.watcher.disconnect();
    this.gone.abort();
  }

  // ---- its looks ----

  #dressed(node, index) {
    const group = this.svg.getElementById(`n${index}`);
    if (!group) return null;
    const box = extent(group.querySelector("path, polygon"));
    const middle = box.x + box.width / 2;
    const line = (down, kind) => {
      const place = { x: middle, y: box.y + down, "text-anchor": "middle", class: kind };
      const text = added(group, "text", place);
      group.append(" ");  // between words, where they are read aloud
      return text;
    };
    group.setAttribute("tabindex", "0");
    group.setAttribute("role", "button");
    line(17, "name").textContent = node.title;
    if (node.inside) this.#foldable(group, node, box);
    const half = box.width / 2 - 10;
    const bar = { y: box.y + 56, height: 5 };
    const view = { group, middle, half, value: line(33, "value"), gradient: line(49, "gradient") };
    added(group, "rect", { ...bar, x: middle - half, width: 2 * half, class: "trough" });
    view.bar = added(group, "rect", { ...bar, x: middle, width: 0 });
    added(group, "rect", { ...bar, x: middle - 1, width: 2, class: "middle" });
    return view;
  }

  // In the corner of the box: how many are folded in it, or that it can be folded.
  #foldable(group, node, box) {
    const place = { x: box.x + box.width - 7, y: box.y + 17, "text-anchor": "end", class: "fold" };
    added(group, "text", place).textContent = node.folded ? `+${node.inside}` : "−";
    group.append(" ");
    group.setAttribute("aria-expanded", String(!node.folded));
  }

  #linked(edge) {
    const group = this.svg.getElementById(edge.id);
    return { ...edge, group, text: group.querySelector("text"), path: group.querySelector("path") };
  }

  // Other numbers in the same picture.
  numbers(nodes, edges) {
    this.nodes = nodes;
    this.edges = edges;
    this.show(this.step, this.chosen);
  }

  // The picture at a step, or for null with everything known; a node may be chosen.
  show(step, chosen = null) {
    this.step = step;
    this.chosen = chosen;
    const path = chosen === null ? null : this.onwards(chosen);
    const now = step === null ? { node: null } : this.steps[step];
    this.nodes.forEach((node, index) => this.#showNode(node, index, now, path));
    this.edges.forEach((edge, at) => this.#showEdge(edge, at, now, path));
  }

  // Of hundreds of nodes and edges few change in a step; the others are left alone.
  #isAsBefore(view, look) {
    const now = look.join();
    const same = view.look === now;
    view.look = now;
    return same;
  }

  #reached(step) {
    return this.step === null || this.step >= step;
  }

  #showNode(node, index, now, path) {
    const view = this.views[index];
    if (!view) return;
    const [known, reached] = [this.#reached(node.forward), this.#reached(node.backward)];
    const active = now.node === index;
    const chosen = this.chosen === index;
    const off = path !== null && !path.has(index) && !active;
    const look = [known, reached, active, chosen, off, node.value, node.gradient, node.bar];
    if (this.#isAsBefore(view, look)) return;
    view.value.textContent = `value ${known ? node.value : "–"}`;
    view.gradient.textContent = `gradient ${reached ? node.gradient : "–"}`;
    const bar = reached ? node.bar : 0;
    view.gradient.setAttribute("class", `gradient ${reached ? sign(bar) : ""}`);
    view.bar.setAttribute("class", `bar ${sign(bar)}`);
    view.bar.setAttribute("x", view.middle + Math.min(bar, 0) * view.half);
    view.bar.setAttribute("width", Math.abs(bar) * view.half);
    const { kind, folded } = node;
    dress(view.group, "node", { [kind]: true, waiting: !known, active, chosen, off, folded });
    view.group.setAttribute("aria-pressed", String(chosen));
    view.group.setAttribute(
      "aria-label",
      `${node.title}${node.folded ? ` +${node.inside}` : ""}, value ${known ? node.value : "–"}, ` +
        `gradient ${reached ? node.gradient : "not computed yet"}` +
        (node.folded ? `, ${node.inside} folded in it` : ""),
    );
  }

  #showEdge(edge, at, now, path) {
    const link = this.links[at];
    const active = now.node !== null && now.node === (now.phase === "backward" ? edge.tail : edge.head);
    const head = this.nodes[edge.head];
    const [known, flows] = [this.#reached(head.forward), this.#reached(head.backward)];
    const on = path !== null && path.has(edge.tail);
    const off = path !== null && !on;
    const look = [active, now.phase, known, flows, on, off, edge.partial, edge.flow, edge.width];
    if (this.#isAsBefore(link, look)) return;
    link.text.textContent = known ? `∂ ${edge.partial}` : "";
    link.path.style.strokeWidth = flows ? edge.width : 1.2;
    const back = active && now.phase === "backward";
    const kind = flows ? sign(edge.flow) : "zero";
    dress(link.group, "edge", { active, back, forth: active && !back, lit: on, off, [kind]: true });
  }

  // An arrow, or the arrows of a node, stand out for as long as something points at them.
  point(ids) {
    for (const element of this.svg.querySelectorAll(".pointed")) element.classList.remove("pointed");
    for (const id of ids) this.svg.getElementById(id)?.classList.add("pointed");
  }

  // ---- the graph ----

  // A node and all that it leads to.
  onwards(index) {
    return this.#closure(index, "tail", "head");
  }

  // A node and all that leads to it.
  behind(index) {
    return this.#closure(index, "head", "tail");
  }

  #closure(index, from, to) {
    const found = new Set([index]);
    const waiting = [index];
    while (waiting.length) {
      const node = waiting.pop();
      for (const edge of this.edges) {
        if (edge[from] === node && !found.has(edge[to])) {
          found.add(edge[to]);
          waiting.push(edge[to]);
        }
      }
    }
    return found;
  }

  // ---- where one looks ----

  // On a narrow screen, or where steps are followed, a graph is looked at in parts.
  #isSmall(scale) {
    if ((this.frame.clientWidth || NARROW) < NARROW) return scale < SMALL;
    return Boolean(this.told.follows) && scale < TINY;
  }

  #placed() {
    const { width, height } = this.whole;
    const wide = this.frame.clientWidth || 600;
    const fitting = Math.min(LARGEST, wide / width);
    const natural = height * (this.#isSmall(fitting) ? LEGIBLE : fitting) + 12;
    const tall = Math.max(140, Math.min(natural, 0.62 * innerHeight));
    this.frame.style.height = `${Math.round(tall)}px`;
    this.size = { wide, tall: this.frame.clientHeight || tall };
    if (this.view.begun) this.#begin();
    else if (this.view.fitted) this.fit();
    else this.#look();
  }

  fit() {
    const { x, y, width, height } = this.whole;
    const scale = Math.min(this.size.wide / width, this.size.tall / height, LARGEST);
    this.view = { scale, x: x + width / 2, y: y + height / 2, fitted: true };
    this.#look();
  }

  get least() {
    return Math.min(this.size.wide / this.whole.width, this.size.tall / this.whole.height, LARGEST);
  }

  // Closer by a factor; what is under the place (of the screen) stays there.
  zoom(factor, place) {
    const scale = Math.min(Math.max(this.view.scale * factor, this.least), CLOSEST);
    if (scale <= this.least * 1.001) return this.fit();
    const frame = this.frame.getBoundingClientRect();
    const [across, down] = place
      ? [place.x - frame.x - this.size.wide / 2, place.y - frame.y - this.size.tall / 2]
      : [0, 0];
    const change = 1 / this.view.scale - 1 / scale;
    this.view = { scale, x: this.view.x + across * change, y: this.view.y + down * change, fitted: false };
    this.#look();
  }

  pan(across, down) {
    if (this.view.fitted) return;
    this.view.begun = false;
    this.view.x -= across / this.view.scale;
    this.view.y -= down / this.view.scale;
    this.#look();
  }

  #look() {
    const { wide, tall } = this.size;
    const { scale, fitted } = this.view;
    const [width, height] = [wide / scale, tall / scale];
    const within = (at, low, room, extent) =>
      room >= extent ? low + extent / 2 : Math.min(Math.max(at, low + room / 2), low + extent - room / 2);
    this.view.x = within(this.view.x, this.whole.x, width, this.whole.width);
    this.view.y = within(this.view.y, this.whole.y, height, this.whole.height);
    const corner = [this.view.x - width / 2, this.view.y - height / 2];
    this.svg.setAttribute("viewBox", [...corner, width, height].map((n) => n.toFixed(2)).join(" "));
    this.frame.classList.toggle("zoomed", !fitted);
    this.told.looked?.(fitted);
  }

  // A node comes into view where the picture is larger than its frame.
  bring(index) {
    const view = this.views[index];
    if (this.view.fitted || !view) return;
    const box = extent(view.group.querySelector("path, polygon"));
    const { wide, tall } = this.size;
    // Graphviz counts down from the bottom, in a group that is moved there.
    const moved = this.svg.querySelector(".graph").transform.baseVal.consolidate().matrix;
    const [x, y] = [view.middle * moved.a + moved.e, (box.y + box.height / 2) * moved.d + moved.f];
    const room = { x: wide / this.view.scale / 2 - box.width / 2, y: tall / this.view.scale / 2 - box.height / 2 };
    if (Math.abs(x - this.view.x) > room.x) this.view.x = x;
    if (Math.abs(y - this.view.y) > room.y) this.view.y = y;
    this.#look();
  }

  // ---- pointer and wheel ----

  #listen() {
    this.gone = new AbortController();
    const on = (name, handler, options = {}) =>
      this.frame.addEventListener(name, handler, { signal: this.gone.signal, ...options });
    this.pointers = new Map();
    on("pointerdown", (event) => this.#pressed(event));
    on("pointermove", (event) => this.#moved(event));
    for (const name of ["pointerup", "pointercancel"]) on(name, (event) => this.#released(event));
    on("pointerover", (event) => this.#pointed(event));
    on("pointerleave", () => this.told.point?.(null));
    on("wheel", (event) => {
      if (!(event.ctrlKey || event.metaKey || this.frame.contains(document.activeElement))) return;
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * 0.002), event);
    }, { passive: false });
  }

  #nodeOf(event) {
    const group = event.target.closest?.(".node[role]");
    return group && this.svg.contains(group) ? Number(group.id.slice(1)) : null;
  }

  #pressed(event) {
    if (event.button !== 0) return;
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const fold = event.target.closest?.(".fold") !== null;
    if (this.pointers.size === 1) this.press = { node: this.#nodeOf(event), fold, way: 0 };
    else this.press = { node: null, way: Infinity };
  }

  #moved(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = { x: event.clientX, y: event.clientY };
    this.press.way += Math.hypot(now.x - before.x, now.y - before.y);
    if (this.press.way > 4) this.frame.setPointerCapture(event.pointerId);
    if (this.pointers.size === 2) this.#pinched(event.pointerId, before, now);
    else if (this.press.way > 4) this.#dragged(now.x - before.x, now.y - before.y);
    this.pointers.set(event.pointerId, now);
  }

  #dragged(across, down) {
    const node = this.press.node;
    if (node !== null && this.nodes[node].kind === "leaf" && this.told.turn) this.told.turn(node, across);
    else this.pan(across, down);
  }

  #pinched(id, before, now) {
    const other = [...this.pointers].find(([key]) => key !== id)[1];
    const apart = (place) => Math.hypot(place.x - other.x, place.y - other.y);
    const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
    this.zoom(apart(now) / Math.max(apart(before), 1), middle);
    this.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
  }

  #released(event) {
    if (!this.pointers.delete(event.pointerId) || event.type !== "pointerup") return;
    const { node, fold, way } = this.press;
    if (node === null) return;
    if (way > 4) this.told.turned?.(node);
    else if (fold || this.nodes[node].folded) this.told.fold?.(node);
    else this.told.choose?.(node);
  }

  #pointed(event) {
    const node = this.#nodeOf(event);
    const edge = event.target.closest?.(".edge")?.id;
    this.told.point?.(node ?? edge ?? null);
  }
}
