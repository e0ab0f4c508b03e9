// A document that has just become ready (templates/_rendering.html) opens by itself; the link beside it does the same.
import { each } from "./words.js";

export function start(root) {
  each(root, "[data-opens]", (link) => location.assign(link.href));
}
