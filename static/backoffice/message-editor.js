"use strict";
/* The editor of a mail's words: the preview follows what is written, merge fields go where the cursor is. */
(() => {
  const editor = document.querySelector("[data-mail-editor]");
  const preview = document.getElementById("preview-form");
  const frames = document.querySelector("[data-frames]");
  if (!editor || !preview || !frames) return;
  const { subject, body } = editor.elements;
  let writing = body;
  let shown = 0;

  /* A new frame for each version: the last one stays until it is there, and the browser's history stays short. */
  const show = () => {
    preview.elements.subject.value = subject.value;
    preview.elements.body.value = body.value;
    const frame = document.createElement("iframe");
    frame.className = "mail-frame is-coming";
    frame.setAttribute("sandbox", "");
    frame.title = frames.dataset.title;
    frame.name = `mail-preview-${(shown += 1)}`;
    frames.append(frame);
    frame.addEventListener("load", () => {
      while (frame.previousElementSibling) frame.previousElementSibling.remove();
      frame.classList.remove("is-coming");
    });
    preview.target = frame.name;
    preview.submit();
  };
  let timer;
  editor.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(show, 400);
  });
  if ("show" in preview.dataset) show();

  editor.addEventListener("focusin", (event) => {
    if (event.target === subject || event.target === body) writing = event.target;
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-insert]");
    if (!button) return;
    writing.setRangeText(button.dataset.insert, writing.selectionStart, writing.selectionEnd, "end");
    writing.focus();
    writing.dispatchEvent(new InputEvent("input", { bubbles: true }));
  });

  for (const radio of document.querySelectorAll("[data-preview-width]"))
    radio.addEventListener("change", () => frames.classList.toggle("is-phone", radio.value === "phone"));
})();
