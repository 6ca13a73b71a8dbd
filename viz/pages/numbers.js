// The numbers of a graph, computed anew from its leaves and put into the lines' places.

// As Python writes them: so many significant digits, whole ones below a million exactly.
export function short(x, digits) {
  if (Number.isNaN(x)) return "nan";
  if (!Number.isFinite(x)) return x > 0 ? "inf" : "-inf";
  if (Number.isInteger(x) && Math.abs(x) < 1e6) return String(x + 0);
  const [mantissa, exponent] = rounded(x, digits).split("e").map(Number);
  if (exponent < -4 || exponent >= digits) return `${mantissa}e${exponent}`;
  const plain = Number(`${mantissa}e${exponent}`).toFixed(digits - 1 - exponent);
  return plain.includes(".") ? plain.replace(/\.?0+$/, "") : plain;
}

// Halfway between two, Python takes the even one, and JavaScript the larger.
function rounded(x, digits) {
  const up = x.toExponential(digits - 1);
  const [exact] = x.toExponential(60).split("e");
  const rest = exact.replace(/[-.]/g, "").slice(digits);
  if (!/^50*$/.test(rest) || /[02468]e/.test(up)) return up;
  return `${exact.slice(0, exact.length - rest.length)}e${up.split("e")[1]}`;
}

// A step that makes sense for a number: a tenth of its size.
export const nearby = (x) => 10 ** (Math.floor(Math.log10(Math.abs(x) || 1)) - 1);

const share = (x, largest) => (x ? Math.min(Math.abs(x) / largest, 1) : 0);

// The nodes and the edges of `data`, for other numbers of its leaves.
export function recomputed(data, program, leaves) {
  const [digits, few] = data.digits;
  const found = program(Float64Array.from(leaves));
  const count = data.nodes.length;
  const products = data.partials.map(([head, selects], at) => {
    const partial = found[2 * count + at];
    const product = found[count + head] * partial;
    return Number.isNaN(product) && selects && partial === 0 ? 0 : product;
  });
  const numbers = [...found, ...products];
  const text = (at) => short(numbers[at], digits);
  const adjoints = numbers.slice(count, 2 * count);
  const sizes = adjoints.map(Math.abs).filter((x) => x > 0 && x < Infinity);
  const largest = sizes.length ? Math.max(...sizes) : 1;
  const lines = (texts) => stacked(texts.map((each) => filled(each, text)));
  const nodes = data.nodes.map((node, index) => {
    if (node.kind === "constant") return node;
    const [forward, backward, shares] = data.open[index];
    return {
      ...node,
      value: text(index),
      gradient: text(count + index),
      bar: Math.sign(adjoints[index]) * share(adjoints[index], largest) || 0,
      forwardLines: lines(forward),
      backwardLines: lines(backward),
      contributions: shares.map((each) => filled(each, text)),
    };
  });
  const first = new Map(data.partials.map(([head], at) => [head, at]).reverse());
  const edges = data.edges.map((edge) => {
    const at = first.get(edge.head) + Number(edge.id.split("_")[1]);
    const back = products[at];
    return {
      ...edge,
      partial: short(numbers[2 * count + at], few),
      flow: Math.sign(back) || 0,
      width: Number((0.8 + 3.2 * Math.sqrt(share(back, largest))).toFixed(2)),
    };
  });
  return { nodes, edges };
}

// Control characters mark the places, which no name has: a negative number keeps the
// parentheses around it.
function filled(text, number) {
  return text
    .replace(/\u0001-\u0003(\d+)\u0003\u0002/g, (_, at) => {
      const shown = number(Number(at));
      return shown.startsWith("-") ? `(${shown})` : shown;
    })
    .replace(/-\u0003(\d+)\u0003/g, (_, at) => number(Number(at)))
    .replaceAll("\u0001", "(").replaceAll("\u0002", ")");
}

// A left side and its right sides under one another, repeated ones once.
function stacked([left, ...rights]) {
  const different = rights.filter((right, at) => at === 0 || right !== rights[at - 1]);
  const indent = " ".repeat([...left].length);
  return different.map((right, at) => `${at === 0 ? left : indent} = ${right}`);
}
