// The language of run filters. page/filters.py is the same in Python, with an explanation.
// `get(column)` returns a run's values; parse() also returns the parts that must all be true, for the chips.

const TOKEN =
  /\s*(?:(?<regex>\/(?:\\.|[^/\\\s])+\/)(?=[\s()&|,]|$)|(?<quoted>"[^"]*"|'[^']*'|`[^`]*`)|(?<operator>==|!=|<=|>=|[=<>~!&|(),[\]])|(?<word>[^\s()&|!<>=~,[\]"'`]+))/y;
const COMPARISONS = ["=", "==", "!=", "<", "<=", ">", ">=", "~"];
const MISSING = ["none", "null", "nan"];
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?%?$/i;
const END = { kind: "end", text: "", lower: "" };

/** {test(get), parts: [{text, test}]} of a filter; throws an Error with one line. `columns`: [{name, label}]. */
export function parse(text, columns) {
  return new Parser(text, tokens(text), columns).parse();
}

function tokens(text) {
  const found = [];
  const end = text.trimEnd().length;
  for (let at = 0; at < end; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (!match) throw new Error(`this cannot be read: ${text.slice(at).trim()}`);
    const [kind, piece] = Object.entries(match.groups).find(([, value]) => value !== undefined);
    found.push({
      kind,
      text: kind === "operator" || kind === "word" ? piece : piece.slice(1, -1),
      lower: kind === "word" ? piece.toLowerCase() : "",
      start: TOKEN.lastIndex - piece.length,
      end: TOKEN.lastIndex,
    });
  }
  return found;
}

class Parser {
  constructor(text, found, columns) {
    Object.assign(this, { text, tokens: found, columns, at: 0 });
  }

  parse() {
    if (!this.tokens.length) return { test: () => true, parts: [] };
    const parts = this.conjunction();
    if (this.take("or", "|")) {
      this.at = 0;
      const test = this.either();
      this.atEnd();
      return { test, parts: [{ text: this.text.trim(), test }] };
    }
    this.atEnd();
    return { test: every(parts.map((part) => part.test)), parts };
  }

  atEnd() {
    if (this.at < this.tokens.length) throw new Error(`${this.tokens[this.at].text} is not expected here`);
  }

  peek(ahead = 0) {
    return this.tokens[this.at + ahead] ?? END;
  }

  take(...texts) {
    const token = this.peek();
    const found = (token.kind === "operator" || token.kind === "word") && texts.includes(token.text.toLowerCase());
    if (found) this.at += 1;
    return found;
  }

  either() {
    const tests = [this.all()];
    while (this.take("or", "|")) tests.push(this.all());
    return tests.length === 1 ? tests[0] : (get) => tests.some((test) => test(get));
  }

  all() {
    return every(this.conjunction().map((part) => part.test));
  }

  /** Conditions side by side, or joined by "and". */
  conjunction() {
    const parts = [this.part()];
    for (;;) {
      const token = this.peek();
      const over = token.kind === "end" || token.lower === "or";
      if (over || (token.kind === "operator" && (token.text === "|" || token.text === ")"))) return parts;
      this.take("and", "&");
      parts.push(this.part());
    }
  }

  part() {
    const { start } = this.peek();
    const test = this.negated();
    return { text: this.text.slice(start, this.tokens[this.at - 1].end), test };
  }

  negated() {
    if (this.take("not", "!")) {
      const test = this.negated();
      return (get) => !test(get);
    }
    if (this.take("(")) {
      const test = this.either();
      if (!this.take(")")) throw new Error("a ) is missing");
      return test;
    }
    return this.condition();
  }

  condition() {
    const [token, after] = [this.peek(), this.peek(1)];
    if (["end", "operator"].includes(token.kind) || ["and", "or"].includes(token.lower))
      throw new Error(`a condition is missing before ${token.text || "the end"}`);
    this.at += 1;
    const isName = token.kind === "word" || token.kind === "quoted";
    if (isName && after.kind === "operator" && COMPARISONS.includes(after.text)) {
      this.at += 1;
      return this.comparison(token.text, after.text);
    }
    if (isName && after.lower === "in" && ["(", "["].includes(this.peek(1).text)) {
      this.at += 1;
      const [column, values] = [this.column(token.text), this.values()];
      const tests = values.map((value) => compare(column, "=", value));
      return (get) => tests.some((test) => test(get));
    }
    if (token.kind === "regex") return anywhere(pattern(token.text));
    if (token.lower.startsWith("tag:")) {
      const wanted = token.text.slice(4) || this.nextValue().text;
      return (get) => tags(get).includes(wanted);
    }
    const word = token.text.toLowerCase();
    return (get) => get.texts().some((text) => text.includes(word));
  }

  comparison(name, operator) {
    const column = this.column(name);
    const value = this.nextValue();
    if (operator !== "~" && value.kind !== "regex") return compare(column, operator, value);
    const found = pattern(value.kind === "regex" ? value.text : escaped(value.text));
    const test = (get) => found.test(asText(get(column)));
    return operator === "!=" ? (get) => !test(get) : test;
  }

  nextValue() {
    const token = this.peek();
    if (token.kind === "end" || token.kind === "operator")
      throw new Error(`a value is missing before ${token.text || "the end"}`);
    this.at += 1;
    return token;
  }

  values() {
    this.at += 1;
    const found = [];
    while (!this.take(")", "]")) {
      found.push(this.nextValue());
      if (!this.take(",") && ![")", "]"].includes(this.peek().text))
        throw new Error("values in brackets are separated by commas");
    }
    return found;
  }

  /** A column by its name or its label. */
  column(name) {
    const low = name.toLowerCase();
    const found =
      this.columns.find((column) => column.name === name) ??
      this.columns.find((column) => column.name.toLowerCase() === low || column.label.toLowerCase() === low);
    if (!found) throw new Error(`there is no column ${name}`);
    return found.name;
  }
}

function every(tests) {
  return tests.length === 1 ? tests[0] : (get) => tests.every((test) => test(get));
}

/** Compares numbers if both are numbers, else texts. For a missing value only != is true. */
function compare(column, operator, value) {
  const negative = operator === "!=";
  if (value.kind === "word" && MISSING.includes(value.lower)) return (get) => isMissing(get(column)) !== negative;
  const number = asNumber(value);
  const truth = { true: true, false: false }[value.lower];
  const low = value.text.toLowerCase();
  return (get) => {
    const found = get(column);
    if (isMissing(found)) return negative;
    if (typeof found === "boolean") return truth === undefined ? negative : holds(operator, found, truth);
    if (typeof found === "number") return number === null ? negative : holds(operator, found, number);
    return holds(operator, String(found).toLowerCase(), low);
  };
}

function holds(operator, left, right) {
  if (operator === "<") return left < right;
  if (operator === "<=") return left <= right;
  if (operator === ">") return left > right;
  if (operator === ">=") return left >= right;
  return operator === "!=" ? left !== right : left === right;
}

function asNumber({ kind, text }) {
  if (kind !== "word" || !NUMBER.test(text)) return null;
  return text.endsWith("%") ? Number(text.slice(0, -1)) / 100 : Number(text);
}

function isMissing(value) {
  return value === null || value === undefined || Number.isNaN(value);
}

function tags(get) {
  return String(get("tags") ?? "")
    .split(",")
    .map((tag) => tag.trim());
}

function anywhere(found) {
  return (get) => get.texts().some((text) => found.test(text));
}

function pattern(text) {
  try {
    return new RegExp(text, "i");
  } catch (error) {
    throw new Error(`/${text}/ is no regular expression`, { cause: error });
  }
}

function escaped(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

function asText(value) {
  return isMissing(value) ? "" : String(value);
}

/** A value as it must be written in a filter. */
export function literal(value) {
  if (value === null) return "none";
  const text = String(value);
  if (typeof value !== "string") return text;
  const plain = /^[^\s()&|!<>=~,[\]"'`/]+$/.test(text) && !NUMBER.test(text) && !/^(and|or|not|in|none|null|nan|true|false)$/i.test(text);
  if (plain) return text;
  return text.includes('"') ? `'${text}'` : `"${text}"`;
}

/** A column's name as it must be written in a filter. */
export function columnName(name) {
  return /^[^\s()&|!<>=~,[\]"'`]+$/.test(name) && !/^(and|or|not|\/.*\/)$/i.test(name) ? name : `\`${name}\``;
}
