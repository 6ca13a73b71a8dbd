// A training: the compiled programs, run step by step on numbers kept here.

// The modules that Python wrote, loaded.
export async function loaded(programs) {
  const found = {};
  for (const [key, text] of Object.entries(programs)) {
    const source = new Blob([text], { type: "text/javascript" });
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

// What descends: weights, and the rows that the loss is of.
class Descent {
  // made: `weights`, and `keeps` numbers beside each. rows: as the loss takes them.
  constructor(made, modules, rows, parts, seed) {
    this.modules = modules;
    this.weights = Float64Array.from(made.weights);
    this.memory = Array.from({ length: made.keeps }, () => new Float64Array(this.weights.length));
    this.epoch = 0;
    this.steps = 0;
    this.waiting = [];  // rows that this epoch has yet to see
    this.draw = random(seed);
    this.rows = rows;
    this.parts = parts;
    this.train = this.table(parts.train);
    this.test = this.table(parts.test);
  }

  table(rows) {
    return Float64Array.from(rows.flatMap((row) => this.rows[row]));
  }

  // One step, on a batch; false where a number is no longer one.
  step({ rate, penalty, batch }) {
    const { train } = this.parts;
    const whole = !batch || batch >= train.length;
    if (!this.waiting.length) this.waiting = whole ? train : shuffled(train, this.draw);
    const rows = this.waiting.slice(0, whole ? train.length : batch);
    const table = whole ? this.train : this.table(rows);
    const { value, gradient } = this.modules.loss.valueAndGrad(table, this.numbers(penalty));
    if (!Number.isFinite(value)) return false;
    this.value = value;
    this.move(gradient, rate);
    this.waiting = this.waiting.slice(rows.length);
    this.epoch += this.waiting.length ? 0 : 1;
    return this.weights.every(Number.isFinite);
  }

  // Steps to the end of the epoch.
  advance(settings) {
    do if (!this.step(settings)) return false;
    while (this.waiting.length);
    return true;
  }

  // What the loss takes as its parameters.
  numbers() {
    return this.weights;
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

}

// A network that tells classes of points apart.
export class Trainer extends Descent {
  // made: what `training.programs` gave. X: points, scaled. y: their classes.
  constructor(made, modules, X, y, parts, seed) {
    const outputs = made.sizes[made.sizes.length - 1];
    const targets = (label) =>
      (outputs === 1 ? [label] : Array.from({ length: outputs }, (_, n) => Number(n === label)));
    super(made, modules, X.map((point, row) => [...point, ...targets(y[row])]), parts, seed);
    Object.assign(this, { sizes: made.sizes, outputs, X, y });
  }

  // The weights, and the rate of the penalty on their squares.
  numbers(penalty) {
    return Float64Array.of(...this.weights, penalty);
  }

  // The mean loss and the share of rows told right, of a part; null where it is empty.
  measured(part) {
    const rows = this.parts[part];
    if (!rows.length) return null;
    const losses = this.modules.loss.program(this[part], this.numbers(0));
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

const LOOKED = 64;  // rows of a part that its loss is measured on

// A GPT that writes items like those of a list.
export class Writer extends Descent {
  // made: what `words.programs` gave. list: what `words.items` gave.
  constructor(made, modules, list, context, seed) {
    const order = shuffled(list.rows.keys(), random(seed + 1));
    const kept = Math.max(Math.round(order.length / 10), 1);
    super(made, modules, list.rows, { test: order.slice(0, kept), train: order.slice(kept) }, seed);
    Object.assign(this, { context, symbols: list.symbols, tokens: list.symbols.length + 1, told: made.told });
    this.known = new Set(list.items);
  }

  // The loss per token, over the first rows of a part.
  measured(part) {
    const rows = this.parts[part].slice(0, LOOKED);
    const losses = this.modules.loss.program(this.table(rows), this.weights);
    const weight = rows.flatMap((row) => this.rows[row].slice(2 * this.context));
    const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
    return sum(losses) / sum(weight);
  }

  // New items, each token drawn by what the network gives for those before it.
  words(count, temperature, seed) {
    const draw = random(seed);
    const { context, tokens } = this;
    const table = new Float64Array(count * context);  // token 0 begins
    const words = Array.from({ length: count }, () => "");
    const ended = new Set();
    for (let at = 0; at < context && ended.size < count; at++) {
      const logits = this.modules.logits.program(table, this.weights);
      words.forEach((_, row) => {
        const first = (row * context + at) * tokens;
        const token = picked(logits.subarray(first, first + tokens), temperature, draw());
        if (token === 0) ended.add(row);
        if (ended.has(row)) return;
        words[row] += this.symbols[token - 1];
        if (at + 1 < context) table[row * context + at + 1] = token;
      });
    }
    return words;
  }

  // What the heads look at as they read a word: for each of them, for each token the
  // weights of those up to itself. program: of `words.program`.
  attention(program, word, heads) {
    const { context } = this;
    const tokens = [0, ...[...word].map((letter) => this.symbols.indexOf(letter) + 1)].slice(0, context);
    const table = new Float64Array(context);
    table.set(tokens);
    const found = program.program(table, this.weights);
    const triangle = (context * (context + 1)) / 2;
    return Array.from({ length: heads }, (_, head) => tokens.map((_, at) => {
      const first = head * triangle + (at * (at + 1)) / 2;
      return [...found.subarray(first, first + at + 1)];
    }));
  }
}

// Which one a number from 0 to 1 draws, by exp(logit / temperature); at 0 the likeliest.
function picked(logits, temperature, number) {
  const top = Math.max(...logits);
  if (!temperature) return logits.indexOf(top);
  const odds = Array.from(logits, (z) => Math.exp((z - top) / temperature));
  let left = number * odds.reduce((a, b) => a + b, 0);
  const found = odds.findIndex((share) => (left -= share) < 0);
  return found < 0 ? odds.length - 1 : found;
}
