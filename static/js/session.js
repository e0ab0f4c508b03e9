// The end of a session is told two minutes before and can be put off (2.2.1). Autosave does not count as a sign of life.
import { copyOf, word } from "./words.js";

const WARN = 120;

export function start() {
  const { idleSeconds, keepalive, login } = document.body.dataset;
  const limit = Number(idleSeconds || 0);
  if (!limit || !keepalive) return;
  let seen = Date.now();
  let dialog = null;
  let touched = false;

  for (const name of ["input", "click", "keydown"]) {
    document.addEventListener(name, () => { touched = true; }, { passive: true });
  }
  const token = () => document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";
  const stay = async () => {
    const answer = await fetch(keepalive, { method: "POST", body: new URLSearchParams({ csrfmiddlewaretoken: token() }) });
    if (!answer.ok) return;
    seen = Date.now();
    dialog?.close();
  };

  setInterval(() => {
    const left = Math.round(limit - (Date.now() - seen) / 1000);
    if (left > WARN) {
      // A person at work is worth a word to the server now and then; a sleeping page is not.
      if (touched && left < limit / 2) { touched = false; stay(); }
      return;
    }
    if (left <= 0) { if (login) location.assign(login); return; }
    if (!dialog) {
      dialog = copyOf("ui-idle");
      document.body.append(dialog);
      dialog.querySelector('[data-part="stay"]').addEventListener("click", stay);
      dialog.addEventListener("close", () => { touched = false; });
    }
    const text = dialog.querySelector('[data-part="text"]');
    if (!dialog.open) dialog.showModal();
    if (left % 30 === 0 || !text.textContent) text.textContent = word("idle", { n: left });
  }, 1000);
}
