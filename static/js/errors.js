// A form that came back: the summary takes the focus, the title says so, links lead into the field.
import { each, word } from "./words.js";

export function start(root) {
  each(root, "[data-error-summary]", (summary) => {
    const mark = word("error");
    if (!document.title.startsWith(mark)) document.title = mark + document.title;
    summary.focus();
    summary.addEventListener("click", (event) => {
      const link = event.target.closest('a[href^="#"]');
      if (!link) return;
      const target = document.getElementById(decodeURIComponent(link.hash.slice(1)));
      if (!target) return;
      event.preventDefault();
      const control = target.matches("input, select, textarea") ? target : target.querySelector("input, select, textarea") ?? target;
      target.closest(".field")?.scrollIntoView({ block: "center" });
      control.focus({ preventScroll: true });
    });
  });
}
