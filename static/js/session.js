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
  let leaving = false;

  const renew = (seconds) => { limit = seconds; seen = Date.now(); dialog?.close(); };
  windows?.postMessage(limit);
  windows?.addEventListener("message", (event) => renew(event.data));
  for (const name of ["input", "click", "keydown"]) {
    document.addEventListener(name, () => { touched = true; }, { passive: true });
  }
  const token = () => document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";
  // Seconds left, or null where the session is over. Without network: undefined, and we go on as before.
  const ask = async (options) => {
    const answer = await fetch(keepalive, { redirect: "manual", ...options }).catch(() => undefined);
    if (!answer) return undefined;
    return answer.ok ? (await answer.json()).seconds : null;
  };
  const stay = async () => {
    const seconds = await ask({ method: "POST", body: new URLSearchParams({ csrfmiddlewaretoken: token() }) });
    if (!seconds) return seconds;
    renew(seconds);
    windows?.postMessage(seconds);
    return seconds;
  };
  // Somebody may have worked in another window: the server knows, and asking it is no sign of life.
  const leave = async () => {
    if (leaving) return;
    leaving = true;
    const seconds = await ask({ headers: { "X-Requested-With": "poll" } });
    leaving = false;
    if (seconds > 0) renew(seconds);
    else if (seconds !== undefined && login) { leaving = true; location.assign(login); }
  };

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
      dialog.querySelector('[data-part="stay"]').addEventListener("click", async () => { if (await stay() === null) leave(); });
      dialog.addEventListener("close", () => { touched = false; });
    }
    const text = dialog.querySelector('[data-part="text"]');
    if (!dialog.open) dialog.showModal();
    if (left % 30 === 0 || !text.textContent) text.textContent = word("idle", { n: left });
  }, 1000);
}
