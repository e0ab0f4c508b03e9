// The end of a session is told two minutes before and can be put off (2.2.1). Autosave does not count as a sign of life,
// typing and clicking do. Other windows of the same browser are told, so that they do not warn for nothing.
import { copyOf, word } from "./words.js";

const WARN = 120;

export function start() {
  const { idleSeconds, keepalive, login } = document.body.dataset;
  let limit = Number(idleSeconds || 0);
  if (!limit || !keepalive) return;
  const windows = "BroadcastChannel" in window ? new BroadcastChannel("session") : null;
  let seen = Date.now();
  let dialog = null;
  let touched = false;

  const renew = (seconds) => { limit = seconds; seen = Date.now(); dialog?.close(); };
  windows?.postMessage(limit);
  windows?.addEventListener("message", (event) => renew(event.data));
  for (const name of ["input", "click", "keydown"]) {
    document.addEventListener(name, () => { touched = true; }, { passive: true });
  }
  const token = () => document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";
  const stay = async () => {
    const answer = await fetch(keepalive, {
      method: "POST", redirect: "manual", body: new URLSearchParams({ csrfmiddlewaretoken: token() }),
    }).catch(() => null);
    if (!answer?.ok) return answer !== null;
    const { seconds } = await answer.json();
    renew(seconds);
    windows?.postMessage(seconds);
    return false;
  };
  const leave = () => { if (login) location.assign(login); };

  setInterval(() => {
    const left = Math.round(limit - (Date.now() - seen) / 1000);
    if (left > WARN) {
      // A person at work is worth a word to the server now and then; a sleeping page is not.
      if (touched && left < limit / 2) { touched = false; stay(); }
      return;
    }
    if (left <= 0) { leave(); return; }
    if (!dialog) {
      dialog = copyOf("ui-idle");
      document.body.append(dialog);
      // Ended meanwhile, here or elsewhere: what was typed is kept by autosave and comes back after signing in.
      dialog.querySelector('[data-part="stay"]').addEventListener("click", async () => { if (await stay()) leave(); });
      dialog.addEventListener("close", () => { touched = false; });
    }
    const text = dialog.querySelector('[data-part="text"]');
    if (!dialog.open) dialog.showModal();
    if (left % 30 === 0 || !text.textContent) text.textContent = word("idle", { n: left });
  }, 1000);
}
