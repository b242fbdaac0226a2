/* A form with the gateway's own fields for a payment method. What it reads and expects of the server: templates/ui/payment_form.html. */
const FONT = "Inter Variable";
const POLL_MS = [1000, 1500, 2000, 3000, 5000];
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/* The cookie's own, which follows when the reader signs in again in another tab; the page's is of its time. */
function csrfToken() {
  const cookie = document.cookie.split("; ").find((one) => one.startsWith("csrftoken="));
  return cookie?.slice("csrftoken=".length) ?? document.querySelector('meta[name="csrf-token"]')?.content ?? "";
}

async function post(url, fields) {
  const body = fields instanceof FormData ? fields : new FormData();
  if (!(fields instanceof FormData)) for (const [name, value] of Object.entries(fields)) body.set(name, value ?? "");
  const token = csrfToken();
  body.set("csrfmiddlewaretoken", token);
  const headers = { "X-CSRFToken": token, Accept: "application/json" };
  const response = await fetch(url, { method: "POST", body, headers, credentials: "same-origin", redirect: "error" });
  const answer = await response.json();
  return { ok: response.ok, status: response.status, answer };
}

/* The page's own colours, as computed values that a frame of another origin can use. */
function appearance(form) {
  const probe = document.createElement("span");
  probe.hidden = true;
  form.append(probe);
  const colour = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const dark = document.documentElement.dataset.bsTheme === "dark";
  const look = {
    theme: dark ? "night" : "stripe",
    labels: "above",
    variables: {
      colorPrimary: colour("--accent"),
      colorBackground: colour("--tblr-bg-forms"),
      colorText: colour("--ink"),
      colorTextSecondary: colour("--ink-soft"),
      colorTextPlaceholder: colour("--ink-faint"),
      colorDanger: colour("--bad"),
      borderRadius: "8px",
      fontFamily: `"${FONT}", system-ui, sans-serif`,
      fontSizeBase: "16px",
    },
  };
  probe.remove();
  return look;
}

/** The house's own letters for the gateway's frame, which loads them by their full address. */
function fonts(fields) {
  return [{ family: FONT, src: `url(${new URL(fields.dataset.font, location.href)})`, weight: "100 900" }];
}

class PaymentForm {
  constructor(form) {
    this.form = form;
    this.fields = form.querySelector("[data-payment-fields]");
    this.texts = this.fields.dataset;
    this.button = form.querySelector("[data-payment-save]");
    this.label = form.querySelector("[data-payment-save-label]");
    this.ownLabel = this.label.textContent;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
    form.querySelector("[data-payment-retry]").addEventListener("click", () => this.load());
    form.addEventListener("input", (event) => this.unmark(event.target));
    new MutationObserver(() => this.elements?.update({ appearance: appearance(form) })).observe(
      document.documentElement, { attributeFilter: ["data-bs-theme"] });
    addEventListener("beforeunload", (event) => {
      if (["confirming", "saving"].includes(form.dataset.state)) event.preventDefault();
    });
  }

  start() {
    const returned = new URLSearchParams(location.search);
    const intent = returned.get("setup_intent");
    if (!intent) return this.load();
    for (const name of ["setup_intent", "setup_intent_client_secret", "redirect_status"]) returned.delete(name);
    const query = returned.toString();
    history.replaceState(null, "", location.pathname + (query ? `?${query}` : ""));
    this.fields.setAttribute("aria-busy", "true");
    return this.complete(intent, { returned: true });
  }

  state(name) {
    this.form.dataset.state = name;
    const busy = ["validating", "confirming", "saving", "pending"].includes(name);
    this.form.setAttribute("aria-busy", String(busy));
    this.button.disabled = name !== "ready";
    this.button.classList.toggle("is-busy", busy);
    const text = busy ? this.texts[`text${name[0].toUpperCase()}${name.slice(1)}`] : "";
    this.label.textContent = busy && name !== "pending" ? text : this.ownLabel;
    this.form.querySelector("[data-payment-status]").textContent = text;
  }

