// The engine of a page without a server: the same Python, in a worker of this browser.

const NEVER = "Python could not start in this browser";
const LOST = "Python in this page has ended, as where a browser has no memory left. What " +
  "you do next starts it anew; the address holds what you see.";

// With its keys in order, so that equal calls are equal texts.
function ordered(data) {
  if (Array.isArray(data)) return data.map(ordered);
  if (data === null || typeof data !== "object") return data;
  return Object.fromEntries(Object.keys(data).sort().map((key) => [key, ordered(data[key])]));
}

const texts = (id) => JSON.parse(document.getElementById(id).textContent);
const named = (name, given) => JSON.stringify([name, ordered(given)]);

// What was answered when the page was written: its first pictures are there at once.
const known = new Map(texts("answers").map(([name, given, data]) => [named(name, given), data]));

const waiting = new Map();
let asked = 0;
let engine = null;  // the promise of a worker
let living = null;  // the worker that answers

export async function call(name, given = {}) {
  const key = named(name, given);
  if (known.has(key)) return structuredClone(known.get(key));
  const worker = await started();
  return new Promise((resolve, reject) => {
    waiting.set(++asked, { resolve, reject });
    worker.postMessage({ id: asked, name, body: JSON.stringify(given) });
  });
}

function answered({ target, data: { id, status, data, lost } }) {
  if (lost !== undefined) return lose(target, `${LOST} (${lost})`);
  const { resolve, reject } = waiting.get(id);
  waiting.delete(id);
  if (status === 200) resolve(data);
  else reject(Object.assign(new Error(data.error), { refused: status === 400 }));
}

// Whoever waits is told, and so is who does not.
function lose(worker, why) {
  if (worker !== living) return;
  living = engine = null;
  worker.terminate();
  for (const { reject } of waiting.values()) reject(new Error(why));
  waiting.clear();
  reportError(new Error(why));
}

// After a failure it is tried anew.
function started() {
  engine ??= start().catch((error) => {
    engine = null;
    throw error;
  });
  return engine;
}

async function start() {
  const parts = await assets();
  const life = `chainrule ${crypto.getRandomValues(new Uint32Array(4)).join("-")}`;
  const source = new Blob([parts.worker], { type: "text/javascript" });
  const worker = new Worker(URL.createObjectURL(source));
  await new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => (data.ready ? resolve() : reject(new Error(`${NEVER}: ${data.error}`)));
    worker.onerror = (event) => reject(new Error(`${NEVER}: ${event.message}`));
    worker.postMessage({ ...parts, life });
  });
  worker.onmessage = answered;
  living = worker;
  navigator.locks?.request(life, () => lose(worker, LOST)).catch(() => {});  // no locks here
  document.getElementById("starting").hidden = true;
  return worker;
}

// They follow in this file, or in one beside it.
async function assets() {
  if (document.readyState === "loading") {
    await new Promise((resolve) => addEventListener("DOMContentLoaded", resolve));
  }
  const inside = document.getElementById("assets");
  if (inside) return JSON.parse(inside.textContent);
  await new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = "python.js";
    script.onload = resolve;
    script.onerror = () => reject(new Error(`${NEVER}: python.js is not beside this page`));
    document.head.append(script);
  });
  return window.assets;
}

// Once the first picture is there, Python starts behind it.
requestAnimationFrame(() => setTimeout(() => started().catch((error) => {
  document.getElementById("starting").textContent = error.message;
})));
