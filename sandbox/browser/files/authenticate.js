/* The bank's page. In the dialog it answers by message; on its own it is a plain form. */
(function () {
  "use strict";
  const HOST = document.body.dataset.origin;
  const form = document.querySelector("form");
  if (!HOST) return;
  const post = (message) => window.parent.postMessage({ sandbox: true, ...message }, HOST);

  async function answer(outcome) {
    document.querySelectorAll("button").forEach((button) => (button.disabled = true));
    const body = new URLSearchParams(new FormData(form));
    body.set("outcome", outcome);
    try {
      await fetch(form.action, { method: "POST", body });
    } finally {
      post({ type: "done" });
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    answer(event.submitter ? event.submitter.value : "complete");
  });
  document.querySelector(".close").addEventListener("click", () => answer("fail"));
  document.addEventListener("keydown", (event) => event.key === "Escape" && answer("fail"));
  window.addEventListener("message", (event) => {
    if (event.origin !== HOST || event.source !== window.parent || !event.data || !event.data.sandbox) return;
    if (event.data.type === "close") answer("fail");
    if (event.data.type === "focus") document.querySelector("button.complete").focus();
  });
  post({ type: "hello" });
})();
