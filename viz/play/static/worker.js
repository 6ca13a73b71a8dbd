// A worker that runs the Python of the playground: it is sent the parts, then calls.

async function unpacked(text) {
  const signs = atob(text);
  const bytes = new Uint8Array(signs.length);  // a loop is ten times as fast as `from`
  for (let n = 0; n < signs.length; n++) bytes[n] = signs.charCodeAt(n);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function module(bytes) {
  return import(URL.createObjectURL(new Blob([bytes], { type: "text/javascript" })));
}

// Nothing is asked of the network: what Pyodide fetches is one of the parts. It wants a
// worker of modules, which there is none of on a page from the disk, and tells by this.
function answerFetches(parts) {
  self.importScripts = () => { throw new TypeError("all that there is comes as modules"); };
  self.fetch = async (address) => {
    const name = String(address).split("/").pop();
    if (!parts[name]) throw new TypeError(`this page asks nothing of the network: ${address}`);
    return new Response(parts[name], { headers: { "Content-Type": "application/wasm" } });
  };
}

async function started({ packed, lock }) {
  const entries = Object.entries(packed).map(async ([name, text]) => [name, await unpacked(text)]);
  const parts = Object.fromEntries(await Promise.all(entries));
  answerFetches(parts);
  const [{ loadPyodide }, { default: createPyodideModule }, { Graphviz }] = await Promise.all(
    ["pyodide.mjs", "pyodide.asm.mjs", "graphviz.js"].map((name) => module(parts[name])),
  );
  const [python, graphviz] = await Promise.all([
    loadPyodide({ indexURL: "https://parts.invalid/", lockFileContents: lock, createPyodideModule }),
    Graphviz.load(),
  ]);
  python.registerJsModule("wasm_graphviz", {
    layout: (dot, format, engine) => graphviz.layout(dot, format, engine),
  });
  python.unpackArchive(parts["sources.zip"].buffer, "zip", { extractDir: "/home/pyodide" });
  return python.runPython("from viz.play.calls import told\ntold");
}

let told = null;

// As long as this worker lives it holds a lock: who waits for it is told of its end.
const holding = (lock) => new Promise((held) => {
  const forEver = () => {
    held();
    return new Promise(() => {});
  };
  (navigator.locks?.request(lock, forEver) ?? Promise.reject()).catch(held);
});

// Python that fell over, or has no memory left, answers no more.
function answer({ id, name, body }) {
  try {
    const { status, data } = JSON.parse(told(name, body));
    self.postMessage({ id, status, data });
  } catch (error) {
    self.postMessage({ lost: error.message });
  }
}

self.onmessage = async ({ data }) => {
  if (told) return answer(data);
  try {
    [told] = await Promise.all([started(data), holding(data.life)]);
    self.postMessage({ ready: true });
  } catch (error) {
    self.postMessage({ ready: false, error: error.message });
  }
};
