import { createFlow, isKeyPlace, NETWORK, type Kinds } from "./flow.ts";
import type { Seen, VetRule } from "./finding.ts";
import { createReader, TooEntangled, UNKNOWN, type Decoders, type Reader } from "./names.ts";
import { judgeLook } from "./obfuscation.ts";
import { OBEYED_PLACE, VAULT_PLACE } from "./places.ts";
import { readScopes } from "./scopes.ts";
import { bare, isFunction, lineOf, literalOf, nameOf, nodeAt, nodesAt, quasiText, type Node } from "./syntax.ts";

/** What a program does, and the texts in it: words for agents, and commands for shells. */
export interface ScriptSeen {
  readonly seen: readonly Seen[];
  readonly texts: readonly { readonly text: string; readonly line: number }[];
}

const FROM_TEXT =
  /^(?:eval|Function|Function\(\)|vm\.(?:runInThisContext|runInNewContext|runInContext|compileFunction|Script)|.*\._compile|.*\.constructor\.constructor|AsyncFunction|GeneratorFunction|WebAssembly\.(?:instantiate|compile))$/u;
const SHELL =
  /^(?:child_process|Bun|shelljs|execa|cross-spawn|node:child_process)\.(?:exec|execSync|execCommand|\$)$|^execa\.command(?:Sync)?$/u;
const START =
  /^(?:child_process|execa|cross-spawn)(?:\.(?:spawn|spawnSync|execFile|execFileSync|fork|execa|execaSync|node))?$|^(?:Bun\.spawn|Bun\.spawnSync|Deno\.Command|worker_threads\.Worker|node-pty\.spawn)$/u;
const WRITE =
  /^(?:fs|fs\/promises|fs\.promises|fs-extra|graceful-fs)\.(?:writeFile|writeFileSync|appendFile|appendFileSync|createWriteStream|copyFile|copyFileSync|cp|cpSync|rename|renameSync|symlink|symlinkSync|outputFile|outputFileSync|writeJson)$|^Bun\.write$|^Deno\.writeTextFile(?:Sync)?$/u;
const SENDS = /^(?:dns(?:\/promises|\.promises)?\.(?:lookup|resolve\w*)|navigator\.sendBeacon|nodemailer\.\S+)$/u;
const SHELL_PROGRAM = /^(?:\S*\/)?(?:(?:ba|z|da|k|fi)?sh|cmd(?:\.exe)?|powershell(?:\.exe)?|pwsh)$/u;
const DANGEROUS_NAME =
  /^(?:eval|Function|exec|execSync|spawn|spawnSync|execFile|fork|child_process|constructor|require|_load|net|https?|fs)$/u;
const TEXT_LENGTH = 12;
/** Length of all texts that a program puts together and that are judged: no honest one has as much. */
const MOST_TEXT = 2 * 1024 * 1024;