  /* Whoever was signed out meanwhile signs in beside this page, which keeps what is typed and goes on after it. */
  tell(box, message, signIn) {
    box.textContent = message || "";
    if (!signIn) return;
    const link = document.createElement("a");
    link.href = signIn;
    link.target = "_blank";
    link.textContent = this.texts.textSignIn;
    box.append(" ", link);
  }

  error(message, signIn) {
    const box = this.form.querySelector("[data-payment-error]");
    box.hidden = !message;
    this.tell(this.form.querySelector("[data-payment-error-text]"), message, signIn);
    if (!message) return;
    box.focus({ preventScroll: true });
    box.scrollIntoView({ block: "center", behavior: "smooth" });
  }

  /* The gateway's fields */
  async load() {
    this.state("loading");
    this.fields.setAttribute("aria-busy", "true");
    this.form.querySelector("[data-payment-unavailable]").hidden = true;
    if (typeof globalThis.Stripe !== "function") return this.unavailable(this.texts.textUnavailable);
    let reply;
    try {
      reply = await post(this.form.dataset.setupUrl, {});
    } catch {
      return this.unavailable(this.texts.textUnavailable);
    }
    if (!reply.ok) return this.unavailable(reply.answer.message || this.texts.textUnavailable, reply.answer.sign_in);
    this.mount(reply.answer);
  }

  mount(setup) {
    this.setup = setup;
    this.element?.destroy();
    this.stripe = globalThis.Stripe(setup.publishable_key, { locale: this.form.dataset.locale || "auto" });
    this.elements = this.stripe.elements({ clientSecret: setup.client_secret, appearance: appearance(this.form), fonts: fonts(this.fields) });
    this.element = this.elements.create("payment", {
      layout: { type: "tabs" },
      fields: { billingDetails: { name: "never", email: "never", phone: "never", address: "never" } },
      wallets: { applePay: "never", googlePay: "never", link: "never" },
      terms: { card: "never" },
      business: { name: this.texts.merchant },
    });
    this.element.on("ready", () => {
      this.fields.setAttribute("aria-busy", "false");
      this.form.querySelector("[data-payment-loading]").textContent = "";
      if (this.form.dataset.state === "loading") this.state("ready");
    });
    this.element.on("loaderror", () => this.unavailable(this.texts.textUnavailable));
    let kind = null;
    this.element.on("change", ({ empty, value }) => {
      /* Fields that have just been laid out tell of themselves too: why the last try failed is to stay till someone types. */
      if (!empty || (kind && kind !== value.type)) this.error("");
      kind = value.type;
    });
    this.element.mount(this.form.querySelector("[data-payment-mount]"));
  }

  unavailable(message, signIn) {
    this.element?.destroy();
    this.element = null;
    this.fields.setAttribute("aria-busy", "false");
    this.tell(this.form.querySelector("[data-payment-unavailable-text]"), message, signIn);
    this.form.querySelector("[data-payment-unavailable]").hidden = false;
  }

  /* Saving: our own fields, then the bank, then our server, which asks the gateway itself */
  async save() {
    if (this.form.dataset.state !== "ready" || !this.form.reportValidity()) return;
    this.error("");
    this.state("validating");
    const checked = await this.elements.submit();
    if (checked.error) return this.again(checked.error.type === "validation_error" ? "" : checked.error.message);
    const details = await this.sendDetails();
    if (!details) return;
    this.state("confirming");
    const { error, setupIntent } = await this.stripe.confirmSetup({
      elements: this.elements,
      clientSecret: this.setup.client_secret,
      confirmParams: {
        return_url: new URL(this.form.dataset.returnUrl || location.pathname, location.href).href,
        payment_method_data: { billing_details: details },
      },
      redirect: "if_required",
    });
    if (!error) return this.complete(setupIntent.id);
    if (error.type === "validation_error") return this.again("");
    const maybeSaved = error.type === "api_connection_error" || error.setup_intent?.status === "succeeded";
    if (maybeSaved) return this.complete(this.setup.setup_intent, { sure: error.type !== "api_connection_error" });
    return this.refused(error);
  }

