// Canvases of the training: the plane with points and what is told of it, and curves.

const GRID = 64;  // places across for which the network is asked

const look = (name, otherwise) =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim() || otherwise;

export function hues(count) {
  if (count === 2) return [look("--negative", "#c2571a"), look("--positive", "#1f66b0")];
  const given = ["#1f66b0", "#c2571a", "#2c8a4b", "#8a4bb0", "#b0902c", "#2c9aa0", "#b03a5b", "#666"];
  return given.slice(0, count).map((hue, n) => look(`--hue-${n}`, hue));
}

function parts(color) {
  const context = document.createElement("canvas").getContext("2d");
  context.fillStyle = color;
  const code = context.fillStyle;
  return [1, 3, 5].map((n) => parseInt(code.slice(n, n + 2), 16));
}

// A canvas as sharp as the screen, and its size in the page's pixels.
function prepared(canvas) {
  const scale = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "12px Verdana, sans-serif";
  return { context, width, height };
}

// Numbers that are easy to read, at most so many, from one to another.
export function ticks(low, high, most) {
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((n) => n * power >= rough * (1 - 1e-9));
  const found = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + 1e-9 * step; n++) {
    found.push(Number((n * step).toPrecision(12)));
  }
  return found;
}

export const short = (x) => Number(x.toPrecision(3)).toString().replace("-", "−");

// The square that holds all points with some room.
export function square(X) {
  const span = (n) => [Math.min(...X.map((p) => p[n])), Math.max(...X.map((p) => p[n]))];
  const [[left, right], [low, high]] = [span(0), span(1)];
  const half = 0.6 * Math.max(right - left, high - low, 1e-9);
  return { x: (left + right) / 2, y: (low + high) / 2, half };
}

const places = new Map();

function grid({ x, y, half }) {
  const key = `${x} ${y} ${half}`;
  if (!places.has(key)) {
    places.clear();
    const found = new Float64Array(2 * GRID * GRID);
    for (let j = 0, n = 0; j < GRID; j++) {
      for (let i = 0; i < GRID; i++) {
        found[n++] = x + half * ((2 * i + 1) / GRID - 1);
        found[n++] = y - half * ((2 * j + 1) / GRID - 1);
      }
    }
    places.set(key, found);
  }
  return places.get(key);
}

const small = document.createElement("canvas");
small.width = small.height = GRID;

// Points, and behind them what the network says of every place.
//   trainer: or null. view: of `square`. marked: a row. scale: from data to the axes.
export function drawPlane(canvas, { trainer, X, y, classes, view, marked, kept, scale, names }) {
  const { context, width, height } = prepared(canvas);
  const colors = hues(classes);
  if (trainer) drawChances(context, trainer.chances(grid(view)), colors.map(parts), width, height);
  const at = ([a, b]) => [
    (width * (1 + (a - view.x) / view.half)) / 2,
    (height * (1 - (b - view.y) / view.half)) / 2,
  ];
  drawAxes(context, view, scale, names, width, height);
  X.forEach((point, row) => {
    const [across, down] = at(point);
    context.beginPath();
    if (kept.has(row)) context.rect(across - 4, down - 4, 8, 8);
    else context.arc(across, down, 4.5, 0, 2 * Math.PI);
    context.fillStyle = colors[y[row]];
    context.fill();
    context.lineWidth = 1.25;
    context.strokeStyle = look("--paper", "#fff");
    context.stroke();
  });
  if (X[marked]) {
    const [across, down] = at(X[marked]);
    context.beginPath();
    context.arc(across, down, 9, 0, 2 * Math.PI);
    context.lineWidth = 3;
    context.strokeStyle = look("--ink", "#000");
    context.stroke();
  }
}

function drawChances(context, chances, colors, width, height) {
  const image = small.getContext("2d").createImageData(GRID, GRID);
  const paper = parts(look("--paper", "#fff"));
  const count = colors.length;
  for (let n = 0; n < GRID * GRID; n++) {
    for (let part = 0; part < 3; part++) {
      let color = 0;
      for (let k = 0; k < count; k++) color += chances[n * count + k] * colors[k][part];
      image.data[4 * n + part] = 0.45 * paper[part] + 0.55 * color;
    }
    image.data[4 * n + 3] = 255;
  }
  small.getContext("2d").putImageData(image, 0, 0);
  context.imageSmoothingEnabled = true;
  context.drawImage(small, 0, 0, width, height);
}

function drawAxes(context, view, scale, names, width, height) {
  context.fillStyle = look("--ink", "#000");
  context.textAlign = "center";
  const span = (n, middle) => [-1, 1].map((s) => scale.undo(n, middle + s * view.half));
  const [left, right] = span(0, view.x);
  for (const tick of ticks(left, right, 5)) {
    const across = (width * (tick - left)) / (right - left);
    if (across > 20 && across < width - 70) context.fillText(short(tick), across, height - 6);
  }
  context.textAlign = "left";
  const [low, high] = span(1, view.y);
  for (const tick of ticks(low, high, 5)) {
    const down = height * (1 - (tick - low) / (high - low));
    if (down > 30 && down < height - 24) context.fillText(short(tick), 5, down + 4);
  }
  context.font = "bold 12px Verdana, sans-serif";
  context.fillText(names[1], 5, 16);
  context.textAlign = "right";
  context.fillText(names[0], width - 6, height - 6);
  context.font = "12px Verdana, sans-serif";
}

// The place in the data's units under a mouse event.
export function placeOf(canvas, event, view) {
  const box = canvas.getBoundingClientRect();
  const across = (2 * (event.clientX - box.left)) / box.width - 1;
  const down = (2 * (event.clientY - box.top)) / box.height - 1;
  return [view.x + across * view.half, view.y - down * view.half];
}

// Curves over the epochs: [{ values, color, dashed }], the epochs in `at`.
export function drawCurves(canvas, at, lines) {
  const { context, width, height } = prepared(canvas);
  const [left, right, top, bottom] = [44, width - 10, 10, height - 22];
  const finite = lines.flatMap((line) => line.values).filter(Number.isFinite);
  const high = Math.max(...finite, 1e-6) * 1.05;
  const last = Math.max(at[at.length - 1] ?? 0, 1);
  const across = (x) => left + ((right - left) * x) / last;
  const down = (y) => bottom - ((bottom - top) * y) / high;
  context.lineWidth = 1;
  context.strokeStyle = look("--line", "#ccc");
  context.fillStyle = look("--quiet", "#555");
  for (const tick of ticks(0, high, 4)) {
    context.beginPath();
    context.moveTo(left, down(tick));
    context.lineTo(right, down(tick));
    context.stroke();
    context.textAlign = "right";
    context.fillText(short(tick), left - 5, down(tick) + 4);
  }
  context.textAlign = "center";
  for (const tick of ticks(0, last, 5).filter(Number.isInteger)) {
    context.fillText(String(tick), across(tick), height - 6);
  }
  for (const { values, color, dashed } of lines) {
    context.beginPath();
    context.setLineDash(dashed ? [6, 4] : []);
    context.lineWidth = 2;
    context.strokeStyle = color;
    values.forEach((value, n) => context.lineTo(across(at[n]), down(value)));
    context.stroke();
  }
  context.setLineDash([]);
}
