"use strict";
/* What was typed outlives a session. A form that was sent and met the sign-in page, or an error page, is filled in again
   when the same reader is back on its page, in the same tab and within the hour. Passwords, codes and files are never
   kept, and what was kept is forgotten on the next page otherwise. Pages of somebody signed in name them in data-reader. */
(() => {
  const KEY = "draft";
  const KEPT_MS = 60 * 60 * 1000;
  const LEFT_OUT = "[type=hidden], [type=password], [type=file], [type=submit], [type=button], [autocomplete=one-time-code], [data-secret]";
  const reader = document.body.dataset.reader || "";

  const load = () => { try { return JSON.parse(sessionStorage.getItem(KEY)); } catch { return null; } };
  const store = (draft) => { try { sessionStorage.setItem(KEY, JSON.stringify(draft)); } catch { /* the browser keeps nothing */ } };
  const drop = () => { try { sessionStorage.removeItem(KEY); } catch { /* nothing was kept */ } };

  const isBox = (field) => field.type === "checkbox" || field.type === "radio";
  const isPosted = (form) => form.getAttribute("method")?.toLowerCase() === "post";
  const goesTo = (form) => new URL(form.getAttribute("action") || "", location.href).pathname;
  const fieldsOf = (form) =>
    [...form.elements].filter((field) => field.name && field.matches("input, select, textarea") && !field.matches(LEFT_OUT));

  document.addEventListener("submit", (event) => {
    const form = event.target;
    const isSent = !event.defaultPrevented || form.matches("[hx-post]");
    if (!reader || !isSent || !isPosted(form)) return;
    const fields = fieldsOf(form).map((field) => ({ name: field.name, value: field.value, checked: isBox(field) ? field.checked : null }));
    if (fields.length) store({ reader, to: goesTo(form), fields, at: Date.now() });
  });
  document.addEventListener("htmx:afterRequest", ({ detail }) => {
    const draft = load();
    if (!draft || !detail.elt.matches?.("form")) return;
    const { status } = detail.xhr;
    if (!status || status === 403 || status >= 500) store({ ...draft, isAway: true });
    else if (!detail.xhr.getResponseHeader("HX-Redirect")) drop();
  });

  /* Returns the fields that are changed by it, and what it found no place for. */
  function fill(form, kept) {
    const changed = [];
    const missed = [];
    const seen = {};
    for (const entry of kept) {
      const { name, value, checked } = entry;
      const same = fieldsOf(form).filter((field) => field.name === name);
      const nth = (seen[name] = (seen[name] ?? -1) + 1);
      const field = checked === null ? same[nth] : same.find((box) => box.value === value);
      if (!field) { missed.push(entry); continue; }
      if (checked !== null) {
        if (field.checked === checked) continue;
        field.checked = checked;
      } else {
        const isOffered = field.tagName !== "SELECT" || [...field.options].some((option) => option.value === value);
        if (!isOffered) { missed.push(entry); continue; }
        if (field.value === value) continue;
        field.value = value;
      }
      changed.push(field);
    }
    return { changed, missed };
  }
  /* A toast would stand behind a dialog. */
  function tell(form, text) {
    if (!form.closest("dialog")) {
      document.dispatchEvent(new CustomEvent("toast", { detail: { level: "warning", text } }));
      return;
    }
    const note = document.createElement("div");
    note.className = "alert alert-warning";
    note.setAttribute("role", "status");
    note.textContent = text;
    form.prepend(note);
  }
  function restore(draft) {
    const form = [...document.forms].find((one) => isPosted(one) && goesTo(one) === draft.to && fieldsOf(one).length);
    if (!form) return;
    const { changed, missed } = fill(form, draft.fields);
    if (!changed.length) return;
    /* What hangs on a field follows, such as the fields of another country's address, which then are filled in too. */
    if (missed.length) form.addEventListener("htmx:afterSettle", () => fill(form, missed), { once: true });
    for (const field of changed)
      for (const type of field.matches("[data-autosubmit]") ? ["input"] : ["input", "change"])
        field.dispatchEvent(new Event(type, { bubbles: true }));
    form.closest("dialog:not([open])")?.showModal();
    changed[0].focus();
    tell(form, document.getElementById("toasts").dataset.typed);
  }

  addEventListener("DOMContentLoaded", () => {
    const draft = load();
    if (!draft) return;
    if (!reader) { store({ ...draft, isAway: true }); return; }
    drop();
    if (draft.isAway && draft.reader === reader && Date.now() - draft.at < KEPT_MS) restore(draft);
  });
})();
