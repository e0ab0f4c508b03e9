// Short messages in the live region; they stay long enough to be read and can be closed.
import { word } from "./words.js";

export function toast(text, { seconds = 8 } = {}) {
  const region = document.getElementById("toasts");
  if (!region || !text) return;
  const box = document.createElement("div");
  box.className = "toast";
  const said = document.createElement("span");
  said.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.textContent = "×";
  close.setAttribute("aria-label", word("close"));
  close.addEventListener("click", () => box.remove());
  box.append(document.createElement("i"), said, close);
  region.append(box);
  setTimeout(() => { if (!box.matches(":hover, :focus-within")) box.remove(); }, seconds * 1000);
}

export function start() {
  document.addEventListener("click", (event) => event.target.closest("[data-toast-close]")?.closest(".toast")?.remove());
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    toast(word("copied"), { seconds: 3 });
  });
}
