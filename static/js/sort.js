// Order of rows: drag the handle, or arrow keys, Home and End on it. The whole order is posted; numbers and buttons are plain forms.
import { each, word } from "./words.js";
import { toast } from "./toast.js";

export function start(root) {
  each(root, "[data-sort-list]", (list) => {
    const rows = () => [...list.querySelectorAll(":scope > [data-id]")];
    let dragged = null;
    list.style.counterReset = `row ${list.start - 1}`;
    list.dataset.numbered = "";

    const refresh = () => {
      rows().forEach((row, index) => {
        const at = list.start + index;
        row.querySelector('[value="up"]')?.toggleAttribute("disabled", at === 1);
        row.querySelector('[value="down"]')?.toggleAttribute("disabled", at === Number(list.dataset.total));
        const place = row.querySelector('[name="place"]');
        if (place) place.value = String(at);
      });
    };

    // What the page says about the order is the server's to say: those parts are taken from it anew, never one being typed in.
    const renew = async () => {
      const wanted = (list.dataset.fresh ?? "").split(" ").filter(Boolean);
      if (!wanted.length) return;
      const answer = await fetch(location.href, { headers: { "X-Requested-With": "sort" } });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const id of wanted) {
        const here = document.getElementById(id);
        const there = page.getElementById(id);
        const typed = [...(here?.querySelectorAll("textarea") ?? [])].some((area) => area.value !== area.defaultValue);
        if (!here || !there || typed || here.contains(document.activeElement)) continue;
        const open = [...here.querySelectorAll("details")].map((one) => one.open);
        here.replaceChildren(...there.childNodes);
        here.querySelectorAll("details").forEach((one, index) => { one.open = open[index] ?? one.open; });
      }
      for (const row of rows()) {
        const fresh = page.getElementById(row.id);
        for (const part of row.querySelectorAll("[data-part]")) {
          const now = fresh?.querySelector(`[data-part="${part.dataset.part}"]`);
          if (now) part.replaceChildren(...now.childNodes);
        }
      }
    };

    let timer;
    const save = (row) => {
      refresh();
      list.dataset.state = "saving";
      const all = rows();
      toast(word("moved", { name: row.dataset.name, n: list.start + all.indexOf(row), all: list.dataset.total }), { seconds: 4 });
      clearTimeout(timer);
      timer = setTimeout(async () => {
        const body = new URLSearchParams({ order: rows().map((one) => one.dataset.id).join(",") });
        body.set("csrfmiddlewaretoken", list.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "");
        try {
          const answer = await fetch(list.dataset.sortList, { method: "POST", body, headers: { "X-Requested-With": "sort" } });
          if (!answer.ok) throw new Error(String(answer.status));
          await renew();
          list.dataset.state = "saved";
        } catch (lost) {
          list.dataset.state = "failed";
          toast(word("order-failed"), { seconds: 20 });
        }
      }, 600);
    };

    const rowAt = (y) => rows().find((row) => row !== dragged && y < row.getBoundingClientRect().bottom);

    for (const row of rows()) {
      const handle = row.querySelector("[data-handle]");
      if (!handle) continue;
      handle.addEventListener("keydown", (event) => {
        const all = rows();
        const here = all.indexOf(row);
        const there = { ArrowUp: here - 1, ArrowDown: here + 1, Home: 0, End: all.length - 1 }[event.key];
        if (there === undefined) return;
        event.preventDefault();
        if (there === here || there < 0 || there >= all.length) return;
        if (there < here) all[there].before(row);
        else all[there].after(row);
        handle.focus();
        save(row);
      });
      handle.addEventListener("pointerdown", (event) => {
        if (event.button !== 0) return;
        dragged = row;
        const before = rows().indexOf(row);
        row.classList.add("sort-list__row--dragging");
        // The list holds the pointer, not the handle: a row that moves in the document would let go of it.
        list.setPointerCapture(event.pointerId);
        const move = (at) => {
          const over = rowAt(at.clientY);
          if (!over) list.append(row);
          else if (at.clientY < over.getBoundingClientRect().top + over.offsetHeight / 2 || row.compareDocumentPosition(over) & 2) over.before(row);
          else over.after(row);
        };
        const drop = () => {
          list.removeEventListener("pointermove", move);
          row.classList.remove("sort-list__row--dragging");
          dragged = null;
          if (rows().indexOf(row) !== before) save(row);
        };
        list.addEventListener("pointermove", move);
        list.addEventListener("lostpointercapture", drop, { once: true });
      });
    }
  });
}