  async sendDetails() {
    const fields = new FormData(this.form);
    fields.set("setup_id", this.setup.setup_id);
    fields.set("setup_intent", this.setup.setup_intent);
    let reply;
    try {
      reply = await post(this.form.dataset.detailsUrl, fields);
    } catch {
      this.again(this.texts.textUnreachable);
      return null;
    }
    if (reply.ok) return reply.answer.billing_details;
    this.again(reply.answer.message || this.texts.textCheck, { signIn: reply.answer.sign_in });
    this.mark(reply.answer.errors || {});
    return null;
  }

  /* The bank said no: the server knows the reader's words for it, and counts */
  async refused(error) {
    const told = { setup_intent: this.setup.setup_intent, code: error.code, decline_code: error.decline_code };
    let answer = {};
    if (this.form.dataset.failedUrl)
      try {
        ({ answer } = await post(this.form.dataset.failedUrl, told));
      } catch { /* Stripe's own sentence will do */ }
    if (answer.blocked) return this.block(answer.message);
    this.again(answer.message || error.message || this.texts.textDeclined);
  }

  async complete(intent, { returned = false, sure = true } = {}) {
    this.state("saving");
    for (let turn = 0; ; turn += 1) {
      let answer = { state: "pending" };
      try {
        ({ answer } = await post(this.form.dataset.completeUrl, { setup_intent: intent }));
      } catch { /* no answer says nothing about the card: ask again */ }
      if (answer.state === "done") {
        this.state("done");
        location.assign(answer.url);
        return;
      }
      if (answer.state === "blocked") return this.block(answer.message);
      if (answer.state === "verifying") return this.verify(answer);
      if (answer.state === "failed") {
        if (returned) await this.load();
        return this.again(answer.message, { ready: !returned });
      }
      if (sure) this.state("pending");
      if (answer.sign_in) this.error(answer.message, answer.sign_in);
      else if (answer.message) this.form.querySelector("[data-payment-status]").textContent = answer.message;
      await wait(POLL_MS[Math.min(turn, POLL_MS.length - 1)]);
    }
  }

  /* A bank account that small deposits must verify first: the gateway's own page asks for them. The form is done with. */
  verify({ message, url }) {
    this.state("verifying");
    this.element?.destroy();
    this.element = null;
    const panel = this.form.querySelector("[data-payment-verify]");
    panel.querySelector("[data-payment-verify-text]").textContent = message;
    panel.querySelector("[data-payment-verify-link]").href = url;
    panel.hidden = false;
    this.form.replaceChildren(panel);
    panel.focus({ preventScroll: true });
    panel.scrollIntoView({ block: "center", behavior: "smooth" });
  }

  again(message, { ready = true, signIn = "" } = {}) {
    if (ready) this.state("ready");
    this.error(message, signIn);
  }

  block(message) {
    this.state("blocked");
    this.element?.destroy();
    this.unavailable(message);
    this.form.querySelector("[data-payment-retry]").hidden = true;
    this.error("");
    this.form.querySelector("[data-payment-unavailable]").scrollIntoView({ block: "center", behavior: "smooth" });
  }

  /* Our own fields' errors stand beside them */
  mark(errors) {
    let first = null;
    for (const [name, sentence] of Object.entries(errors)) {
      const field = this.form.elements.namedItem(name);
      if (!(field instanceof HTMLElement)) continue;
      this.unmark(field);
      const note = document.createElement("div");
      note.className = "invalid-feedback d-block";
      note.id = `${field.id || name}_error`;
      note.dataset.paymentNote = name;
      note.textContent = sentence;
      field.classList.add("is-invalid");
      field.setAttribute("aria-invalid", "true");
      field.setAttribute("aria-describedby", note.id);
      field.after(note);
      first ??= field;
    }
    first?.focus();
  }

  unmark(field) {
    if (!field.classList?.contains("is-invalid")) return;
    field.classList.remove("is-invalid");
    field.removeAttribute("aria-invalid");
    field.parentElement.querySelector(".invalid-feedback")?.remove();
  }
}

for (const form of document.querySelectorAll("form[data-payment-form]")) new PaymentForm(form).start();
