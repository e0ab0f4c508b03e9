// Order of rows: drag the handle, or arrow keys on it. The whole order is posted; the up and down buttons are plain forms.
import { each, word } from "./words.js";
import { toast } from "./toast.js";

export function start(root) {
  each(root, "[data-sort-list]", (list) => {
    const rows = () => [...list.querySelectorAll(":scope > [data-id]")];
    let dragged = null;

    const refresh = () => {
      const all = rows();
      all.forEach((row, index) => {
        row.querySelector('[value="up"]')?.toggleAttribute("disabled", index === 0);
        row.querySelector('[value="down"]')?.toggleAttribute("disabled", index === all.length - 1);
      });
    };

    let timer;
    const save = (row) => {
      refresh();
      const all = rows();
      toast(word("moved", { name: row.dataset.name, n: all.indexOf(row) + 1, all: all.length }), { seconds: 4 });
      clearTimeout(timer);
      timer = setTimeout(async () => {
        const body = new URLSearchParams({ order: all.map((one) => one.dataset.id).join(",") });
        body.set("csrfmiddlewaretoken", list.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "");
        try {
          const answer = await fetch(list.dataset.sortList, { method: "POST", body, headers: { "X-Requested-With": "sort" } });
          if (!answer.ok) throw new Error(String(answer.status));
        } catch (lost) {
          toast(word("order-failed"), { seconds: 20 });
        }
      }, 600);
    };

    const rowAt = (y) => rows().find((row) => row !== dragged && y < row.getBoundingClientRect().bottom);

    for (const row of rows()) {
      const handle = row.querySelector("[data-handle]");
      if (!handle) continue;
      handle.addEventListener("keydown", (event) => {
        const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
        if (!step) return;
        event.preventDefault();
        const neighbour = step < 0 ? row.previousElementSibling : row.nextElementSibling;
        if (!neighbour) return;
        if (step < 0) neighbour.before(row);
        else neighbour.after(row);
        handle.focus();
        save(row);
      });
      handle.addEventListener("pointerdown", (event) => {
        if (event.button !== 0) return;
        dragged = row;
        const before = rows().indexOf(row);
        row.classList.add("sort-list__row--dragging");
        handle.setPointerCapture(event.pointerId);
        const move = (at) => {
          const over = rowAt(at.clientY);
          if (!over) list.append(row);
          else if (at.clientY < over.getBoundingClientRect().top + over.offsetHeight / 2 || row.compareDocumentPosition(over) & 2) over.before(row);
          else over.after(row);
        };
        const drop = () => {
          handle.removeEventListener("pointermove", move);
          row.classList.remove("sort-list__row--dragging");
          dragged = null;
          if (rows().indexOf(row) !== before) save(row);
        };
        handle.addEventListener("pointermove", move);
        handle.addEventListener("lostpointercapture", drop, { once: true });
      });
    }
  });
}
