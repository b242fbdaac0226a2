/* A card's number, expiry and security code. */
import { Panel, digits, svg } from "./panel.js";

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
const brandOf = (number) => BRANDS.find(([, pattern]) => pattern.test(number)) || UNKNOWN;

function passesLuhn(number) {
  let sum = 0;
  [...number].reverse().forEach((char, index) => {
    const value = Number(char) * (index % 2 ? 2 : 1);
    sum += value > 9 ? value - 9 : value;
  });
  return sum % 10 === 0;
}

function icon(symbol) {
  const node = svg(symbol);
  node.setAttribute("class", "icon");
  return node;
}

export class CardPanel extends Panel {
  constructor() {
    super("card", ["number", "expiry", "cvc"]);
    this.advances = true;
    this.changed("");
  }

  get brand() {
    return brandOf(digits(this.fields.number.value));
  }

  problem(name, value) {
    const text = digits(value);
    if (name === "cvc") return text.length === this.brand[3] ? null : "cvcIncomplete";
    if (name === "number") {
      const [, , lengths] = brandOf(text);
      if (text.length < lengths[0]) return "numberIncomplete";
      return passesLuhn(text) && lengths.includes(text.length) ? null : "numberInvalid";
    }
    if (text.length < 4) return "expiryIncomplete";
    const [month, year] = [Number(text.slice(0, 2)), 2000 + Number(text.slice(2))];
    const now = new Date();
    if (month < 1 || month > 12 || year > now.getFullYear() + 50) return "expiryInvalid";
    return year < now.getFullYear() || (year === now.getFullYear() && month <= now.getMonth()) ? "expiryPast" : null;
  }

  format(name, text, deleting) {
    if (name === "cvc") return digits(text).slice(0, this.brand[3]);
    return name === "number" ? this.grouped(digits(text)) : this.expiry(digits(text), deleting);
  }

  grouped(number) {
    const [name, , lengths] = brandOf(number);
    const kept = number.slice(0, lengths[lengths.length - 1]);
    const groups = name === "amex" || (name === "diners" && kept.length < 15) ? [4, 6, 5] : [4, 4, 4, 4, 3];
    const parts = [];
    groups.reduce((start, size) => {
      if (start < kept.length) parts.push(kept.slice(start, start + size));
      return start + size;
    }, 0);
    return parts.join(" ");
  }

  expiry(text, deleting) {
    let value = /^[2-9]/.test(text) ? "0" + text : text;
    if (value.length > 4) value = value.slice(0, 2) + value.slice(-2);
    if (value.length < 2 || (value.length === 2 && deleting)) return value;
    return value.slice(0, 2) + " / " + value.slice(2);
  }

  changed(name) {
    const number = digits(this.fields.number.value);
    const brand = brandOf(number)[0];
    const shown = number ? [brand] : SHOWN_WHEN_EMPTY;
    this.fields.number.classList.toggle("known", Boolean(number));
    this.fields.number.nextElementSibling.replaceChildren(...shown.map((one) => icon("brand-" + one)));
    this.fields.cvc.nextElementSibling.replaceChildren(icon(brand === "amex" ? "code-front" : "code-back"));
    if (name === "number") this.reformat("cvc", false);
  }

  data() {
    const expiry = digits(this.fields.expiry.value);
    return {
      number: digits(this.fields.number.value), exp_month: expiry.slice(0, 2), exp_year: "20" + expiry.slice(2),
      cvc: digits(this.fields.cvc.value),
    };
  }
}
