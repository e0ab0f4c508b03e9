// Starts what a page asks for by its attributes. Every page works without.
import { start as errors } from "./errors.js";
import { start as theme } from "./theme.js";
import { start as nav } from "./nav.js";
import { start as dialogs } from "./dialog.js";
import { start as shortcuts } from "./shortcuts.js";
import { start as counters } from "./counter.js";
import { start as selections } from "./table-select.js";
import { start as orders } from "./sort.js";
import { start as uploads } from "./upload.js";
import { start as autosave, forgetDrafts } from "./autosave.js";
import { start as session } from "./session.js";
import { start as toasts } from "./toast.js";
import { start as printing } from "./print.js";
import { start as ready } from "./ready.js";
import { start as rows } from "./rows.js";

const once = [theme, nav, shortcuts, rows, session, toasts, printing, forgetDrafts];
const eachTime = [errors, dialogs, counters, selections, orders, uploads, autosave, ready];

for (const begin of once) begin();
for (const begin of eachTime) begin(document);
// What htmx puts in later gets the same.
document.addEventListener("htmx:load", (event) => {
  if (event.target !== document.body) for (const begin of eachTime) begin(event.target);
});
