/** A node of a syntax tree (ESTree), as far as it was checked to be one. */
export interface Node {
  readonly type: string;
  readonly [field: string]: unknown;
}

export function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

/** The nodes right below a node. */
export function childrenOf(node: Node): readonly Node[] {
  const found: Node[] = [];
  for (const field of Object.keys(node)) {
    const value = node[field];
    if (typeof value !== "object" || value === null || field === "loc" || field.endsWith("omments")) continue;
    if (Array.isArray(value)) {
      for (const each of value) if (isNode(each)) found.push(each);
    } else if (isNode(value)) found.push(value);
  }
  return found;
}

/** The node in a field, or null. */
export function nodeAt(node: Node, field: string): Node | null {
  const value = node[field];
  return isNode(value) ? value : null;
}

export function nodesAt(node: Node, field: string): readonly Node[] {
  const value = node[field];
  return Array.isArray(value) ? value.filter(isNode) : [];
}

export function isFunction(node: Node): boolean {
  return ["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"].includes(node.type);
}

/** Line where a node begins, from one. */
export function lineOf(node: Node): number {
  const loc = node["loc"];
  if (typeof loc !== "object" || loc === null || !("start" in loc)) return 1;
  const { start } = loc;
  return typeof start === "object" && start !== null && "line" in start && typeof start.line === "number"
    ? start.line
    : 1;
}

/** What stands inside of wrappers that change no value: `await`, optional chains, types, the last of a sequence. */
export function bare(node: Node): Node {
  let at = node;
  for (let depth = 0; depth < 20; depth++) {
    const inner =
      at.type === "SequenceExpression"
        ? nodesAt(at, "expressions").at(-1)
        : WRAPPERS.has(at.type)
          ? (nodeAt(at, "expression") ?? nodeAt(at, "argument"))
          : null;
    if (inner === null || inner === undefined) return at;
    at = inner;
  }
  return at;
}

const WRAPPERS: ReadonlySet<string> = new Set([
  "AwaitExpression",
  "ChainExpression",
  "ParenthesizedExpression",
  "TSAsExpression",
  "TSNonNullExpression",
  "TSSatisfiesExpression",
  "TSTypeAssertion",
]);

/** The name of an identifier, or null. */
export function nameOf(node: Node | null): string | null {
  return node?.type === "Identifier" && typeof node["name"] === "string" ? node["name"] : null;
}

/** The value of a string, number or template without holes, or null. */
export function literalOf(node: Node | null): string | number | null {
  if (node?.type === "Literal" || node?.type === "StringLiteral" || node?.type === "NumericLiteral") {
    const value = node["value"];
    return typeof value === "string" || typeof value === "number" ? value : null;
  }
  return null;
}

/** The text of one part of a template. */
export function quasiText(node: Node): string {
  const value = node["value"];
  if (typeof value !== "object" || value === null || !("cooked" in value)) return "";
  return typeof value.cooked === "string" ? value.cooked : "";
}
