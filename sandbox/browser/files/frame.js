/* The gateway's fields. Talks only with the window that embeds it, at the origin that it was opened for. */
import { SepaPanel, UsBankPanel } from "./bank.js";
import { CardPanel } from "./card.js";
import { addressOf, flatten, readIntent, send } from "./gateway.js";
import { TEXTS } from "./texts.js";

const HOST = new URLSearchParams(location.search).get("origin") || "";
const NIGHT = {
  colorBackground: "#30313d", colorText: "#f6f8fa", colorTextSecondary: "#b3b6c1", colorTextPlaceholder: "#a3a7b5",
  colorDanger: "#ff8a94", colorBorder: "#474956", colorPrimary: "#7aa7ff",
};
const form = document.querySelector("form");
const tabs = document.querySelector(".tabs");
const panels = { card: new CardPanel(), sepa_debit: new SepaPanel(), us_bank_account: new UsBankPanel() };
let kinds = ["card"];
let panel = panels.card;
let texts = TEXTS.en;
let key = "";
let merchant = "";

const post = (message) => window.parent.postMessage({ sandbox: true, ...message }, HOST);

function tellChange() {
  const value = { type: panel.kind };
  const brand = panel === panels.card ? panel.brand[0] : undefined;
  post({ type: "change", event: { complete: panel.complete, empty: panel.empty, collapsed: false, value, brand } });
}

Object.values(panels).forEach((one) => {
  one.onChange = tellChange;
  one.tell = (type) => post({ type, event: {} });
});
form.addEventListener("submit", (event) => event.preventDefault());

/* One tab for each kind that the intent takes; a single kind needs none. */
function choose(kind, focus) {
  panel = panels[kind];
  Object.values(panels).forEach((one) => { one.node.hidden = one !== panel; });
  tabs.querySelectorAll("[role=tab]").forEach((tab) => {
    const chosen = tab.dataset.kind === kind;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
    if (chosen && focus) tab.focus();
  });
  tellChange();
}

function offer(types) {
  kinds = types.filter((kind) => kind in panels);
  tabs.hidden = kinds.length < 2;
  tabs.querySelectorAll("[role=tab]").forEach((tab) => { tab.hidden = !kinds.includes(tab.dataset.kind); });
  choose(kinds[0] || "card");
}

tabs.addEventListener("click", (event) => {
  const tab = event.target.closest("[role=tab]");
  if (tab) choose(tab.dataset.kind);
});
tabs.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  choose(kinds[(kinds.indexOf(panel.kind) + step + kinds.length) % kinds.length], true);
});

function applyAppearance(appearance) {
  const variables = { ...(appearance.theme === "night" ? NIGHT : {}), ...appearance.variables };
  Object.entries(variables).forEach(([name, value]) => {
    document.documentElement.style.setProperty("--" + name, name === "fontFamily" ? String(value).replace(/[{};]/g, "") : value);
  });
}

function applyFonts(fonts) {
  fonts.filter((font) => font.family && font.src).forEach(({ family, src, weight = "normal", style = "normal" }) => {
    new FontFace(family, src, { weight, style, display: "swap" }).load().then(
      (face) => document.fonts.add(face), () => console.warn("The font " + family + " could not be loaded."));
  });
}

function applyLocale(locale) {
  const wanted = !locale || locale === "auto" ? navigator.language : locale;
  const language = wanted.toLowerCase().startsWith("fr") ? "fr" : "en";
  texts = TEXTS[language];
  document.documentElement.lang = language;
  document.querySelectorAll("[data-text]").forEach((node) => {
    node.textContent = texts[node.dataset.text].replaceAll("{merchant}", merchant);
  });
  tabs.setAttribute("aria-label", texts.kinds);
  Object.values(panels).forEach((one) => one.localise(texts));
}

async function confirm({ kind, clientSecret, returnUrl, paymentMethodData }) {
  const problem = panel.validate();
  if (problem) return { error: problem };
  const body = new URLSearchParams();
  flatten("payment_method_data", { ...paymentMethodData, type: panel.kind, [panel.kind]: panel.data() }, body);
  body.append("return_url", returnUrl);
  body.append("use_stripe_sdk", "true");
  body.append("client_secret", clientSecret);
  body.append("key", key);
  const answer = await send(`${addressOf(clientSecret)}/confirm`, body);
  if (answer.body.error && (answer.status === 0 || answer.status >= 500)) {
    const now = await readIntent(key, clientSecret);
    if (now && ["succeeded", "processing", "requires_action"].includes(now.status)) return { intent: now };
  }
  return answer.body.error ? { error: translate(answer.body.error) } : { intent: answer.body };
}

function translate(error) {
  const table = texts.declines || {};
  const words = error.type === "api_connection_error" ? texts.connection : table[error.decline_code] || table[error.code];
  return words ? { ...error, message: words } : error;
}

const ACTIONS = {
  async init(payload) {
    key = payload.key;
    applyAppearance(payload.appearance || {});
    applyFonts(payload.fonts || []);
    const intent = payload.clientSecret ? await readIntent(key, payload.clientSecret) : null;
    merchant = payload.options?.business?.name || document.referrer && new URL(document.referrer).hostname || "the merchant";
    applyLocale(payload.locale);
    offer(intent?.payment_method_types || ["card"]);
    form.classList.add("ready");
    tellSize();
    post({ type: "ready", event: {} });
  },
  update(payload) {
    if (payload.appearance) applyAppearance(payload.appearance);
    if (payload.locale) applyLocale(payload.locale);
  },
  focus: () => panel.fields[panel.used()[0]].focus(),
  blur: () => document.activeElement?.blur(),
  clear() {
    Object.values(panels).forEach((one) => one.clear());
    tellChange();
  },
  submit() {
    const error = panel.validate();
    return error ? { error } : { selectedPaymentMethod: panel.kind };
  },
  confirm,
};

window.addEventListener("message", async (event) => {
  if (event.origin !== HOST || event.source !== window.parent || !event.data || !event.data.sandbox) return;
  const action = ACTIONS[event.data.type];
  if (!action) return;
  const result = await action(event.data.payload);
  if (event.data.id) post({ type: "response", id: event.data.id, result });
});

let height = 0;
function tellSize() {
  const now = Math.ceil(document.body.getBoundingClientRect().height);
  if (now !== height) post({ type: "resize", height: (height = now) });
}
new ResizeObserver(tellSize).observe(document.body);
post({ type: "hello" });
