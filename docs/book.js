// What scrolls can be reached by keyboard, what the theme leaves without a name has one;
// pictures open in place, and answers that are numbers are checked.

function mend() {
  for (const wide of document.querySelectorAll(".md-typeset__scrollwrap, .formula")) {
    wide.tabIndex = 0;
  }
  document.querySelectorAll(".md-code__nav").forEach((buttons, number) => {
    buttons.setAttribute("aria-label", `code ${number + 1}`);
  });
  const names = new Map();
  for (const list of document.querySelectorAll("nav.md-nav[aria-label]")) {
    const name = list.ariaLabel.trim().toLowerCase();  // as one hears it
    names.set(name, (names.get(name) ?? 0) + 1);
    if (names.get(name) > 1) list.ariaLabel = `${name} ${names.get(name)}`;
  }
  document.querySelector(".md-search")?.setAttribute("aria-label", "search");
  for (const toggle of document.querySelectorAll("input.md-toggle")) {
    toggle.setAttribute("aria-label", toggle.dataset.mdToggle);
  }
}

mend();
new MutationObserver(mend).observe(document.body, { childList: true, subtree: true });

function made(tag, attributes, ...inside) {
  const element = document.createElement(tag);
  for (const [name, text] of Object.entries(attributes)) element.setAttribute(name, text);
  element.append(...inside);
  return element;
}

// ---- a picture opens the playground below it, one at a time ----

let opened = null;

function close() {
  opened?.frame.remove();
  opened?.button.setAttribute("aria-expanded", "false");
  opened = null;
}

function open(button, address, place) {
  const again = opened?.button === button;
  close();
  if (again) return;
  const frame = made("iframe", { class: "frame", title: "playground", src: address });
  place.after(frame);
  button.setAttribute("aria-expanded", "true");
  opened = { button, frame };
}

for (const place of document.querySelectorAll(".alive")) {
  const { href } = place.querySelector("a");
  const button = made("button", { type: "button", "aria-expanded": "false" }, "Change it here");
  button.addEventListener("click", () => open(button, href, place));
  place.prepend(button, " ");
}

// ---- exercises that ask for a number ----

// A number as people write it: 0,5 and -.5 and 2/3 and 1 000; NaN for anything else.
function read(text) {
  const plain = text.trim().replace("\u2212", "-").replaceAll(/\s/g, "").replace(",", ".");
  const [above, below, ...more] = plain.split("/").map((part) => (part ? Number(part) : NaN));
  return more.length ? NaN : above / (below ?? 1);
}

const places = (text) => text.split(/[.,]/)[1]?.trim().length ?? 0;

function verdict(text, answer) {
  const [given, right] = [read(text), Number(answer)];
  const off = Math.abs(given - right);
  const within = (digits) => off <= (digits ? 0.5000001 * 10 ** -digits : 0);
  if (!Number.isFinite(given)) return ["wrong", "Write a number, such as -0.25."];
  if (within(places(answer))) return ["right", "Right."];
  const few = places(text);
  if (few && few < places(answer) && within(few)) return ["wrong", "Right so far; more digits are asked for."];
  return ["wrong", "Not yet. Try again, or look at the answer."];
}

for (const data of document.querySelectorAll("details data.answer")) {
  const digits = places(data.value);
  const asked = digits ? ` (${digits} decimal${digits > 1 ? "s" : ""})` : "";
  const box = made("input", { inputmode: "decimal", autocomplete: "off", size: "12" });
  const said = made("span", { role: "status" });
  const form = made("form", { class: "check" },
    made("label", {}, `Your answer${asked} `, box), made("button", {}, "Check"), said);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    [said.className, said.textContent] = verdict(box.value, data.value);
  });
  box.addEventListener("input", () => { said.textContent = ""; });
  data.closest("details").before(form);
}
