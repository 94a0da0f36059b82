import { KEY_PLACE, VAULT_PLACE } from "./places.ts";
import { TooEntangled, type Reader } from "./names.ts";
import { bare, childrenOf, isFunction, nameOf, nodeAt, nodesAt, type Node } from "./syntax.ts";

/** What a value holds or comes from. */
export type Kind =
  /** Made from base64, hex, codes of characters or compressed data. */
  | "decoded"
  /** What a program at the other end of the network answered. */
  | "fetched"
  /** The environment as a whole. */
  | "environment"
  /** The content of a file with keys. */
  | "keys"
  /** A connection or a request that is still being written. */
  | "connection";

export type Kinds = ReadonlySet<Kind>;
const NONE: Kinds = new Set();
const ENVIRONMENT: Kinds = new Set(["environment"]);

/** Names of functions that answer over a network. */
export const NETWORK: RegExp =
  /^(?:fetch|node-fetch|cross-fetch|axios|got|ky|needle|superagent|request|undici|https?|phin|bent)(?:\(\))?(?:\.(?:default|get|post|put|patch|delete|head|request|fetch|stream|send|extend|create)(?:\(\))?)*$|^https?\.(?:get|request)$|^Bun\.fetch$/u;
const CONNECTION: RegExp =
  /^(?:net|tls)\.(?:connect|createConnection)$|^(?:net|tls)\.Socket$|^WebSocket$|^ws$|^ws\.WebSocket$|^dgram\.createSocket$|^https?\.request$|^http2\.connect$|^XMLHttpRequest$/u;
const READ_FILE =
  /^(?:fs|fs\/promises|fs\.promises|fs-extra|graceful-fs)\.(?:readFile|readFileSync|createReadStream|readdir|readdirSync|open|openSync|copyFile|copyFileSync|cp|cpSync)$|^Bun\.file$|^Deno\.readTextFile(?:Sync)?$/u;
const DECODER =
  /^(?:atob|unescape|zlib\.\w*(?:[uU]nzip|[iI]nflate|[dD]ecompress)\w*(?:\(\))?|pako\.(?:inflate|ungzip)|String\.fromCharCode|String\.fromCodePoint)$/u;
/** Calls that put the same into another form. Through others the environment does not flow: they take one setting out of it. */
const SAME =
  /^(?:JSON\.(?:stringify|parse)|Object\.(?:entries|values|assign|fromEntries|freeze)|Buffer\.from|String|btoa|encodeURIComponent|encodeURI|URLSearchParams|FormData|Blob|TextEncoder|structuredClone|Array\.from|querystring\.stringify|zlib\.\w+|Promise\.all|util\.inspect)$/u;
const SAME_METHOD =
  /^(?:toString|map|filter|flatMap|join|concat|slice|trim|replace|replaceAll|reduce|flat|reverse|entries|values|text|json|arrayBuffer|blob|then|catch|finally|encode|split|sort|toJSON|buffer|body|data)$/u;

/** Rounds in which kinds spread from name to name; chains of more names than this are not followed to their end. */
const ROUNDS = 6;
const DEPTH = 40;
const MOST_STEPS = 6_000_000;

