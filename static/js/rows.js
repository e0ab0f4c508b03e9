// j and k walk through the rows of a list, from a row the arrows too; x chooses the row one is in. The links and boxes work without.
import { off } from "./shortcuts.js";

function step(by) {
  const links = [...document.querySelectorAll("[data-row-link]")];
  if (!links.length) return;
  const here = links.indexOf(document.activeElement.closest("[data-row]")?.querySelector("[data-row-link]"));
  links[Math.min(Math.max(here + by, 0), links.length - 1)].focus();
}

function choose() {
  document.activeElement.closest("[data-row]")?.querySelector("input[type=checkbox]")?.click();
}

export function start() {
  if (!document.querySelector("[data-row-link]")) return;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || off()) return;
    if (event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable], dialog[open]")) return;
    const inRow = document.activeElement.matches("[data-row-link]"); // elsewhere the arrows scroll the page
    const arrows = inRow ? { ArrowDown: () => step(1), ArrowUp: () => step(-1) } : {};
    const act = { j: () => step(1), k: () => step(-1), x: choose, ...arrows }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}
