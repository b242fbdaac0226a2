"use strict";
/* A text area for code: its lines are numbered, and the line that an error names is shown. */
(() => {
  for (const area of document.querySelectorAll("textarea.code-area")) {
    const gutter = document.createElement("div");
    gutter.className = "code-gutter";
    gutter.setAttribute("aria-hidden", "true");
    const frame = document.createElement("div");
    frame.className = "code-frame";
    area.replaceWith(frame);
    frame.append(gutter, area);
    const bad = Number(area.dataset.errorLine || 0);
    let shown = 0;
    const number = () => {
      const count = area.value.split("\n").length;
      if (count !== shown) {
        gutter.replaceChildren(...Array.from({ length: count }, (_, index) => {
          const line = document.createElement("span");
          line.textContent = index + 1;
          if (index + 1 === bad) line.className = "is-bad";
          return line;
        }));
        shown = count;
      }
      gutter.scrollTop = area.scrollTop;
    };
    area.addEventListener("input", number);
    area.addEventListener("scroll", number);
    number();
    if (bad) area.scrollTop = Math.max(0, (bad - 4) * parseFloat(getComputedStyle(area).lineHeight));
  }
})();
