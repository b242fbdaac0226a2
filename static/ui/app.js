"use strict";
/* What the pages do beyond htmx. Everything is delegated from the document, so swapped-in parts need no set-up. */
(() => {
  const on = (type, selector, handle) =>
    document.addEventListener(type, (event) => {
      const target = event.target.closest?.(selector);
      if (target) handle(event, target);
    });
  const region = () => document.getElementById("toasts");

  /* Toasts */
  const KEEP_MS = { error: 0, warning: 12000 };
  const ICON = { success: "circle-check", error: "alert-circle", warning: "alert-triangle", info: "info-circle" };
  const sprite = () => document.querySelector("svg.icon use")?.getAttribute("href").split("#")[0];
  const leave = (toast) => { toast.classList.add("is-leaving"); setTimeout(() => toast.remove(), 180); };
  const schedule = (toast, level) => {
    if (toast.dataset.scheduled) return;
    toast.dataset.scheduled = "yes";
    const keep = KEEP_MS[level] ?? 6000;
    if (keep) setTimeout(() => leave(toast), keep);
  };
  function toast(text, level = "info") {
    const note = document.createElement("div");
    note.className = `toast-note toast-${level}`;
    const icon = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    icon.setAttribute("class", "icon");
    icon.setAttribute("aria-hidden", "true");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", `${sprite()}#${ICON[level] || ICON.info}`);
    icon.append(use);
    const body = document.createElement("span");
    body.textContent = text;
    const close = document.createElement("button");
    close.type = "button";
    close.className = "btn-close";
    close.dataset.toastClose = "";
    close.setAttribute("aria-label", region().dataset.closeLabel);
    note.append(icon, body, close);
    region().append(note);
    schedule(note, level);
  }
  const scheduleAll = () => {
    for (const note of document.querySelectorAll("[data-toast]"))
      schedule(note, ["error", "warning"].find((level) => note.classList.contains(`toast-${level}`)));
  };
  on("click", "[data-toast-close]", (_, button) => leave(button.closest(".toast-note")));
  document.addEventListener("toast", (event) => toast(event.detail.text ?? event.detail.value, event.detail.level));

  /* The CSRF token is the cookie's own where scripts may read it: it follows when the reader signs in again in another tab */
  const csrfToken = () =>
    document.cookie.split("; ").find((one) => one.startsWith("csrftoken="))?.slice("csrftoken=".length) ||
    document.querySelector('meta[name="csrf-token"]')?.content;
  const renewToken = (form) => {
    const field = form.elements.namedItem("csrfmiddlewaretoken");
    if (field && csrfToken()) field.value = csrfToken();
  };
  document.addEventListener("submit", (event) => renewToken(event.target), true);

  /* htmx: the CSRF token on every request, and a word when one fails */
  document.addEventListener("htmx:configRequest", (event) => {
    const token = csrfToken();
    if (!token) return;
    event.detail.headers["X-CSRFToken"] = token;
    if (event.detail.parameters?.has?.("csrfmiddlewaretoken")) event.detail.parameters.set("csrfmiddlewaretoken", token);
  });
  const isPoll = (event) => event.detail.requestConfig?.triggeringEvent == null;
  document.addEventListener("htmx:sendError", (event) => { if (!isPoll(event)) toast(region().dataset.offline, "error"); });
  document.addEventListener("htmx:timeout", (event) => { if (!isPoll(event)) toast(region().dataset.offline, "error"); });
  document.addEventListener("htmx:responseError", (event) => { if (!isPoll(event)) toast(region().dataset.error, "error"); });
  document.addEventListener("htmx:afterSwap", () => { scheduleAll(); focusErrors(); });

  /* Dialogs: command/commandfor is the browser's own; this is for browsers that lack it */
  if (!("commandForElement" in HTMLButtonElement.prototype))
    on("click", "button[commandfor]", (_, button) => {
      const dialog = document.getElementById(button.getAttribute("commandfor"));
      if (button.getAttribute("command") === "show-modal") dialog?.showModal(); else dialog?.close();
    });
  const openMarked = () => { for (const dialog of document.querySelectorAll("dialog[data-open]:not([open])")) dialog.showModal(); };

  /* Confirmation, for forms and for htmx */
  function ask(source, question) {
    const dialog = document.getElementById("confirm-dialog");
    const yes = dialog.querySelector("[data-confirm-yes]");
    dialog.querySelector("[data-confirm-question]").textContent = question;
    dialog.querySelector("[data-confirm-detail]").textContent = source.dataset.confirmDetail || "";
    yes.textContent = source.dataset.confirmAction || yes.dataset.defaultLabel;
    yes.className = source.dataset.confirmTone === "danger" ? "btn btn-danger" : "btn btn-primary";
    dialog.returnValue = "";
    dialog.showModal();
    return new Promise((resolve) =>
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
  }
  document.addEventListener("htmx:confirm", (event) => {
    if (!event.detail.question) return;
    event.preventDefault();
    ask(event.detail.elt, event.detail.question).then((yes) => { if (yes) event.detail.issueRequest(true); });
  });
  on("submit", "form[data-confirm]:not([hx-post])", (event, form) => {
    if (form.dataset.confirmed) { delete form.dataset.confirmed; return; }
    event.preventDefault();
    event.stopImmediatePropagation();
    ask(form, form.dataset.confirm).then((yes) => {
      if (!yes) return;
      form.dataset.confirmed = "yes";
      form.requestSubmit(event.submitter);
    });
  });

  /* A form is sent once; its button says that it is under way */
  on("submit", "form[method=post]:not([hx-post])", (event, form) => {
    if (event.defaultPrevented) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    event.submitter?.classList.add("is-busy");
  });
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
    for (const button of document.querySelectorAll(".is-busy")) button.classList.remove("is-busy");
  });
  on("change", "[data-autosubmit]", (_, field) => field.form.requestSubmit());

  /* Copy */
  on("click", "[data-copy]", async (_, button) => {
    try { await navigator.clipboard.writeText(button.dataset.copy); } catch { return; }
    toast(region().dataset.copied, "success");
  });

  /* Search: "/" goes there, arrows walk the results, Escape leaves */
  document.addEventListener("keydown", (event) => {
    const box = document.querySelector("[data-search]");
    if (!box) return;
    const field = box.querySelector("input[type=search]");
    const typing = event.target.closest("input, textarea, select, [contenteditable], dialog");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      field.focus();
      field.select();
      return;
    }
    if (!box.contains(event.target)) return;
    if (event.key === "Escape") { box.querySelector(".search-results").replaceChildren(); field.blur(); return; }
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    const stops = [field, ...box.querySelectorAll(".search-result")];
    const next = stops.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
    stops[Math.max(0, Math.min(next, stops.length - 1))].focus();
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-search]")) document.querySelector(".search-results")?.replaceChildren();
  });

  /* Tables: one box checks all, and the bar that acts on the checked rows shows how many */
  on("change", "input[type=checkbox][data-check-all], input[type=checkbox][data-check-row]", (_, box) => {
    const table = box.closest("table");
    const rows = [...table.querySelectorAll("[data-check-row]")];
    const all = table.querySelector("[data-check-all]");
    if (box === all) for (const row of rows) row.checked = all.checked;
    const checked = rows.filter((row) => row.checked).length;
    if (all) { all.checked = checked === rows.length; all.indeterminate = checked > 0 && checked < rows.length; }
    for (const bar of document.querySelectorAll("[data-checked-bar]")) {
      bar.hidden = checked === 0;
      for (const count of bar.querySelectorAll("[data-checked-count]")) count.textContent = checked;
    }
  });

  const focusErrors = () => document.querySelector("[data-focus]")?.focus();
  /* On a phone a row of tabs begins where the current one is seen */
  const showTab = () => {
    const tab = document.querySelector(".tabs [aria-current]");
    if (tab) tab.parentElement.scrollLeft = tab.offsetLeft - tab.parentElement.offsetLeft - 32;
  };
  const start = () => { scheduleAll(); openMarked(); showTab(); focusErrors(); };
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", start); else start();
})();
