// Upload with progress in a live region, by button or by drop. Without a script the same form posts as it is.
import { each, word } from "./words.js";

const readable = (bytes) => (bytes < 1048576 ? `${Math.round(bytes / 1024)} KB` : `${(bytes / 1048576).toFixed(1)} MB`);

function send(form, file, status, row) {
  return new Promise((done) => {
    const data = new FormData();
    for (const hidden of form.querySelectorAll('input[type="hidden"]')) data.append(hidden.name, hidden.value);
    data.append(form.querySelector('input[type="file"]').name, file);
    const request = new XMLHttpRequest();
    let told = 0;
    request.open("POST", form.action);
    request.setRequestHeader("X-Requested-With", "upload");
    request.upload.addEventListener("progress", (event) => {
      if (!event.lengthComputable) return;
      const percent = Math.floor((event.loaded / event.total) * 100);
      row.querySelector("progress").value = percent;
      if (percent - told >= 20) {
        told = percent;
        status.textContent = word("uploading", { name: file.name, percent });
      }
    });
    const fail = (text) => {
      row.remove();
      status.textContent = text;
      done({ ok: false, text });
    };
    request.addEventListener("error", () => fail(word("upload-failed", { name: file.name })));
    request.addEventListener("load", () => {
      if (request.status < 400) {
        status.textContent = word("uploaded", { name: file.name });
        done({ ok: true });
        return;
      }
      let text = word("upload-failed", { name: file.name });
      try { text = JSON.parse(request.responseText).message || text; } catch (page) { /* an error page: our own words do */ }
      fail(text);
    });
    request.send(data);
  });
}

// ---- large files in pieces: what has arrived stays, the server says from which byte it goes on ----
const PIECES_FROM = 4 * 1048576;
const PIECE = 1048576;
const PAUSES = [1000, 2000, 5000, 10000, 20000]; // before another try; the last again and again
const TRIES = 30;

const inPieces = (form, file) => Boolean(form.dataset.pieces) && file.size > PIECES_FROM && Boolean(window.crypto?.subtle);

async function ask(form, path, fields) {
  const data = new FormData();
  for (const hidden of form.querySelectorAll('input[type="hidden"]')) data.append(hidden.name, hidden.value);
  for (const [name, value] of Object.entries(fields)) data.append(name, value);
  const answer = await fetch(form.dataset.pieces + path, { method: "POST", body: data, headers: { "X-Requested-With": "upload" } });
  if (answer.status >= 502 || answer.status === 503) throw new TypeError("away"); // as if the connection were broken
  let said = null;
  try { said = await answer.json(); } catch (page) { /* an error page: our own words do */ }
  return { ok: answer.ok && said !== null, said: said ?? {} };
}

const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");

// A pause that ends early when the network is back, or by the button.
function rest(milliseconds, gate) {
  return new Promise((done) => {
    const timer = setTimeout(over, milliseconds);
    function over() { clearTimeout(timer); window.removeEventListener("online", over); gate.wake = null; done(); }
    window.addEventListener("online", over);
    gate.wake = over;
  });
}

function pauseButton(row, gate) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "link-button";
  const show = () => {
    button.textContent = word(gate.paused ? "upload-resume" : "upload-pause");
    const name = document.createElement("span");
    name.className = "visually-hidden";
    name.textContent = ` ${gate.name}`;
    button.append(name);
  };
  button.addEventListener("click", () => {
    gate.paused = !gate.paused;
    show();
    if (gate.paused) gate.tell("upload-paused");
    else { gate.tell("upload-goes-on"); gate.go?.(); gate.wake?.(); }
  });
  show();
  row.querySelector("div").after(button);
  return button;
}

