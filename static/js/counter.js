// Characters left, counted as readers do: one Chinese character is one, one letter is one, line ends are one.
import { each, word } from "./words.js";

export const lengthOf = (text) => {
  if (!("Segmenter" in Intl)) return [...text.replace(/\r\n/g, "\n")].length;
  return [...new Intl.Segmenter("zh", { granularity: "grapheme" }).segment(text)].length;
};

export function start(root) {
  each(root, "[data-count]", (field) => {
    const limit = Number(field.dataset.count);
    const least = Number(field.dataset.least || 0);
    const line = document.getElementById(`${field.id}_count`);
    if (!limit || !line) return;
    const spoken = document.createElement("span");
    spoken.className = "visually-hidden";
    spoken.setAttribute("role", "status");
    line.after(spoken);
    let timer;
    const show = () => {
      const given = lengthOf(field.value.trim());
      const left = limit - given;
      const lacking = given > 0 && given < least;
      const text = left < 0 ? word("over", { n: -left }) : lacking ? word("lacking", { n: least - given }) : word("left", { n: left });
      line.textContent = text;
      line.classList.toggle("field__count--over", left < 0);
      clearTimeout(timer);
      timer = setTimeout(() => { if (document.activeElement === field && left <= limit / 10) spoken.textContent = text; }, 1000);
    };
    field.addEventListener("input", show);
    show();
  });
}
