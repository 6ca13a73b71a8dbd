// What scrolls can be reached by keyboard, and what the theme leaves without a name has one.

function mend() {
  for (const wide of document.querySelectorAll(".md-typeset__scrollwrap, .formula")) {
    wide.tabIndex = 0;
  }
  document.querySelectorAll(".md-code__nav").forEach((buttons, number) => {
    buttons.setAttribute("aria-label", `code ${number + 1}`);
  });
  document.querySelector(".md-search")?.setAttribute("aria-label", "search");
  for (const toggle of document.querySelectorAll("input.md-toggle")) {
    toggle.setAttribute("aria-label", toggle.dataset.mdToggle);
  }
}

mend();
new MutationObserver(mend).observe(document.body, { childList: true, subtree: true });
