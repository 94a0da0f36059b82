import { childrenOf, isFunction, nameOf, nodeAt, nodesAt, type Node } from "./syntax.ts";

/** A name as one function declares it. Every value that is put into it is in `values`, in the order of the text. */
export interface Binding {
  readonly name: string;
  readonly values: Value[];
}

/** `whole`: the value itself. `part`: something taken out of it. `each`: one of its members. */
export interface Value {
  readonly node: Node;
  readonly how: "whole" | "part" | "each";
  /** Of what is imported or taken out by name: which one; null for all or for none. */
  readonly member: string | null;
}

export interface Program {
  /** Every node, parents before children. */
  readonly nodes: readonly Node[];
  /** The binding that an identifier stands for; undefined for globals. */
  bindingOf(identifier: Node): Binding | undefined;
  /** Every binding of the program. */
  readonly bindings: readonly Binding[];
}

type Scope = { readonly names: Map<string, Binding>; readonly outer: Scope | null };

/** More nodes than this in one program are not looked at: the caller is told by an exception. */
const MOST_NODES = 3_000_000;

/**
 * Reads who declares which name and what is put into it. Scopes are functions: names of blocks are taken for those of their
 * function, which joins two values now and then and loses none.
 */
export function readScopes(root: Node): Program {
  const nodes: Node[] = [];
  const scopes = new Map<Node, Scope>();
  const bindings: Binding[] = [];
  const stack: { readonly node: Node; readonly scope: Scope }[] = [
    { node: root, scope: { names: new Map(), outer: null } },
  ];
  while (true) {
    const next = stack.pop();
    if (next === undefined) break;
    const { node } = next;
    if (nodes.push(node) > MOST_NODES) throw new Error("the program has too many parts");
    let { scope } = next;
    declareOuter(node, scope, bindings);
    if (isFunction(node)) scope = { names: new Map(), outer: scope };
    scopes.set(node, scope);
    declareInner(node, scope, bindings);
    for (const child of childrenOf(node).toReversed()) stack.push({ node: child, scope });
  }
  const program: Program = {
    nodes,
    bindings,
    bindingOf: (identifier) => {
      const name = nameOf(identifier);
      if (name === null) return undefined;
      let scope = scopes.get(identifier) ?? null;
      while (scope !== null) {
        const found = scope.names.get(name);
        if (found !== undefined) return found;
        scope = scope.outer;
      }
      return undefined;
    },
  };
  for (const node of nodes) bindValues(node, program);
  return program;
}

/** Names that a declaration gives to the scope around it. */
function declareOuter(node: Node, scope: Scope, bindings: Binding[]): void {
  if (node.type === "FunctionDeclaration" || node.type === "ClassDeclaration") {
    const name = nameOf(nodeAt(node, "id"));
    if (name !== null) declare(name, scope, bindings);
  }
}

function declareInner(node: Node, scope: Scope, bindings: Binding[]): void {
  const patterns =
    node.type === "VariableDeclarator"
      ? [nodeAt(node, "id")]
      : node.type === "CatchClause"
        ? [nodeAt(node, "param")]
        : isFunction(node)
          ? nodesAt(node, "params")
          : node.type.startsWith("Import") && node.type.endsWith("Specifier")
            ? [nodeAt(node, "local")]
            : [];
  for (const pattern of patterns) for (const { name } of namesIn(pattern)) declare(name, scope, bindings);
}

function declare(name: string, scope: Scope, bindings: Binding[]): void {
  if (scope.names.has(name)) return;
  const binding: Binding = { name, values: [] };
  scope.names.set(name, binding);
  bindings.push(binding);
}

interface Taken {
  readonly name: string;
  readonly identifier: Node;
  readonly how: Value["how"];
  readonly member: string | null;
}

