// Translated sentences live in the page (templates/components/_words.html), never in scripts.
const source = document.getElementById("ui-words");

export function word(key, values = {}) {
  const text = source?.content.querySelector(`[data-word="${key}"]`)?.textContent ?? "";
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

export function copyOf(id) {
  return document.getElementById(id).content.firstElementChild.cloneNode(true);
}

// Each element is prepared once, however often htmx reports it.
export function each(root, selector, prepare) {
  const found = [...root.querySelectorAll(selector)];
  if (root instanceof Element && root.matches(selector)) found.unshift(root);
  for (const element of found) {
    const ready = (element.readyFor ??= new Set());
    if (ready.has(prepare)) continue;
    ready.add(prepare);
    prepare(element);
  }
}
