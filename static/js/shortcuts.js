// Single keys (2.1.4: can be switched off): "/" to the search, and whatever carries data-shortcut. Never while typing.
const KEY = "shortcuts";

export function off() {
  if (document.body.dataset.shortcuts === "off") return true;
  try { return localStorage.getItem(KEY) === "off"; } catch (refused) { return false; }
}

export function start() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || off()) return;
    if (event.target.closest("input, textarea, select, [contenteditable], dialog[open]")) return;
    const target = document.querySelector(`[data-shortcut="${CSS.escape(event.key)}"]`);
    if (!target) return;
    event.preventDefault();
    target.focus();
    if (target.matches("a, button, summary")) target.click();
    else if (!target.matches("textarea")) target.select?.(); // a text that stands is not to be typed over
  });
  for (const button of document.querySelectorAll("[data-shortcuts-switch]")) {
    const show = () => button.setAttribute("aria-pressed", String(!off()));
    show();
    button.addEventListener("click", () => {
      try { localStorage.setItem(KEY, off() ? "on" : "off"); } catch (refused) { return; }
      show();
    });
  }
}
