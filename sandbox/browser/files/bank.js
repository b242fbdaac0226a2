/* Bank accounts: an IBAN, or a US account that its bank confirms at once or that small deposits verify. */
import { Panel, digits } from "./panel.js";

const IBAN_LENGTHS = {
  AD: 24, AT: 20, BE: 16, BG: 22, CH: 21, CY: 28, CZ: 24, DE: 22, DK: 18, EE: 20, ES: 24, FI: 18, FR: 27, GB: 22, GI: 23,
  GR: 27, HR: 21, HU: 28, IE: 22, IS: 26, IT: 27, LI: 21, LT: 20, LU: 20, LV: 21, MC: 27, MT: 31, NL: 18, NO: 15, PL: 28,
  PT: 25, RO: 24, SE: 24, SI: 19, SK: 24, SM: 27, VA: 22,
};
const letters = (text) => text.replace(/[^0-9A-Za-z]/g, "").toUpperCase();

function passesMod97(iban) {
  const moved = iban.slice(4) + iban.slice(0, 4);
  return [...moved].reduce((rest, char) => Number(String(rest) + parseInt(char, 36)) % 97, 0) === 1;
}

export class SepaPanel extends Panel {
  constructor() {
    super("sepa_debit", ["iban"]);
  }

  kept(text) { return letters(text); }

  format(name, text) {
    return letters(text).slice(0, 34).replace(/(.{4})(?=.)/g, "$1 ");
  }

  problem(name, value) {
    const iban = letters(value);
    const length = IBAN_LENGTHS[iban.slice(0, 2)];
    if (iban.length >= 2 && !length) return "ibanInvalid";
    if (iban.length < (length || 15)) return "ibanIncomplete";
    return iban.length === length && passesMod97(iban) ? null : "ibanInvalid";
  }

  data() {
    return { iban: letters(this.fields.iban.value) };
  }
}

export class UsBankPanel extends Panel {
  constructor() {
    super("us_bank_account", ["bank", "routing", "account", "again"]);
    this.node.addEventListener("change", (event) => {
      if (event.target.name === "how") this.showWay();
      this.onChange();
    });
    this.showWay();
  }

  changed(name) {
    if (name === "account" && this.touched.again) this.check("again");
  }

  get instant() {
    return this.node.querySelector("[name=how]:checked").value === "instant";
  }

  used() {
    return this.instant ? ["bank"] : ["routing", "account", "again"];
  }

  showWay() {
    this.node.querySelectorAll("[data-way]").forEach((part) => {
      part.hidden = part.dataset.way !== (this.instant ? "instant" : "manual");
    });
  }

  format(name, text) {
    return digits(text).slice(0, name === "routing" ? 9 : 17);
  }

  problem(name, value) {
    if (name === "bank") return value ? null : "bankIncomplete";
    if (name === "routing") return value.length < 9 ? "routingIncomplete" : this.checksum(value) ? null : "routingInvalid";
    if (name === "account") return value.length < 4 ? "accountIncomplete" : null;
    return !value ? "againIncomplete" : value === this.fields.account.value ? null : "againInvalid";
  }

  checksum(routing) {
    return [...routing].reduce((sum, char, index) => sum + Number(char) * [3, 7, 1][index % 3], 0) % 10 === 0;
  }

  data() {
    const kind = { account_holder_type: "individual" };
    if (this.instant) return { ...kind, financial_connections_account: this.fields.bank.value };
    return { ...kind, routing_number: this.fields.routing.value, account_number: this.fields.account.value };
  }
}