/** Follows values through the names of a program, without regard to order. Throws `TooEntangled`. */
export function createFlow(reader: Reader): { kindsOf(node: Node | null): Kinds } {
  const { program } = reader;
  const known = new Map<object, Set<Kind>>();
  const returned = new Map<Node, readonly Node[]>();

  let steps = 0;

  const kindsOf = (node: Node | null, depth = DEPTH): Kinds => {
    if (++steps > MOST_STEPS) throw new TooEntangled("its values flow through too many others");
    if (node === null || depth <= 0) return NONE;
    const at = bare(node);
    switch (at.type) {
      case "Identifier": {
        const binding = program.bindingOf(at);
        if (binding === undefined) return NONE;
        return reader.called(at) === "process.env" ? ENVIRONMENT : (known.get(binding) ?? NONE);
      }
      case "MemberExpression":
        return memberKinds(at, depth);
      case "CallExpression":
      case "NewExpression":
        return callKinds(at, depth);
      case "TaggedTemplateExpression":
        return kindsOf(nodeAt(at, "quasi"), depth - 1);
      case "BinaryExpression":
        return sumKinds(at, depth);
      // The name of a field is no variable.
      case "Property":
      case "PropertyDefinition":
        return kindsOf(nodeAt(at, "value"), depth - 1);
      default:
        return isFunction(at) || at.type.startsWith("Class")
          ? NONE
          : joined(childrenOf(at).map((child) => kindsOf(child, depth - 1)));
    }
  };

  function sumKinds(node: Node, depth: number): Kinds {
    if (node["operator"] !== "+") return NONE;
    const parts: Kinds[] = [];
    let left: Node | null = node;
    while (left !== null && left.type === "BinaryExpression" && parts.length < 10_000) {
      parts.push(kindsOf(nodeAt(left, "right"), depth - 1));
      left = nodeAt(left, "left");
    }
    parts.push(kindsOf(left, depth - 1));
    return joined(parts);
  }

  function memberKinds(node: Node, depth: number): Kinds {
    const name = reader.called(node);
    if (name === "process.env" || name === "Bun.env" || name === "Deno.env.toObject") return ENVIRONMENT;
    const of = kindsOf(nodeAt(node, "object"), depth - 1);
    // One setting is not the environment.
    return of.has("environment") && nameOf(nodeAt(node, "property")) !== "env" ? without(of, "environment") : of;
  }

  function callKinds(node: Node, depth: number): Kinds {
    const callee = nodeAt(node, "callee");
    const name = reader.called(callee) ?? "";
    const given = nodesAt(node, "arguments");
    const flown = (): Kinds =>
      joined(given.filter((each) => !isFunction(each)).map((each) => kindsOf(each, depth - 1)));
    const kinds = new Set<Kind>();
    if (NETWORK.test(name)) kinds.add("fetched");
    if (CONNECTION.test(name)) kinds.add("connection");
    if (DECODER.test(name) || decodes(name, given)) kinds.add("decoded");
    if (READ_FILE.test(name) && isKeyPlace(reader.text(given[0] ?? null))) kinds.add("keys");
    if (name === "Deno.env.toObject") kinds.add("environment");
    const method = callee?.type === "MemberExpression" ? nameOf(nodeAt(callee, "property")) : null;
    const object = callee?.type === "MemberExpression" ? nodeAt(callee, "object") : null;
    if (SAME.test(name)) for (const kind of flown()) kinds.add(kind);
    else
      for (const kind of flown())
        if (kind !== "environment" && kind !== "connection" && kind !== "fetched") kinds.add(kind);
    if (object !== null && method !== null) {
      const of = kindsOf(object, depth - 1);
      for (const kind of of) if (kind !== "environment" || SAME_METHOD.test(method)) kinds.add(kind);
    }
    if (callee?.type === "Identifier") {
      for (const { node: made } of program.bindingOf(callee)?.values ?? [])
        if (isFunction(made))
          for (const each of returns(made)) for (const kind of kindsOf(each, depth - 8)) kinds.add(kind);
    }
    return kinds;
  }

  function decodes(name: string, given: readonly Node[]): boolean {
    return (
      (name === "Buffer.from" || name === "Buffer") && /^(?:base64(?:url)?|hex)$/u.test(reader.text(given[1] ?? null))
    );
  }

  function returns(made: Node): readonly Node[] {
    const before = returned.get(made);
    if (before !== undefined) return before;
    const body = nodeAt(made, "body");
    const found = body === null ? [] : body.type === "BlockStatement" ? returnsBelow(body) : [body];
    returned.set(made, found);
    return found;
  }

  for (let round = 0; round < ROUNDS; round++) {
    let grew = false;
    for (const binding of program.bindings) {
      const now = known.get(binding) ?? new Set<Kind>();
      const before = now.size;
      for (const { node, how } of binding.values) {
        if (isFunction(node) || node.type === "ImportDeclaration") continue;
        for (const kind of kindsOf(node)) if (how !== "part" || kind !== "environment") now.add(kind);
      }
      if (now.size > before) {
        known.set(binding, now);
        grew = true;
      }
    }
    if (!grew) break;
  }
  return { kindsOf: (node) => kindsOf(node) };
}

export function isKeyPlace(text: string): boolean {
  return KEY_PLACE.test(text) || VAULT_PLACE.test(text);
}

function returnsBelow(body: Node): readonly Node[] {
  const found: Node[] = [];
  const stack: Node[] = [body];
  while (found.length < 20) {
    const node = stack.pop();
    if (node === undefined) break;
    if (node.type === "ReturnStatement") {
      const value = nodeAt(node, "argument");
      if (value !== null) found.push(value);
    } else if (!isFunction(node)) stack.push(...childrenOf(node));
  }
  return found;
}

function joined(all: readonly Kinds[]): Kinds {
  const filled = all.filter((kinds) => kinds.size > 0);
  if (filled.length <= 1) return filled[0] ?? NONE;
  return new Set(filled.flatMap((kinds) => [...kinds]));
}

function without(kinds: Kinds, kind: Kind): Kinds {
  return new Set([...kinds].filter((each) => each !== kind));
}
