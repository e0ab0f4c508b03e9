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
      line.textContent = text;
    };

    const take = async (files) => {
      const limit = Number(form.dataset.limit || 0);
      let sent = 0;
      for (const file of files) {
        if (limit && file.size > limit) {
          complain(word("too-large", { name: file.name, size: readable(file.size), limit: readable(limit) }));
          continue;
        }
        const row = rowFor(file);
        list.append(row);
        const result = await send(form, file, status, row);
        if (result.ok) sent += 1;
        else complain(result.text);
      }
      input.value = "";
      // The server draws the row: it knows the digest, the check and the address.
      if (sent && !box.querySelector("[data-upload-error]")) {
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
