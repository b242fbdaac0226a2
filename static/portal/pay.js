/* The bank's confirmation of a payment that is waiting for it.
   <div data-confirm-payment data-confirmation-url data-settled-url data-locale data-text-failed data-text-unreachable data-text-busy>
   with a button (disabled till this script is there), an element [data-confirm-error] (hidden) and its [data-confirm-error-text]. Our server asks the gateway what came of it. */

/* The cookie's is newer than the page's after a sign-in in another tab. */
function csrfToken() {
  const cookie = document.cookie.split("; ").find((one) => one.startsWith("csrftoken="));
  return cookie?.slice("csrftoken=".length) || (document.querySelector('meta[name="csrf-token"]')?.content ?? "");
}

async function post(url, fields = {}) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.set(name, value ?? "");
  const headers = { "X-CSRFToken": csrfToken(), Accept: "application/json" };
  const response = await fetch(url, { method: "POST", body, headers, credentials: "same-origin", redirect: "error" });
  return { ok: response.ok, answer: await response.json() };
}

class Confirmation {
  constructor(box) {
    this.box = box;
    this.button = box.querySelector("button");
    this.label = box.querySelector("[data-confirm-label]");
    this.ownLabel = this.label.textContent;
    this.button.addEventListener("click", () => this.begin());
    this.busy(false);
  }

  busy(on) {
    this.button.disabled = on;
    this.button.classList.toggle("is-busy", on);
    this.label.textContent = on ? this.box.dataset.textBusy : this.ownLabel;
  }

  error(message) {
    this.busy(false);
    const note = this.box.querySelector("[data-confirm-error]");
    note.hidden = !message;
    this.box.querySelector("[data-confirm-error-text]").textContent = message || "";
    if (message) note.focus();
  }

  async begin() {
    this.error("");
    this.busy(true);
    if (typeof globalThis.Stripe !== "function") return this.error(this.box.dataset.textUnreachable);
    let reply;
    try {
      reply = await post(this.box.dataset.confirmationUrl);
    } catch {
      return this.error(this.box.dataset.textUnreachable);
    }
    if (!reply.ok) return this.error(reply.answer.message || this.box.dataset.textUnreachable);
    const { client_secret: secret, publishable_key: key, payment_method: method } = reply.answer;
    const stripe = globalThis.Stripe(key, { locale: this.box.dataset.locale || "auto" });
    let result = {};
    try {
      result = await stripe.confirmCardPayment(secret, method ? { payment_method: method } : undefined);
    } catch {
      return this.error(this.box.dataset.textUnreachable);
    }
    return this.settle(result.error);
  }

  /* Whatever the browser was told, the server asks the gateway itself, and the page it leads to says what is true. */
  async settle(refusal) {
    let reply;
    try {
      reply = await post(this.box.dataset.settledUrl, { code: refusal?.code, decline_code: refusal?.decline_code });
    } catch {
      return this.error(this.box.dataset.textUnreachable);
    }
    if (!reply.ok) return this.error(reply.answer.message || this.box.dataset.textUnreachable);
    if (refusal && reply.answer.state === "confirm") return this.error(reply.answer.message || this.box.dataset.textFailed);
    location.assign(reply.answer.url);
  }
}

for (const box of document.querySelectorAll("[data-confirm-payment]")) new Confirmation(box);
