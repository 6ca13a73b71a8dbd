// The frame of the page: its panels, its address, its messages, files dropped on it.
import { call } from "./engine.js";
import { complain } from "./parts.js";
import * as expression from "./expression.js";
import * as training from "./training.js";
import * as words from "./words.js";

const panels = { expression, training, words };
const byId = (id) => document.getElementById(id);
let shown = "expression";

// ---- messages ----

const fail = (text) => complain(byId("failure"), text);

addEventListener("error", (event) => fail(event.error?.message ?? event.message));
addEventListener("unhandledrejection", (event) => {
  fail(event.reason?.message ?? String(event.reason));
  event.preventDefault();
});

// Numbers that change with every move of a slider are told once they rest.
let waiting = 0;
function announce(text) {
  clearTimeout(waiting);
  waiting = setTimeout(() => { byId("spoken").textContent = text; }, 1000);
}

// What went wrong stays until the next thing that works.
async function ask(name, given) {
  const data = await call(name, given);
  fail("");
  return data;
}

// ---- the state in the address, files ----

let noting = 0;
function remember() {
  clearTimeout(noting);
  noting = setTimeout(note, 250);
}

function note() {
  const tab = shown === "expression" ? {} : { tab: shown };
  const query = new URLSearchParams({ ...tab, ...panels[shown].write() });
  history.replaceState(null, "", `?${query}`);
}

function save({ name, type, text }) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// ---- panels ----

function select(name) {
  panels[shown].hide();
  shown = name;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.panel === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  for (const id of Object.keys(panels)) byId(id).hidden = id !== name;
  panels[name].show();
  remember();
}

for (const link of document.querySelectorAll("nav a")) {
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;  // a tab of its own
    event.preventDefault();
    select(link.dataset.panel);
  });
}

// A file that is dropped belongs to the panel that is seen, wherever it falls.
const brings = (event) => event.dataTransfer?.types.includes("Files");

addEventListener("dragover", (event) => brings(event) && event.preventDefault());
addEventListener("drop", (event) => {
  if (!brings(event)) return;
  event.preventDefault();
  panels[shown].take(event.dataTransfer.files[0]);
});

// What the address asks for; a part after # is taken without loading the page anew.
function adopt() {
  clearTimeout(noting);
  const query = new URLSearchParams(location.hash.slice(1) || location.search);
  const tab = query.get("tab");
  const name = Object.hasOwn(panels, tab) ? tab : "expression";
  panels[name].read(query);
  select(name);
}

async function start() {
  for (const panel of Object.values(panels)) {
    panel.read(new URLSearchParams());
    await panel.start({ call: ask, remember, announce, fail, save });
  }
  adopt();
  addEventListener("popstate", adopt);
}

start();
