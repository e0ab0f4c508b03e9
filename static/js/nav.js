// Menus made of <details>: Escape and a click elsewhere close them; the current entry of a scrolling bar is in view.
// What is marked data-fold stands open beside the page on a wide screen and is folded above it on a narrow one.
export function start() {
  const narrow = matchMedia("(max-width: 59.99rem)");
  const fold = () => { for (const one of document.querySelectorAll("details[data-fold]")) one.open = !narrow.matches; };
  fold();
  narrow.addEventListener("change", fold);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const open = document.querySelector("details[data-menu][open]");
    if (!open) return;
    open.open = false;
    open.querySelector("summary").focus();
  });
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details[data-menu][open]")) if (!menu.contains(event.target)) menu.open = false;
  });
  for (const bar of document.querySelectorAll(".public-nav, .rail, .tabs, .stepper")) {
    const current = bar.querySelector("[aria-current]");
    const hidden = current && current.offsetLeft + current.offsetWidth > bar.clientWidth + bar.scrollLeft + bar.offsetLeft;
    if (hidden) bar.scrollLeft = current.offsetLeft - bar.clientWidth / 3;
  }
}
