"use strict";
/* A part that htmx swaps while someone reads it keeps what was opened and where the focus was, by id. */
(() => {
  let open = [];
  let focused = "";
  document.addEventListener("htmx:beforeSwap", (event) => {
    open = [...event.detail.target.querySelectorAll("details[open][id]")].map((part) => part.id);
    focused = event.detail.target.contains(document.activeElement) ? document.activeElement.id : "";
    const summary = document.activeElement?.closest("summary")?.parentElement.id;
    if (summary) focused = `summary:${summary}`;
  });
  document.addEventListener("htmx:afterSwap", () => {
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (focused.startsWith("summary:")) document.getElementById(focused.slice(8))?.querySelector("summary")?.focus();
    else if (focused) document.getElementById(focused)?.focus();
  });
})();
