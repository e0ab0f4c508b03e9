// Saves a form by itself. Protocol: docs/components.md, "Autosave".
//
// Nothing typed is lost: unsent text waits in sessionStorage until the server has it, and is cleared at sign-out.
// Nobody's text is overwritten: the server refuses a stale version, and the dialog shows both texts.
import { copyOf, each, word } from "./words.js";

const WAIT = 1200; // after the last key
const RETRY = [5, 15, 30, 60]; // seconds, while there is no connection
const IDLE = 30 * 60 * 1000; // without input we stop: a forgotten page must not keep a session alive (AU-08)
const PREFIX = "draft:";
const OURS = new Set(["csrfmiddlewaretoken", "version"]);

const storage = {
  read(key) { try { return JSON.parse(sessionStorage.getItem(key)); } catch (none) { return null; } },
  write(key, value) { try { sessionStorage.setItem(key, JSON.stringify(value)); } catch (full) { /* then only the page keeps it */ } },
  drop(key) { try { sessionStorage.removeItem(key); } catch (none) { /* nothing to drop */ } },
};

// Whose draft it is: the next person at this machine must not find the text of the one before.
const person = () => document.body.dataset.person ?? "";

export function forgetDrafts() {
  const clear = (which = () => true) => {
    try {
      for (const key of Object.keys(sessionStorage)) if (key.startsWith(PREFIX) && which(key)) sessionStorage.removeItem(key);
    } catch (none) { /* nothing kept */ }
  };
  if (person()) clear((key) => !key.startsWith(`${PREFIX}${person()}:`));
  document.addEventListener("submit", (event) => { if (event.target.matches("[data-clears-drafts]")) clear(); });
}

// Values of a field as texts; nothing and an empty text are the same.
const told = (values) => [].concat(values ?? []).map(String).filter((one) => one !== "");

class Autosave {
  constructor(form) {
    this.form = form;
    this.url = form.dataset.autosave;
    this.key = `${PREFIX}${person()}:${new URL(this.url, location.href).pathname}`;
    this.state = form.querySelector("[data-save-state]") ?? document.querySelector("[data-save-state]");
    this.saved = this.values();
    this.typedAt = Date.now();
    this.failures = 0;
    this.busy = false;
    this.stopped = false;
    this.resume();
    // Controls may stand outside the form and belong to it by name (`form="…"`): their events never pass through it.
    for (const kind of ["input", "change"]) {
      document.addEventListener(kind, (event) => { if (event.target.form === form) this.typed(); });
    }
    form.addEventListener("submit", (event) => this.leave(event));
    window.addEventListener("online", () => this.save());
    document.addEventListener("visibilitychange", () => { if (document.hidden) this.save(); });
    window.addEventListener("beforeunload", (event) => {
      if (!this.stopped && this.state?.dataset.state === "conflict" && this.changed().length) event.preventDefault();
    });
  }

  values() {
    const result = {};
    for (const [name, value] of new FormData(this.form)) {
      if (OURS.has(name) || value instanceof File) continue;
      (result[name] ??= []).push(value);
    }
    // Empty groups of boxes are values too: "none ticked" must reach the server.
    for (const field of this.form.elements) if (field.name && !OURS.has(field.name) && field.type !== "file") result[field.name] ??= [];
    return result;
  }

  changed() {
    const now = this.values();
    return Object.keys(now).filter((name) => JSON.stringify(now[name]) !== JSON.stringify(this.saved[name] ?? []));
  }

  say(key, values) {
    if (!this.state) return;
    this.state.dataset.state = key;
    this.state.textContent = key ? word(key, values) : "";
  }

  typed() {
    this.typedAt = Date.now();
    const names = this.changed();
    if (!names.length) { storage.drop(this.key); return; }
    const now = this.values();
    storage.write(this.key, { version: this.version, fields: Object.fromEntries(names.map((name) => [name, now[name]])) });
    if (this.state?.dataset.state !== "conflict") this.say("unsaved");
    this.later(WAIT);
  }

