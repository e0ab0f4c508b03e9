// Opens the browser's print dialogue: `data-print` button.
export function start() {
  document.addEventListener("click", (event) => { if (event.target.closest("[data-print]")) print(); });
}