async function sendPieces(form, file, status, row) {
  const bar = row.querySelector("progress");
  const gate = { name: file.name, paused: false, received: 0 };
  const percent = () => Math.floor((gate.received / file.size) * 100);
  gate.tell = (key) => { status.textContent = word(key, { name: file.name, percent: percent() }); };
  const button = pauseButton(row, gate);
  const fail = (text) => {
    row.remove();
    status.textContent = text;
    return { ok: false, text };
  };
  let upload = "", failures = 0, told = 0, digest = "";
  for (;;) {
    if (gate.paused) { await new Promise((go) => { gate.go = go; }); gate.go = null; }
    try {
      let answer;
      if (!upload) {
        const about = { name: file.name, size: file.size, type: file.type, mark: file.lastModified, sha256: digest };
        answer = await ask(form, "begin/", about);
      } else if (gate.received < file.size) {
        const piece = file.slice(gate.received, gate.received + PIECE);
        answer = await ask(form, "piece/", { upload, offset: gate.received, piece: new File([piece], file.name) });
      } else {
        digest ||= hex(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
        answer = await ask(form, "piece/", { upload, sha256: digest });
      }
      failures = 0;
      const { ok, said } = answer;
      if (said.ok) {
        button.remove();
        gate.tell("uploaded");
        return { ok: true };
      }
      if (!ok && said.received === undefined) return fail(said.message || word("upload-failed", { name: file.name }));
      if (!upload && said.received > 0) {
        gate.received = said.received;
        gate.tell("upload-goes-on");
      }
      upload ||= said.upload;
      gate.received = said.received;
      bar.value = percent();
      if (percent() - told >= 20 && gate.received < file.size && !gate.paused) {
        told = percent();
        gate.tell("uploading");
      }
    } catch (broken) {
      failures += 1;
      if (failures > TRIES) return fail(word("upload-failed", { name: file.name }));
      gate.tell("upload-waits");
      await rest(PAUSES[Math.min(failures - 1, PAUSES.length - 1)], gate);
      upload = ""; // asks the server how far it is: an answer may have been lost
    }
  }
}

function rowFor(file) {
  const row = document.createElement("li");
  row.className = "file";
  const mark = document.createElement("i");
  const name = document.createElement("div");
  name.textContent = `${file.name} · ${readable(file.size)}`;
  const progress = document.createElement("progress");
  progress.max = 100;
  progress.value = 0;
  progress.setAttribute("aria-label", file.name);
  row.append(mark, name, document.createElement("span"), progress);
  return row;
}

export function start(root) {
  each(root, "form[data-upload]", (form) => {
    const box = form.closest("[data-files]");
    const status = box.querySelector("[data-upload-status]");
    const list = box.querySelector("[data-file-list]");
    const input = form.querySelector('input[type="file"]');

    const complain = (text) => {
      status.textContent = text;
      let line = box.querySelector("[data-upload-error]");
      if (!line) {
        line = document.createElement("p");
        line.className = "field__error";
        line.dataset.uploadError = "";
        line.id = `${input.id}-error`;
        form.before(line);
        input.setAttribute("aria-describedby", `${input.getAttribute("aria-describedby") ?? ""} ${line.id}`.trim());
      }
      line.textContent = [line.textContent, text].filter(Boolean).join(" ");
    };
    const forget = () => box.querySelector("[data-upload-error]")?.replaceChildren();

    const redraw = async () => {
      const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
      const fresh = box.id && page.getElementById(box.id)?.querySelector("[data-file-list]");
      if (fresh) list.replaceChildren(...document.adoptNode(fresh).childNodes);
    };

    const take = async (files) => {
      const limit = Number(form.dataset.limit || 0);
      let sent = 0;
      forget();
      for (const file of files) {
        if (limit && file.size > limit) {
          complain(word("too-large", { name: file.name, size: readable(file.size), limit: readable(limit) }));
          continue;
        }
        const row = rowFor(file);
        list.append(row);
        const result = await (inPieces(form, file) ? sendPieces : send)(form, file, status, row);
        if (result.ok) sent += 1;
        else complain(result.text);
      }
      input.value = "";
      // The server draws the row: it knows the digest, the check and the address. What was refused stays to be read.
      if (sent && box.querySelector("[data-upload-error]")?.textContent) await redraw();
      else if (sent) {
        if (box.dataset.refresh && window.htmx) window.htmx.ajax("GET", box.dataset.refresh, { target: box, swap: "outerHTML" });
        else location.reload();
      }
    };

    form.addEventListener("submit", (event) => {
      if (!input.files.length) {
        event.preventDefault();
        input.focus();
        return;
      }
      event.preventDefault();
      take([...input.files]);
    });
    for (const name of ["dragenter", "dragover"]) {
      form.addEventListener(name, (event) => { event.preventDefault(); form.classList.add("drop--over"); });
    }
    for (const name of ["dragleave", "drop"]) form.addEventListener(name, () => form.classList.remove("drop--over"));
    form.addEventListener("drop", (event) => {
      event.preventDefault();
      const files = [...(event.dataTransfer?.files ?? [])];
      take(input.multiple ? files : files.slice(0, 1));
    });
  });
}