/** Judges a syntax tree. Throws when it is too entangled to be judged. */
export function judgeScript(root: Node, decoders: Decoders): ScriptSeen {
  const program = readScopes(root);
  const reader = createReader(program, decoders);
  const flow = createFlow(reader);
  const seen: Seen[] = [...judgeLook(program.nodes)];
  let left = MOST_TEXT;
  const texts: { text: string; line: number }[] = [];
  const notice = (rule: VetRule, node: Node, why: string): void => {
    seen.push({ rule, line: lineOf(node), why });
  };
  const facts = {
    sockets: false,
    shells: [] as Node[],
    written: new Set<string>(),
    fetches: false,
    started: [] as { text: string; node: Node }[],
  };

  for (const node of program.nodes) {
    switch (node.type) {
      case "CallExpression":
      case "NewExpression":
        judgeCall(node);
        break;
      case "ImportExpression":
        judgeModule(node, nodeAt(node, "source"));
        break;
      case "ImportDeclaration":
        if (/^(?:node:)?child_process$/u.test(String(literalOf(nodeAt(node, "source")))))
          notice("starts-programs", node, "may start programs");
        break;
      case "MemberExpression":
        judgeMember(node);
        break;
      case "Literal":
      case "StringLiteral":
        keepText(literalOf(node), node);
        break;
      case "TemplateElement":
        keepText(quasiText(node), node);
        break;
      default:
    }
  }
  if (facts.sockets && facts.shells[0] !== undefined)
    notice("reverse-shell", facts.shells[0], "starts a shell and opens a connection that it may be joined to");
  for (const { text, node } of facts.started)
    if (facts.fetches && [...facts.written].some((path) => path.length > 1 && text.includes(path)))
      notice("runs-fetched", node, `runs ${text.slice(0, 60)}, which it wrote from what it fetched`);
  return { seen, texts };

  function keepText(value: string | number | null, node: Node): void {
    if (typeof value === "string" && value.length >= TEXT_LENGTH) texts.push({ text: value, line: lineOf(node) });
  }

  function keepMade(text: string, node: Node): void {
    left -= text.length;
    if (left < 0) throw new TooEntangled("it puts more text together than is looked at");
    texts.push({ text, line: lineOf(node) });
  }

  function judgeCall(node: Node): void {
    const callee = nodeAt(node, "callee");
    const given = nodesAt(node, "arguments");
    const name = reader.called(callee) ?? "";
    const all = (): readonly Kinds[] => given.map((each) => (isFunction(each) ? new Set<never>() : flow.kindsOf(each)));
    const has = (kind: "environment" | "keys" | "decoded" | "fetched"): boolean =>
      all().some((kinds) => kinds.has(kind));
    // `.then(eval)`: what is handed over is called with what came before.
    for (const each of given)
      if (FROM_TEXT.test(reader.called(each) ?? "") && callee?.type === "MemberExpression")
        judgeRun(node, flow.kindsOf(nodeAt(callee, "object")), "makes code");
    if (isLoad(callee, name)) judgeModule(node, given[0] ?? null);
    else if (FROM_TEXT.test(name)) judgeFromText(node, name, given);
    else if (name === "setTimeout" || name === "setInterval") {
      if (given[0]?.type === "Literal") judgeFromText(node, name, given.slice(0, 1));
    } else if (SHELL.test(name)) judgeStart(node, given, true);
    else if (START.test(name)) judgeStart(node, given, false);
    else if (WRITE.test(name)) judgeWrite(node, given);
    if (/^(?:net|tls)\.(?:connect|createConnection|Socket)(?:\(\)\.connect)?$/u.test(name)) facts.sockets = true;
    if (NETWORK.test(name)) facts.fetches = true;
    if (isSending(callee, name)) {
      notice("uses-network", node, "uses the network");
      if (has("keys")) notice("sends-keys", node, "reads a file with keys and sends it away");
      if (has("environment")) notice("sends-environment", node, "sends the whole environment away");
    }
    const reads =
      /(?:^|\.)(?:readFile|readFileSync|createReadStream|readdir|readdirSync|copyFile|copyFileSync|cpSync|cp|open|openSync|file|readTextFile)$/u;
    if (reads.test(name) && /^(?:fs|Bun|Deno|graceful-fs)/u.test(name)) judgeRead(node, reader.text(given[0] ?? null));
  }

  function isSending(callee: Node | null, name: string): boolean {
    if (NETWORK.test(name) || SENDS.test(name)) return true;
    const method = callee?.type === "MemberExpression" ? nameOf(nodeAt(callee, "property")) : null;
    if (method === null || !/^(?:end|write|send|post|put|emit|pipe)$/u.test(method)) return false;
    return flow.kindsOf(nodeAt(callee ?? root, "object")).has("connection");
  }

  function judgeRun(node: Node, kinds: Kinds, what: string): void {
    if (kinds.has("decoded")) notice("runs-decoded", node, `${what} of what it decoded`);
    if (kinds.has("fetched")) notice("runs-fetched", node, `${what} of what it fetched`);
  }

  function judgeFromText(node: Node, name: string, given: readonly Node[]): void {
    const wasm = name.startsWith("WebAssembly");
    const kinds = given.flatMap((each) => [...flow.kindsOf(each)]);
    if (!wasm) judgeRun(node, new Set(kinds), "makes code");
    else if (kinds.includes("fetched")) notice("code-from-text", node, "loads a WebAssembly module from the network");
    for (const each of given) if (!wasm) readHiddenText(each, node);
    const constant = given.every((each) => bare(each).type === "Literal");
    if (!wasm && !constant) notice("code-from-text", node, "makes code from text that it puts together");
  }

  /** A text that was put together to be run, read as the program it is. */
  function readHiddenText(given: Node, node: Node): void {
    const made = reader.text(given);
    if (bare(given).type !== "Literal" && made !== UNKNOWN) keepMade(made.replaceAll(UNKNOWN, "…"), node);
  }

  function judgeStart(node: Node, given: readonly Node[], shell: boolean): void {
    notice("starts-programs", node, "starts a program");
    const [first, second] = given;
    const command = reader.text(first ?? null);
    const rest = second === undefined ? "" : reader.text(second);
    const whole = `${command} ${rest.replaceAll("\n", " ")}`.replaceAll(UNKNOWN, "…");
    const kinds = first === undefined ? new Set<never>() : flow.kindsOf(first);
    if (kinds.has("decoded")) notice("runs-decoded", node, "runs a command that it decoded");
    if (kinds.has("fetched") && command.startsWith(UNKNOWN)) notice("runs-fetched", node, "runs what it fetched");
    const shells = SHELL_PROGRAM.test(command);
    if (shells && !/(?:^|\n)(?:-[a-z]*c|\/c)(?:\n|$)/iu.test(rest)) facts.shells.push(node);
    if (shells && second !== undefined && flow.kindsOf(second).has("decoded"))
      notice("runs-decoded", node, "has a shell run what it decoded");
    if (shell || shells || whole.includes(" ")) keepMade(whole, node);
    facts.started.push({ text: whole, node });
    if (OBEYED_PLACE.test(whole) && /\b(?:tee|cp|mv|ln|sed)\b|>/u.test(whole))
      notice("changes-obeyed", node, "has a command change a file that others obey");
  }

  function judgeWrite(node: Node, given: readonly Node[]): void {
    const target = /copy|cp|rename|symlink/iu.test(reader.called(nodeAt(node, "callee")) ?? "") ? given[1] : given[0];
    const path = reader.text(target ?? null);
    if (!path.includes(UNKNOWN)) facts.written.add(path);
    const found = OBEYED_PLACE.exec(path);
    if (found !== null) notice("changes-obeyed", node, `writes ${found[0]}, which other programs obey`);
  }

  function judgeRead(node: Node, path: string): void {
    if (!isKeyPlace(path)) return;
    const what = VAULT_PLACE.test(path) ? "what a wallet, a keychain or a browser keeps" : "a file with keys";
    notice("reads-keys", node, `reads ${what}`);
  }

  function judgeModule(node: Node, given: Node | null): void {
    if (given === null || bare(given).type === "Literal") return;
    const kinds = flow.kindsOf(given);
    judgeRun(node, kinds, "loads a module");
    const text = reader.text(given);
    const hides =
      !text.includes(UNKNOWN) &&
      /^(?:node:)?(?:child_process|fs|fs\/promises|net|https?|vm|dns|tls|worker_threads|os)$/u.test(text);
    if (hides && bare(given).type !== "Identifier") notice("hidden-name", node, `hides that it loads ${text}`);
    else if (hides && isBuilt(given, reader)) notice("hidden-name", node, `hides that it loads ${text}`);
    else if (text.startsWith("data:")) notice("code-from-text", node, "loads a module out of a data: address");
    else if (text.startsWith(UNKNOWN)) notice("computed-module", node, "loads a module whose name is computed");
  }

  function judgeMember(node: Node): void {
    const property = nodeAt(node, "property");
    if (node["computed"] !== true || property === null) return;
    const escaped = property.type === "Literal" && hasEscapes(property);
    if (property.type === "Literal" && !escaped) {
      const object = bare(nodeAt(node, "object") ?? node);
      const inner = object.type === "MemberExpression" ? nodeAt(object, "property") : null;
      if (literalOf(property) === "constructor" && literalOf(inner) === "constructor")
        notice("hidden-name", node, "reaches for the maker of functions by way of constructors");
      return;
    }
    const text = reader.text(property);
    if (DANGEROUS_NAME.test(text) && (escaped || isBuilt(property, reader)))
      notice("hidden-name", node, `hides that it uses ${text}`);
  }
}

/** Whether a text is put together where it could have been written down. */
function isBuilt(given: Node, reader: Reader): boolean {
  const node = bare(given);
  if (node.type === "Identifier") {
    const values = reader.program.bindingOf(node)?.values ?? [];
    return (
      values.length > 0 &&
      values.every(({ node: value }) => ["BinaryExpression", "CallExpression"].includes(bare(value).type))
    );
  }
  return node.type === "BinaryExpression" || node.type === "CallExpression";
}

function hasEscapes(node: Node): boolean {
  const extra = node["extra"];
  const raw = node["raw"] ?? (typeof extra === "object" && extra !== null && "raw" in extra ? extra.raw : "");
  return typeof raw === "string" && /\\x[0-9a-f]{2}|\\u/iu.test(raw);
}

function isLoad(callee: Node | null, name: string): boolean {
  return (
    callee?.type === "Import" ||
    name === "require" ||
    name === "module.require" ||
    name === "module._load" ||
    name === "process.getBuiltinModule"
  );
}