  later(delay) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), delay);
  }

  get version() { return this.form.elements.namedItem("version")?.value ?? ""; }
  set version(value) {
    const field = this.form.elements.namedItem("version");
    if (field) field.value = value;
  }

  resume() {
    const kept = storage.read(this.key);
    if (!kept?.fields) return;
    let restored = false;
    for (const [name, values] of Object.entries(kept.fields)) restored = this.put(name, values) || restored;
    if (!restored) { storage.drop(this.key); return; }
    // The old version goes along: if somebody else saved meanwhile, the server answers with the conflict.
    this.resumed = Boolean(kept.version) && kept.version !== this.version;
    if (kept.version) this.version = kept.version;
    this.say("restored");
    this.later(WAIT);
  }

  put(name, values) {
    let changed = false;
    for (const field of this.form.elements) {
      if (field.name !== name || field.type === "file") continue;
      if (field.type === "checkbox" || field.type === "radio") {
        const on = values.includes(field.value);
        changed ||= field.checked !== on;
        field.checked = on;
      } else if (field.tagName === "SELECT" && field.multiple) {
        for (const option of field.options) option.selected = values.includes(option.value);
        changed = true;
      } else if (field.value !== (values[0] ?? "")) {
        field.value = values[0] ?? "";
        changed = true;
      }
    }
    return changed;
  }

  // A button pressed while we are saving waits for the answer: the form would go with a version that is just being replaced.
  leave(event) {
    if (this.busy && !this.pressed) {
      event.preventDefault();
      this.pressed = { button: event.submitter };
      return;
    }
    this.stopped = true;
    clearTimeout(this.timer);
    storage.drop(this.key);
  }

  goOn() {
    if (!this.pressed || this.busy) return;
    const { button } = this.pressed;
    this.pressed = undefined;
    if (!this.asking) this.form.requestSubmit(button?.isConnected ? button : null);
  }

  async save() {
    await this.send();
    this.goOn();
  }

  async send() {
    if (this.busy || this.stopped || this.asking || !this.form.isConnected) return;
    if (Date.now() - this.typedAt > IDLE) { this.say("paused"); return; }
    const names = this.changed();
    if (!names.length) return;
    const sent = this.values();
    const body = new URLSearchParams();
    body.set("csrfmiddlewaretoken", this.form.elements.namedItem("csrfmiddlewaretoken")?.value ?? "");
    body.set("version", this.version);
    // The whole form goes along; `changed` tells the server which fields this person touched.
    for (const [name, values] of Object.entries(sent)) for (const value of values) body.append(name, value);
    body.set("changed", names.join(","));
    this.busy = true;
    this.say("saving");
    let answer;
    try {
      answer = await fetch(this.url, {
        method: "POST", body, redirect: "manual", credentials: "same-origin",
        headers: { "X-Requested-With": "autosave", "If-Match": `"${this.version}"`, Accept: "application/json" },
      });
    } catch (lost) {
      this.busy = false;
      this.retry(navigator.onLine ? "failed" : "offline");
      return;
    }
    this.busy = false;
    const data = answer.headers.get("Content-Type")?.includes("json") ? await answer.json().catch(() => null) : null;
    if (answer.ok && data) this.accept(data, sent);
    else if (answer.status === 409 && data?.theirs) this.conflict(data);
    else if (answer.status === 422 && data) this.say("refused", { n: this.problems(data.problems ?? {}) });
    else if (answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 403) this.say("signedout");
    else if (answer.status === 409 && data?.message) { this.say("failed"); this.state.textContent = data.message; }
    else this.retry("failed");
  }

  retry(key) {
    this.say(key);
    this.later(RETRY[Math.min(this.failures++, RETRY.length - 1)] * 1000);
  }

  accept(data, sent) {
    this.failures = 0;
    this.saved = sent;
    if (data.version !== undefined) this.version = data.version;
    for (const [name, value] of Object.entries(data.computed ?? {})) {
      for (const output of document.querySelectorAll(`[data-computed="${CSS.escape(name)}"]`)) output.textContent = value ?? "—";
    }
    const count = this.problems(data.problems ?? {});
    if (this.changed().length) { this.typed(); return; }
    storage.drop(this.key);
    this.say(count ? "problems" : "saved", { time: data.saved_at, n: count });
  }

  // Remarks of the server beside the field, quietly: the person is still typing.
  problems(problems) {
    for (const line of this.form.querySelectorAll("[data-problem]")) line.remove();
    for (const [name, texts] of Object.entries(problems)) {
      const box = this.form.querySelector(`[data-field="${CSS.escape(name)}"]`);
      if (!box) continue;
      const line = document.createElement("div");
      line.className = "field__note";
      line.dataset.problem = name;
      line.textContent = [].concat(texts).join(" ");
      box.append(line);
    }
    return Object.keys(problems).length;
  }

  labelOf(name) {
    const box = this.form.querySelector(`[data-field="${CSS.escape(name)}"] .field__label`);
    return box?.firstChild?.textContent.trim() || name;
  }

  shown(name, values) {
    const texts = [].concat(values ?? []).map((value) => {
      const choice = [...this.form.elements].find((field) => field.name === name && field.value === value && /radio|checkbox/.test(field.type));
      const option = this.form.elements.namedItem(name)?.options ? [...this.form.elements.namedItem(name).options].find((one) => one.value === value) : null;
      return choice?.labels?.[0]?.textContent.trim() || option?.textContent.trim() || value;
    });
    return texts.filter((text) => text !== "").join("、") || word("empty");
  }

  conflict(data) {
    this.say("conflict");
    const mine = this.values();
    const dialog = copyOf("ui-conflict");
    const rows = dialog.querySelector('[data-part="rows"]');
    dialog.querySelector('[data-part="intro"]').textContent = word("conflict-intro", { by: data.by || word("somebody"), at: data.at || "" });
    const touched = new Set(this.changed());
    const same = (one, other) => JSON.stringify(told(one)) === JSON.stringify(told(other));
    // Both changed it, to different texts. What stood here before is not known when this page took up an older text again.
    const disputed = Object.keys(data.theirs).filter((name) => touched.has(name) && !same(data.theirs[name], mine[name])
      && (this.resumed || !same(data.theirs[name], this.saved[name])));
    // What only they changed is simply taken over.
    for (const [name, value] of Object.entries(data.theirs)) {
      if (touched.has(name)) continue;
      const texts = [].concat(value ?? []).map(String);
      this.put(name, texts);
      // Rows that they added below those of this page go along unseen, so that saving a table never drops them.
      if (texts[0] && !this.form.elements.namedItem(name)) {
        this.form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value: texts[0] }));
      }
    }
    const settle = (choice) => {
      for (const name of disputed) if (choice(name) === "theirs") this.put(name, [].concat(data.theirs[name] ?? []).map(String));
      this.version = data.version;
      this.resumed = false;
      this.saved = { ...this.saved, ...Object.fromEntries(Object.entries(data.theirs).map(([name, value]) => [name, [].concat(value ?? []).map(String)])) };
      this.asking = false;
      this.typed();
      if (!this.changed().length) this.say("saved", { time: data.at || "" });
    };
    if (!disputed.length) { settle(() => "mine"); return; }
    for (const name of disputed) {
      const row = copyOf("ui-conflict-row");
      row.querySelector('[data-part="label"]').textContent = this.labelOf(name);
      row.querySelector('[data-part="theirs"]').textContent = this.shown(name, [].concat(data.theirs[name] ?? []).map(String));
      row.querySelector('[data-part="mine"]').textContent = this.shown(name, mine[name]);
      for (const radio of row.querySelectorAll("input")) radio.name = `keep-${name}`;
      rows.append(row);
    }
    this.asking = true;
    document.body.append(dialog);
    dialog.querySelector('[data-part="apply"]').addEventListener("click", () => {
      settle((name) => dialog.querySelector(`input[name="${CSS.escape(`keep-${name}`)}"]:checked`).value);
      dialog.close();
    });
    dialog.querySelector('[data-part="later"]').addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => { this.asking = false; dialog.remove(); });
    dialog.showModal();
  }
}

export function start(root) {
  each(root, "form[data-autosave]", (form) => new Autosave(form));
}
