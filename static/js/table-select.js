// Select all, count, and shift-click for a range. The bulk bar is a plain form either way.
import { each, word } from "./words.js";

export function start(root) {
  each(root, "form[data-table-select]", (form) => {
    const all = form.querySelector("[data-select-all]");
    const boxes = [...form.querySelectorAll("tbody .table__check input")];
    const count = form.querySelector("[data-select-count]");
    const buttons = [...form.querySelectorAll(".bulk-bar button")];
    let last = null;
    const show = () => {
      const chosen = boxes.filter((box) => box.checked).length;
      if (all) {
        all.checked = chosen > 0 && chosen === boxes.length;
        all.indeterminate = chosen > 0 && chosen < boxes.length;
      }
      if (count) count.textContent = chosen ? word("selected", { n: chosen }) : word("none-selected");
      for (const button of buttons) button.disabled = chosen === 0;
    };
    all?.addEventListener("change", () => { for (const box of boxes) box.checked = all.checked; show(); });
    for (const box of boxes) {
      box.addEventListener("click", (event) => {
        if (event.shiftKey && last) {
          const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((a, b) => a - b);
          for (const between of boxes.slice(from, to + 1)) between.checked = box.checked;
        }
        last = box;
        show();
      });
    }
    show();
  });
}