/** The names that a pattern binds, and which part of the value each takes. */
function namesIn(pattern: Node | null, how: Value["how"] = "whole", member: string | null = null): readonly Taken[] {
  if (pattern === null) return [];
  const name = nameOf(pattern);
  if (name !== null) return [{ name, identifier: pattern, how, member }];
  switch (pattern.type) {
    case "ObjectPattern":
      return nodesAt(pattern, "properties").flatMap((property) => {
        if (property.type === "RestElement") return namesIn(nodeAt(property, "argument"), how, null);
        const key = nodeAt(property, "key");
        const text = nameOf(key) ?? (typeof key?.["value"] === "string" ? key["value"] : null);
        return namesIn(nodeAt(property, "value"), "part", text);
      });
    case "ArrayPattern":
      return nodesAt(pattern, "elements").flatMap((element) => namesIn(element, how === "whole" ? "each" : how, null));
    case "AssignmentPattern":
      return namesIn(nodeAt(pattern, "left"), how, member);
    case "RestElement":
      return namesIn(nodeAt(pattern, "argument"), how, null);
    default:
      return [];
  }
}

/** Puts values into the bindings they go to: by declaration, assignment, loop, import, call and callback. */
function bindValues(node: Node, program: Program): void {
  const put = (pattern: Node | null, value: Node | null, how: Value["how"] = "whole"): void => {
    if (value === null) return;
    for (const taken of namesIn(pattern, how))
      program.bindingOf(taken.identifier)?.values.push({ node: value, how: taken.how, member: taken.member });
  };
  switch (node.type) {
    case "VariableDeclarator":
      return put(nodeAt(node, "id"), nodeAt(node, "init"));
    case "AssignmentExpression":
      return put(nodeAt(node, "left"), nodeAt(node, "right"));
    case "FunctionDeclaration":
    case "ClassDeclaration":
      return put(nodeAt(node, "id"), node);
    case "ForOfStatement":
    case "ForInStatement": {
      const left = nodeAt(node, "left");
      const pattern =
        left?.type === "VariableDeclaration" ? nodeAt(nodesAt(left, "declarations")[0] ?? left, "id") : left;
      return put(pattern, nodeAt(node, "right"), node.type === "ForOfStatement" ? "each" : "part");
    }
    case "ImportDeclaration": {
      for (const specifier of nodesAt(node, "specifiers")) {
        const local = nodeAt(specifier, "local");
        const imported = nodeAt(specifier, "imported");
        const member = nameOf(imported) ?? (typeof imported?.["value"] === "string" ? imported["value"] : null);
        if (local !== null)
          program.bindingOf(local)?.values.push({ node, how: member === null ? "whole" : "part", member });
      }
      return;
    }
    case "CallExpression":
    case "NewExpression":
      return bindCall(node, program, put);
    default:
      return;
  }
}

/** Arguments go into the parameters of a function that is known here; what a callback is called with comes from the call. */
function bindCall(
  node: Node,
  program: Program,
  put: (pattern: Node | null, value: Node | null, how?: Value["how"]) => void,
): void {
  const callee = nodeAt(node, "callee");
  const given = nodesAt(node, "arguments");
  const called = callee !== null && isFunction(callee) ? callee : knownFunction(callee, program);
  if (called !== null) {
    for (const [at, parameter] of nodesAt(called, "params").entries()) put(parameter, given[at] ?? null);
  }
  const object = callee?.type === "MemberExpression" ? nodeAt(callee, "object") : null;
  for (const each of given) {
    if (!isFunction(each)) continue;
    for (const parameter of nodesAt(each, "params")) {
      put(parameter, object, "each");
      put(parameter, node);
    }
  }
  // `list.push(value)` puts a value into the list.
  const method = callee === null ? null : nameOf(nodeAt(callee, "property"));
  if (object?.type === "Identifier" && (method === "push" || method === "unshift" || method === "set"))
    for (const each of given) program.bindingOf(object)?.values.push({ node: each, how: "whole", member: null });
}

function knownFunction(callee: Node | null, program: Program): Node | null {
  if (callee?.type !== "Identifier") return null;
  const values = program.bindingOf(callee)?.values ?? [];
  return values.find(({ node, how }) => how === "whole" && isFunction(node))?.node ?? null;
}
