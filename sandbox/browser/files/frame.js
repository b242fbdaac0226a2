/* The card fields. Talks only with the window that embeds it, at the origin that it was opened for. */
(function () {
  "use strict";
  const HOST = new URLSearchParams(location.search).get("origin") || "";
  const BRANDS = [
    ["visa", /^4/, [16], 3],
    ["mastercard", /^(5[1-5]|2[2-7])/, [16], 3],
    ["amex", /^3[47]/, [15], 4],
    ["discover", /^(6011|64[4-9]|65)/, [16], 3],
    ["diners", /^3(0[0-5]|[689])/, [14, 16], 3],
    ["jcb", /^35/, [16], 3],
    ["unionpay", /^62/, [16, 17, 18, 19], 3],
  ];
  const UNKNOWN = ["unknown", /./, [16], 3];
  const SHOWN_WHEN_EMPTY = ["visa", "mastercard", "amex", "discover"];
  const TEXTS = {
    en: {
      number: "Card number", expiry: "Expiration date", cvc: "Security code",
      numberHint: "1234 1234 1234 1234", expiryHint: "MM / YY", cvcHint: "CVC",
      numberIncomplete: "Your card number is incomplete.", numberInvalid: "Your card number is invalid.",
      expiryIncomplete: "Your card’s expiration date is incomplete.", expiryPast: "Your card’s expiration date is in the past.",
      expiryInvalid: "Your card’s expiration date is invalid.", cvcIncomplete: "Your card’s security code is incomplete.",
      connection: "We could not reach the payment service. Your card has not been saved. Please check your connection and try again.",
    },
    fr: {
      number: "Numéro de carte", expiry: "Date d’expiration", cvc: "Code de sécurité",
      numberHint: "1234 1234 1234 1234", expiryHint: "MM / AA", cvcHint: "CVC",
      numberIncomplete: "Le numéro de votre carte est incomplet.", numberInvalid: "Le numéro de votre carte n’est pas valide.",
      expiryIncomplete: "La date d’expiration de votre carte est incomplète.",
      expiryPast: "La date d’expiration de votre carte est passée.",
      expiryInvalid: "La date d’expiration de votre carte n’est pas valide.",
      cvcIncomplete: "Le code de sécurité de votre carte est incomplet.",
      connection: "Nous n’avons pas pu joindre le service de paiement. Votre carte n’a pas été enregistrée. Vérifiez votre connexion et réessayez.",
      declines: {
        card_declined: "Votre carte a été refusée.", insufficient_funds: "Votre carte ne dispose pas de fonds suffisants.",
        expired_card: "Votre carte a expiré.", incorrect_cvc: "Le code de sécurité de votre carte est incorrect.",
        invalid_cvc: "Le code de sécurité de votre carte n’est pas valide.",
        incorrect_number: "Le numéro de votre carte est incorrect.",
        processing_error: "Une erreur est survenue lors du traitement de votre carte. Réessayez dans un instant.",
        card_velocity_exceeded: "Votre carte a été refusée : trop de tentatives rapprochées ou plafond dépassé.",
        invalid_expiry_year: "L’année d’expiration de votre carte n’est pas valide.",
        invalid_expiry_month: "Le mois d’expiration de votre carte n’est pas valide.",
      },
    },
  };
  const NIGHT = {
    colorBackground: "#30313d", colorText: "#f6f8fa", colorTextSecondary: "#b3b6c1", colorTextPlaceholder: "#a3a7b5",
    colorDanger: "#ff8a94", colorBorder: "#474956", colorPrimary: "#7aa7ff",
  };
  const NAMES = ["number", "expiry", "cvc"];
  const fields = Object.fromEntries(NAMES.map((name) => [name, document.getElementById(name)]));
  const form = document.querySelector("form");
  const touched = {};
  let texts = TEXTS.en;
  let language = "en";
  let key = "";
  let complete = null;

  const digits = (text) => text.replace(/\D/g, "");
  const post = (message) => window.parent.postMessage({ sandbox: true, ...message }, HOST);
  const brandOf = (number) => BRANDS.find(([, pattern]) => pattern.test(number)) || UNKNOWN;

  function passesLuhn(number) {
    let sum = 0;
    [...number].reverse().forEach((char, index) => {
      const value = Number(char) * (index % 2 ? 2 : 1);
      sum += value > 9 ? value - 9 : value;
    });
    return sum % 10 === 0;
  }

  const PROBLEMS = {
    number(value) {
      const number = digits(value);
      const [, , lengths] = brandOf(number);
      if (number.length < lengths[0]) return "numberIncomplete";
      return passesLuhn(number) && lengths.includes(number.length) ? null : "numberInvalid";
    },
    expiry(value) {
      const text = digits(value);
      if (text.length < 4) return "expiryIncomplete";
      const [month, year] = [Number(text.slice(0, 2)), 2000 + Number(text.slice(2))];
      const now = new Date();
      if (month < 1 || month > 12 || year > now.getFullYear() + 50) return "expiryInvalid";
      return year < now.getFullYear() || (year === now.getFullYear() && month <= now.getMonth()) ? "expiryPast" : null;
    },
    cvc(value) {
      return digits(value).length === brandOf(digits(fields.number.value))[3] ? null : "cvcIncomplete";
    },
  };

  const FORMATS = {
    number(text) {
      const number = digits(text);
      const [name, , lengths] = brandOf(number);
      const kept = number.slice(0, lengths[lengths.length - 1]);
      const groups = name === "amex" || (name === "diners" && kept.length < 15) ? [4, 6, 5] : [4, 4, 4, 4, 3];
      const parts = [];
      groups.reduce((start, size) => {
        if (start < kept.length) parts.push(kept.slice(start, start + size));
        return start + size;
      }, 0);
      return parts.join(" ");
    },
    expiry(text, deleting) {
      let value = digits(text);
      if (/^[2-9]/.test(value)) value = "0" + value;
      if (value.length > 4) value = value.slice(0, 2) + value.slice(-2);
      if (value.length < 2 || (value.length === 2 && deleting)) return value;
      return value.slice(0, 2) + " / " + value.slice(2);
    },
    cvc(text) {
      return digits(text).slice(0, brandOf(digits(fields.number.value))[3]);
    },
  };

  function format(name, deleting) {
    const input = fields[name];
    const caret = input.selectionStart === null ? input.value.length : input.selectionStart;
    const atEnd = caret === input.value.length;
    const before = digits(input.value.slice(0, caret)).length;
    const value = FORMATS[name](input.value, deleting);
    if (value === input.value) return;
    input.value = value;
    let position = value.length;
    if (!atEnd) {
      position = 0;
      for (let seen = 0; position < value.length && seen < before; position += 1) {
        if (/\d/.test(value[position])) seen += 1;
      }
    }
    if (document.activeElement === input) input.setSelectionRange(position, position);
  }

  function svg(symbol) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", "#" + symbol);
    node.append(use);
    return node;
  }

  function icon(symbol) {
    const node = svg(symbol);
    node.setAttribute("class", "icon");
    return node;
  }

  function showBrand() {
    const number = digits(fields.number.value);
    const name = brandOf(number)[0];
    const names = number ? [name] : SHOWN_WHEN_EMPTY;
    fields.number.classList.toggle("known", Boolean(number));
    fields.number.nextElementSibling.replaceChildren(...names.map((one) => icon("brand-" + one)));
    fields.cvc.nextElementSibling.replaceChildren(icon(name === "amex" ? "code-front" : "code-back"));
    return name;
  }

  function showProblem(name, problem) {
    const place = document.getElementById(name + "-error");
    fields[name].setAttribute("aria-invalid", String(Boolean(problem)));
    place.hidden = !problem;
    place.replaceChildren(...(problem ? [svg("alert"), document.createTextNode(texts[problem])] : []));
  }

  function check(name) {
    const value = fields[name].value;
    showProblem(name, value || touched[name] === "submitted" ? PROBLEMS[name](value) : null);
  }

  function tellChange() {
    const now = NAMES.every((name) => !PROBLEMS[name](fields[name].value));
    const empty = NAMES.every((name) => !fields[name].value);
    complete = now;
    post({ type: "change", event: { complete: now, empty, collapsed: false, value: { type: "card" }, brand: brandOf(digits(fields.number.value))[0] } });
  }

  NAMES.forEach((name, index) => {
    const input = fields[name];
    input.addEventListener("input", (event) => {
      format(name, Boolean(event.inputType && event.inputType.startsWith("delete")));
      if (name === "number") {
        showBrand();
        format("cvc", false);
      }
      if (touched[name]) check(name);
      const problem = PROBLEMS[name](input.value);
      const invalid = problem && !problem.endsWith("Incomplete");
      if (invalid) check(name);
      const atEnd = input.selectionStart === input.value.length;
      if (!problem && atEnd && event.inputType === "insertText" && index < 2) fields[NAMES[index + 1]].focus();
      tellChange();
    });
    input.addEventListener("focus", () => post({ type: "focus", event: {} }));
    input.addEventListener("blur", () => {
      touched[name] = touched[name] || "left";
      check(name);
      post({ type: "blur", event: {} });
    });
    input.addEventListener("keydown", (event) => {
      if (event.key === "Backspace" && !input.value && index > 0) fields[NAMES[index - 1]].focus();
      if (event.key === "Escape") post({ type: "escape", event: {} });
    });
  });
  form.addEventListener("submit", (event) => event.preventDefault());

  function applyAppearance(appearance) {
    const theme = appearance.theme === "night" ? NIGHT : {};
    const variables = { ...theme, ...appearance.variables };
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
    language = wanted.toLowerCase().startsWith("fr") ? "fr" : "en";
    texts = TEXTS[language];
    document.documentElement.lang = language;
    document.querySelectorAll("[data-text]").forEach((node) => {
      node.textContent = texts[node.dataset.text];
    });
    NAMES.forEach((name) => {
      fields[name].placeholder = texts[name + "Hint"];
      if (touched[name]) check(name);
    });
  }

  function validateAll() {
    const problems = NAMES.map((name) => {
      touched[name] = "submitted";
      check(name);
      return [name, PROBLEMS[name](fields[name].value)];
    }).filter(([, problem]) => problem);
    if (!problems.length) return null;
    fields[problems[0][0]].focus();
    const snake = problems[0][1].replace(/[A-Z]/g, (letter) => "_" + letter.toLowerCase()).replace("past", "invalid");
    return { type: "validation_error", code: snake.replace(/^(\w+?)_(\w+)$/, "$2_$1"), message: texts[problems[0][1]] };
  }

  function flatten(prefix, value, out) {
    if (value === null || value === undefined || value === "") return;
    if (typeof value === "object") {
      Object.entries(value).forEach(([name, inner]) => flatten(`${prefix}[${name}]`, inner, out));
    } else {
      out.append(prefix, value);
    }
  }

  const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

  /* Sends with one idempotency key and tries again where that is safe, as the gateway's own script does. */
  async function send(path, body) {
    const headers = { "Content-Type": "application/x-www-form-urlencoded", "Idempotency-Key": crypto.randomUUID ? crypto.randomUUID() : String(Math.random()).slice(2) };
    for (let attempt = 0; ; attempt += 1) {
      let answer = null;
      try {
        const response = await fetch(path, { method: "POST", headers, body });
        answer = { status: response.status, body: await response.json() };
      } catch (error) {
        answer = { status: 0, body: { error: { type: "api_connection_error", message: texts.connection } } };
      }
      const again = answer.status === 0 || answer.status === 409 || answer.status === 429 || answer.status >= 500;
      if (!again || attempt === 3) return answer;
      await pause(400 * 2 ** attempt);
    }
  }

  async function confirm({ kind, clientSecret, returnUrl, paymentMethodData }) {
    const problem = validateAll();
    if (problem) return { error: problem };
    const id = clientSecret.split("_secret_")[0];
    const body = new URLSearchParams();
    const expiry = digits(fields.expiry.value);
    const card = { number: digits(fields.number.value), exp_month: expiry.slice(0, 2), exp_year: "20" + expiry.slice(2), cvc: digits(fields.cvc.value) };
    flatten("payment_method_data", { ...paymentMethodData, type: "card", card }, body);
    body.append("return_url", returnUrl);
    body.append("use_stripe_sdk", "true");
    body.append("client_secret", clientSecret);
    body.append("key", key);
    const address = `/v1/${kind}_intents/${id}`;
    const answer = await send(`${address}/confirm`, body);
    if (answer.body.error && (answer.status === 0 || answer.status >= 500)) {
      const now = await readIntent(address, clientSecret);
      if (now && ["succeeded", "requires_action"].includes(now.status)) return { intent: now };
    }
    return answer.body.error ? { error: translate(answer.body.error) } : { intent: answer.body };
  }

  async function readIntent(address, clientSecret) {
    try {
      const response = await fetch(`${address}?${new URLSearchParams({ key, client_secret: clientSecret })}`);
      return response.ok ? await response.json() : null;
    } catch (error) {
      return null;
    }
  }

  function translate(error) {
    const table = texts.declines || {};
    const message = table[error.decline_code] || table[error.code];
    return message ? { ...error, message } : error;
  }

  const ACTIONS = {
    init(payload) {
      key = payload.key;
      applyAppearance(payload.appearance || {});
      applyFonts(payload.fonts || []);
      applyLocale(payload.locale);
      showBrand();
      form.classList.add("ready");
      tellSize();
      post({ type: "ready", event: {} });
    },
    update(payload) {
      if (payload.appearance) applyAppearance(payload.appearance);
      if (payload.locale) applyLocale(payload.locale);
    },
    focus: () => fields.number.focus(),
    blur: () => document.activeElement && document.activeElement.blur(),
    clear() {
      NAMES.forEach((name) => {
        fields[name].value = "";
        delete touched[name];
        showProblem(name, null);
      });
      showBrand();
      tellChange();
    },
    submit() {
      const error = validateAll();
      return error ? { error } : { selectedPaymentMethod: "card" };
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
})();
