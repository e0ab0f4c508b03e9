// <a data-dialog="id" href="page">: opens the native dialog; without a script, or without the dialog, the link leads to the page.
import { each } from "./words.js";

export function start(root) {
  each(root, "[data-dialog]", (opener) => {
    opener.addEventListener("click", (event) => {
      const dialog = document.getElementById(opener.dataset.dialog);
      if (!dialog || typeof dialog.showModal !== "function" || event.metaKey || event.ctrlKey) return;
      event.preventDefault();
      dialog.addEventListener("close", () => opener.focus(), { once: true });
      dialog.showModal();
    });
  });
  each(root, "dialog", (dialog) => {
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog || event.target.closest("[data-dialog-close]")) dialog.close();
    });
    // A form that came back with errors inside a dialog opens it again.
    if (dialog.querySelector(".field--invalid")) dialog.showModal?.();
  });
}
