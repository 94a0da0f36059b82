import type { Binding, Program } from "./scopes.ts";
import { bare, isFunction, literalOf, nameOf, nodeAt, nodesAt, quasiText, type Node } from "./syntax.ts";

/** Stands for what is not known in a text. */
export const UNKNOWN = "\0";
const DEPTH = 24;
const LONGEST = 64 * 1024;
/** Steps that reading names and texts may take in one program. */
const MOST_STEPS = 6_000_000;

/** A program is made so that reading it takes too long. */
export class TooEntangled extends Error {}

/** What decoding needs; see `decode.ts`. */
export interface Decoders {
  base64(text: string): string | null;
  hex(text: string): string | null;
}

/** Reads what expressions of a program stand for, as far as the text says. Throws `TooEntangled`. */
export interface Reader {
  readonly program: Program;
  /** The dotted name of a function or module: `child_process.exec`, `fetch`, `fs.promises.readFile`; null when it has none. */
  called(node: Node | null): string | null;
  /** The text that an expression makes; parts that are not known are `UNKNOWN`. */
  text(node: Node | null): string;
}

const WRAPS = /^(?:__toESM|__importDefault|__importStar|_interopRequire(?:Default|Wildcard))$/u;
const GLOBALS = /^(?:globalThis|window|global|self|this)$/u;

