// A training: the compiled programs, run epoch by epoch on numbers kept here.

const KEYS = ["loss", "chances", "inside", "deltas", "rule"];

// The modules that Python wrote, loaded.
export async function loaded(programs) {
  const found = {};
  for (const key of KEYS) {
    const source = new Blob([programs[key]], { type: "text/javascript" });
    const address = URL.createObjectURL(source);
    try {
      found[key] = await import(address);
    } finally {
      URL.revokeObjectURL(address);
    }
  }
  return found;
}

// Numbers from 0 to 1 that follow from a seed: xorshift, after Marsaglia (2003).
export function random(seed) {
  let state = (Math.imul(seed + 1, 2654435761) >>> 0) || 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state = (state ^ (state << 5)) >>> 0;
    return state / 4294967296;
  };
  for (let n = 0; n < 8; n++) next();  // small seeds start alike
  return next;
}

export function shuffled(items, draw) {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(draw() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

// Which rows are trained on and which are kept for the test: of each class a share.
export function split(y, share, seed) {
  const order = shuffled(y.keys(), random(seed + 1));
  const parts = { train: [], test: [] };
  for (const label of new Set(y)) {
    const rows = order.filter((row) => y[row] === label);
    const kept = Math.min(Math.round(rows.length * share), rows.length - 1);
    parts.test.push(...rows.slice(0, kept));
    parts.train.push(...rows.slice(kept));
  }
  return parts;
}

export class Trainer {
  // made: what `training.programs` gave. X: points, scaled. y: their classes.
  constructor(made, modules, X, y, parts, seed) {
    this.modules = modules;
    this.sizes = made.sizes;
    this.outputs = made.sizes[made.sizes.length - 1];
    this.weights = Float64Array.from(made.weights);
    this.memory = Array.from({ length: made.keeps }, () => new Float64Array(this.weights.length));
    this.epoch = 0;
    this.steps = 0;
    this.draw = random(seed);
    this.rows = X.map((point, row) => [...point, ...this.targets(y[row])]);
    this.X = X;
    this.y = y;
    this.parts = parts;
    this.test = this.table(parts.test);
    this.train = this.table(parts.train);
  }

  targets(label) {
    if (this.outputs === 1) return [label];
    return Array.from({ length: this.outputs }, (_, n) => Number(n === label));
  }

  table(rows) {
    return Float64Array.from(rows.flatMap((row) => this.rows[row]));
  }

  // One pass over the rows, in batches; false where a number is no longer one.
  advance({ rate, penalty, batch }) {
    const { train } = this.parts;
    const whole = !batch || batch >= train.length;
    const order = whole ? train : shuffled(train, this.draw);
    for (let start = 0; start < order.length; start += whole ? order.length : batch) {
      const table = whole ? this.train : this.table(order.slice(start, start + batch));
      const { value, gradient } = this.modules.loss.valueAndGrad(table, this.with(penalty));
      if (!Number.isFinite(value)) return false;
      this.move(gradient, rate);
    }
    this.epoch += 1;
    return this.weights.every(Number.isFinite);
  }

  with(penalty) {
    const numbers = new Float64Array(this.weights.length + 1);
    numbers.set(this.weights);
    numbers[this.weights.length] = penalty;
    return numbers;
  }

  move(gradient, rate) {
    const width = 2 + this.memory.length;
    const table = new Float64Array(width * this.weights.length);
    const columns = [this.weights, gradient, ...this.memory];
    columns.forEach((column, k) => {
      for (let i = 0; i < this.weights.length; i++) table[i * width + k] = column[i];
    });
    this.steps += 1;
    const found = this.modules.rule.program(table, [rate, this.steps]);
    [this.weights, ...this.memory].forEach((column, k) => {
      for (let i = 0; i < column.length; i++) column[i] = found[i * (width - 1) + k];
    });
  }

  // The mean loss and the share of rows told right, of a part; null where it is empty.
  measured(part) {
    const rows = this.parts[part];
    if (!rows.length) return null;
    const losses = this.modules.loss.program(this[part], this.with(0));
    const points = Float64Array.from(rows.flatMap((row) => this.X[row]));
    const told = this.classes(points);
    const right = rows.filter((row, n) => told[n] === this.y[row]).length;
    return { loss: losses.reduce((a, b) => a + b, 0) / rows.length, accuracy: right / rows.length };
  }

  chances(points) {
    return this.modules.chances.program(points, this.weights);
  }

  classes(points) {
    const chances = this.chances(points);
    const count = (2 * chances.length) / points.length;
    return Array.from({ length: points.length / 2 }, (_, n) => {
      const row = chances.subarray(n * count, (n + 1) * count);
      return row.indexOf(Math.max(...row));
    });
  }

  // For every layer the mean sizes of δ and of the activations over some rows, and how
  // many of its neurons are silent: 0 whatever the row.
  layers(most = 64) {
    const rows = this.parts.train.slice(0, most);
    const neurons = this.sizes.reduce((a, b) => a + b, 0);
    const inputs = 2 + this.outputs + neurons;
    const table = new Float64Array(rows.length * inputs);
    rows.forEach((row, n) => table.set(this.rows[row], n * inputs));
    const slopes = this.modules.deltas.inputGrad(table, this.weights);
    const points = Float64Array.from(rows.flatMap((row) => this.X[row]));
    const inside = this.modules.inside.program(points, this.weights);
    let first = 0;
    return this.sizes.map((size) => {
      const found = { delta: 0, activation: 0, silent: 0, size };
      for (let i = first; i < first + size; i++) {
        let largest = 0;
        for (let n = 0; n < rows.length; n++) {
          const a = Math.abs(inside[n * neurons + i]);
          found.activation += a / (size * rows.length);
          found.delta += Math.abs(slopes[n * (1 + inputs) + 3 + this.outputs + i]) / (size * rows.length);
          largest = Math.max(largest, a);
        }
        found.silent += largest === 0 ? 1 : 0;
      }
      first += size;
      return found;
    });
  }
}
