import type { JsonValue } from "../kernel/json.ts";
import { escapeText, quote } from "./quote.ts";

/** Why and where a decoder stopped. Returned instead of thrown and filled in from the leaf outwards: success costs nothing. */
export class Refusal {
  #message = "";
  readonly #steps: (string | number)[] = [];

  /** Notes the reason; called once, where decoding stopped. */
  because(message: string): this {
    this.#message = message;
    return this;
  }

  /** Notes a kind that does not fit. The value itself is left out: it may be a secret, and messages are recorded. */
  expected(what: string, found: JsonValue): this {
    return this.because(`expected ${what}, found ${describe(found)}`);
  }

  /** Notes a value where a word of ours was expected. Short words are shown, since a misspelling is the likely cause. */
  misspelt(what: string, found: JsonValue): this {
    const short = typeof found === "string" && found.length <= 24;
    return this.because(`expected ${what}, found ${short ? quote(found) : describe(found)}`);
  }

  /** Notes one step of the way from the root, innermost first. */
  at(step: string | number): this {
    this.#steps.push(step);
    return this;
  }

  get message(): string {
    return this.#message;
  }

  /** JSON pointer; names that came with the value are cut and escaped, since they may be hostile. */
  get path(): string {
    return this.#steps.toReversed().map(pointerStep).join("");
  }
}

function pointerStep(step: string | number): string {
  const name = String(step);
  const cut = name.length > 64 ? `${name.slice(0, 64)}…` : name;
  return `/${escapeText(cut.replaceAll("~", "~0").replaceAll("/", "~1"))}`;
}

/** The kind of a value, without the value. */
function describe(value: JsonValue): string {
  if (value === null) return "null";
  if (typeof value === "string") return `text of ${value.length} characters`;
  if (typeof value === "object") return Array.isArray(value) ? "a list" : "an object";
  return String(value);
}