export function createReader(program: Program, decoders: Decoders): Reader {
  let steps = 0;
  const step = (cost = 1): void => {
    if ((steps += cost) > MOST_STEPS) throw new TooEntangled("its names lead to too many others");
  };

  /** A long text costs as many steps as short ones of its length. */
  const cut = (long: string): string => {
    step(Math.min(long.length, LONGEST) >> 5);
    return long.slice(0, LONGEST);
  };
  const calledBindings = new Map<Binding, string | null>();
  const textBindings = new Map<Binding, string>();

  function called(given: Node | null, depth: number): string | null {
    step();
    if (given === null || depth <= 0) return null;
    const node = bare(given);
    switch (node.type) {
      case "Identifier":
        return calledBinding(node, depth);
      case "ThisExpression":
        return "this";
      case "MetaProperty":
        return "import.meta";
      case "MemberExpression": {
        const object = called(nodeAt(node, "object"), depth - 1);
        const property = propertyOf(node, depth);
        if (property === null || property === "") return null;
        if (property === "default") return object;
        // `this.exec` is a method of whatever it stands in; `this["ev" + "al"]` looks for a global.
        if (object === "this" && node["computed"] !== true) return `?.${property}`;
        if (object !== null && GLOBALS.test(object)) return property;
        return `${object ?? "?"}.${property}`;
      }
      case "ImportExpression":
        return moduleName(text(nodeAt(node, "source"), depth - 1));
      case "CallExpression":
        return calledCall(node, depth);
      case "NewExpression":
        return suffix(called(nodeAt(node, "callee"), depth - 1), "()");
      case "LogicalExpression":
      case "ConditionalExpression":
        return (
          called(nodeAt(node, "left") ?? nodeAt(node, "consequent"), depth - 1) ??
          called(nodeAt(node, "right") ?? nodeAt(node, "alternate"), depth - 1)
        );
      case "ArrayExpression":
        return "[]";
      default:
        return null;
    }
  }

  function calledBinding(node: Node, depth: number): string | null {
    const binding = program.bindingOf(node);
    if (binding === undefined) return nameOf(node);
    const before = calledBindings.get(binding);
    if (before !== undefined) return before;
    // Until it is known, it is nothing: names that lead to each other end here.
    calledBindings.set(binding, null);
    const found = calledValues(binding, depth);
    calledBindings.set(binding, found);
    return found;
  }

  function calledValues(binding: Binding, depth: number): string | null {
    for (const { node: value, how, member } of binding.values.slice(0, 4)) {
      if (value.type === "ImportDeclaration") {
        const from = moduleName(String(literalOf(nodeAt(value, "source")) ?? ""));
        return member === null || member === "default" ? from : `${from}.${member}`;
      }
      if (isFunction(value)) continue;
      const name = how === "each" ? null : called(value, depth - 1);
      if (name === null) continue;
      if (how === "whole") return name;
      if (member !== null) return GLOBALS.test(name) ? member : `${name}.${member}`;
    }
    return null;
  }

  function calledCall(node: Node, depth: number): string | null {
    const callee = nodeAt(node, "callee");
    const given = nodesAt(node, "arguments");
    if (callee?.type === "Import") return moduleName(text(given[0] ?? null, depth - 1));
    // What compilers put around modules, whatever it is bound to.
    if (WRAPS.test(nameOf(callee) ?? nameOf(callee === null ? null : nodeAt(callee, "property")) ?? ""))
      return called(given[0] ?? null, depth - 1);
    const name = called(callee, depth - 1);
    switch (name ?? "") {
      case "require":
      case "__require":
      case "module.require":
      case "process.mainModule.require":
      case "__non_webpack_require__":
      case "process.getBuiltinModule":
        return moduleName(text(given[0] ?? null, depth - 1));
      case "util.promisify":
        return called(given[0] ?? null, depth - 1);
      case "module.createRequire":
        return "require";
      default:
        return name?.endsWith(".bind") === true ? name.slice(0, -5) : suffix(name, "()");
    }
  }

  function propertyOf(node: Node, depth: number): string | null {
    const property = nodeAt(node, "property");
    if (node["computed"] !== true) return nameOf(property) ?? null;
    const found = text(property, depth - 1);
    return found.includes(UNKNOWN) ? null : found;
  }

  function text(given: Node | null, depth: number): string {
    step();
    if (given === null || depth <= 0) return UNKNOWN;
    const node = bare(given);
    const literal = literalOf(node);
    if (literal !== null) return String(literal).slice(0, LONGEST);
    switch (node.type) {
      case "TemplateLiteral": {
        const holes = nodesAt(node, "expressions");
        return cut(
          nodesAt(node, "quasis")
            .map((quasi, at) => quasiText(quasi) + (at < holes.length ? text(holes[at] ?? null, depth - 1) : ""))
            .join(""),
        );
      }
      case "BinaryExpression":
        return node["operator"] === "+" ? sumText(node, depth) : UNKNOWN;
      case "ArrayExpression":
        return cut(
          nodesAt(node, "elements")
            .slice(0, 4096)
            .map((each) => text(each, depth - 1))
            .join("\n"),
        );
      case "ObjectExpression":
        return cut(
          nodesAt(node, "properties")
            .slice(0, 64)
            .map((each) => text(nodeAt(each, "value"), depth - 1))
            .join("\n"),
        );
      case "Identifier":
        return bindingText(program.bindingOf(node), depth);
      case "MemberExpression":
        return /^process\.env\.(?:HOME|USERPROFILE)$/u.test(called(node, depth - 1) ?? "") ? "~" : UNKNOWN;
      case "LogicalExpression":
        return text(nodeAt(node, "left"), depth - 1).replace(/^\0$/u, "") || text(nodeAt(node, "right"), depth - 1);
      case "CallExpression":
        return callText(node, depth);
      case "NewExpression":
        return called(nodeAt(node, "callee"), depth - 1) === "URL"
          ? text(nodesAt(node, "arguments")[0] ?? null, depth - 1)
          : UNKNOWN;
      default:
        return UNKNOWN;
    }
  }

  /** A long sum is deep on its left side. */
  function sumText(node: Node, depth: number): string {
    const parts: string[] = [];
    let left: Node | null = node;
    while (left !== null && left.type === "BinaryExpression" && left["operator"] === "+" && parts.length < 10_000) {
      parts.push(text(nodeAt(left, "right"), depth - 1));
      left = nodeAt(left, "left");
    }
    parts.push(text(left, depth - 1));
    return cut(parts.toReversed().join(""));
  }

  function bindingText(binding: Binding | undefined, depth: number): string {
    if (binding === undefined || binding.values.length === 0 || binding.values.length > 4) return UNKNOWN;
    const before = textBindings.get(binding);
    if (before !== undefined) return before;
    textBindings.set(binding, UNKNOWN);
    const texts = binding.values.map(({ node }) => (isFunction(node) ? UNKNOWN : text(node, depth - 1)));
    const found = cut([...new Set(texts)].join("\n"));
    textBindings.set(binding, found);
    return found;
  }

  function callText(node: Node, depth: number): string {
    const callee = nodeAt(node, "callee");
    const name = called(callee, depth - 1) ?? "";
    const given = nodesAt(node, "arguments");
    const first = (): string => text(given[0] ?? null, depth - 1);
    if (/^(?:path\.(?:posix\.|win32\.)?(?:join|resolve|normalize)|url\.fileURLToPath)$/u.test(name))
      return cut(given.map((each) => text(each, depth - 1)).join("/"));
    if (/(?:^|\.)homedir$/u.test(name) || name.endsWith(".homedir().toString")) return "~";
    if (name === "atob") return decoders.base64(first()) ?? UNKNOWN;
    if (/^(?:decodeURIComponent|decodeURI|unescape)$/u.test(name)) return percent(first());
    if (name === "Buffer.from" || name === "Buffer") return bufferText(first(), text(given[1] ?? null, depth - 1));
    if (name === "String.fromCharCode" || name === "String.fromCodePoint") return codeText(given, depth);
    const method = callee?.type === "MemberExpression" ? propertyOf(callee, depth) : null;
    const object = (): string => text(callee === null ? null : nodeAt(callee, "object"), depth - 1);
    switch (method) {
      case "toString":
      case "trim":
        return object();
      case "join":
        return object()
          .split("\n")
          .join(given.length === 0 ? "," : first());
      case "concat":
        return cut(object() + given.map((each) => text(each, depth - 1)).join(""));
      case "reverse":
        return object().split("\n").toReversed().join("\n");
      case "split":
        return first() === ""
          ? Array.from(object())
              .slice(0, LONGEST / 2)
              .join("\n")
          : UNKNOWN;
      case null:
      default:
        return UNKNOWN;
    }
  }

  function bufferText(first: string, encoding: string): string {
    if (encoding.startsWith("base64")) return decoders.base64(first) ?? UNKNOWN;
    if (encoding === "hex") return decoders.hex(first) ?? UNKNOWN;
    return /^\d+(?:\n\d+)+$/u.test(first) ? fromCodes(first.split("\n")) : first;
  }

  function codeText(given: readonly Node[], depth: number): string {
    const numbers = given.flatMap((each) =>
      text(each.type === "SpreadElement" ? nodeAt(each, "argument") : each, depth - 1).split("\n"),
    );
    return numbers.every((each) => /^\d{1,7}$/u.test(each)) ? fromCodes(numbers) : UNKNOWN;
  }

  return {
    program,
    called: (node) => called(node, DEPTH),
    text: (node) => text(node, DEPTH),
  };
}

function moduleName(text: string): string | null {
  return text === "" || text.includes(UNKNOWN) ? null : text.replace(/^node:/u, "");
}

function suffix(name: string | null, more: string): string | null {
  return name === null ? null : `${name}${more}`;
}

function fromCodes(numbers: readonly string[]): string {
  return numbers.map((each) => String.fromCodePoint(Math.min(Number(each), 0x10ffff))).join("");
}

function percent(text: string): string {
  return text.replaceAll(/%([0-7][0-9a-f])/giu, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}
