/* The fields of one kind of payment method: formatted while typing, checked when left, told of as a whole. */
export const digits = (text) => text.replace(/\D/g, "");

export function svg(symbol) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", "#" + symbol);
  node.append(use);
  return node;
}

export class Panel {
  constructor(kind, names) {
    this.kind = kind;
    this.node = document.getElementById(`panel-${kind}`);
    this.names = names;
    this.fields = Object.fromEntries(names.map((name) => [name, document.getElementById(name)]));
    this.touched = {};
    this.texts = {};
    this.onChange = () => {};
    this.tell = () => {};
    names.forEach((name) => this.listen(name));
  }

  /* What a kind adds: the name of a text that says what is wrong, or null; the value as it is shown. */
  problem() { return null; }
  format(name, text) { return text; }
  changed() {}
  kept(text) { return digits(text); }
  used() { return this.names; }

  listen(name) {
    const input = this.fields[name];
    input.addEventListener("input", (event) => {
      this.reformat(name, Boolean(event.inputType?.startsWith("delete")));
      this.changed(name);
      const problem = this.problem(name, input.value);
      if (this.touched[name] || (problem && !problem.endsWith("Incomplete"))) this.check(name);
      const next = this.names[this.names.indexOf(name) + 1];
      const atEnd = input.selectionStart === input.value.length;
      if (this.advances && !problem && atEnd && event.inputType === "insertText" && next) this.fields[next].focus();
      this.onChange();
    });
    input.addEventListener("focus", () => this.tell("focus"));
    input.addEventListener("blur", () => {
      this.touched[name] ||= "left";
      this.check(name);
      this.tell("blur");
    });
    input.addEventListener("keydown", (event) => {
      const before = this.names[this.names.indexOf(name) - 1];
      if (this.advances && event.key === "Backspace" && !input.value && before) this.fields[before].focus();
      if (event.key === "Escape") this.tell("escape");
    });
  }

  /* Keeps the caret where the typist has it. */
  reformat(name, deleting) {
    const input = this.fields[name];
    if (input.tagName === "SELECT") return;
    const caret = input.selectionStart ?? input.value.length;
    const atEnd = caret === input.value.length;
    const before = this.kept(input.value.slice(0, caret)).length;
    const value = this.format(name, input.value, deleting);
    if (value === input.value) return;
    input.value = value;
    let position = value.length;
    if (!atEnd) {
      position = 0;
      for (let seen = 0; position < value.length && seen < before; position += 1) {
        if (this.kept(value[position])) seen += 1;
      }
    }
    if (document.activeElement === input) input.setSelectionRange(position, position);
  }

  show(name, problem) {
    const place = document.getElementById(name + "-error");
    this.fields[name].setAttribute("aria-invalid", String(Boolean(problem)));
    place.hidden = !problem;
    place.replaceChildren(...(problem ? [svg("alert"), document.createTextNode(this.texts[problem])] : []));
  }

  check(name) {
    const value = this.fields[name].value;
    this.show(name, value || this.touched[name] === "submitted" ? this.problem(name, value) : null);
  }

  get complete() {
    return this.used().every((name) => !this.problem(name, this.fields[name].value));
  }

  get empty() {
    return this.names.every((name) => !this.fields[name].value);
  }

  localise(texts) {
    this.texts = texts;
    this.names.forEach((name) => {
      if (texts[name + "Hint"]) this.fields[name].placeholder = texts[name + "Hint"];
      if (this.touched[name]) this.check(name);
    });
  }

  /* The first problem as the gateway's script tells it, with its field focused; null when there is none. */
  validate() {
    const problems = this.used().map((name) => {
      this.touched[name] = "submitted";
      this.check(name);
      return [name, this.problem(name, this.fields[name].value)];
    }).filter(([, problem]) => problem);
    if (!problems.length) return null;
    const [name, problem] = problems[0];
    this.fields[name].focus();
    const snake = problem.replace(/[A-Z]/g, (letter) => "_" + letter.toLowerCase()).replace("past", "invalid");
    return { type: "validation_error", code: snake.replace(/^(\w+?)_(\w+)$/, "$2_$1"), message: this.texts[problem] };
  }

  clear() {
    this.names.forEach((name) => {
      this.fields[name].value = "";
      delete this.touched[name];
      this.show(name, null);
    });
    this.changed("");
  }
}
