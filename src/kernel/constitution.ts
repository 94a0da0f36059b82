import type { Action } from "./action.ts";
import type { ReasonCode } from "./codes.ts";
import { KernelFault } from "./fault.ts";
import type { ToolClass } from "./grant.ts";
import { isMetadataHost, METADATA_HOSTS } from "./hosts.ts";
import { isArray, type JsonValue } from "./json.ts";
import { RESERVED_DRIVER } from "./names.ts";
import { decodeGitCall, GIT_DRIVER } from "./git-ssh.ts";
import { decodeNetCall, NET_DRIVER } from "./net.ts";
import { fileUriSegments, isCanonicalUri, pathSegments, startsWith } from "./paths.ts";
import { argumentOf } from "./risk.ts";

/**
 * First words of JSON-RPC methods that change authority somewhere: the setters that every takeover of an agent ended in
 * (CVE-2026-25253, CVE-2026-32025: `exec.approvals.set`, `config.patch`), and this substrate's own words for the same.
 */
export const CONTROL_WORDS: readonly string[] = Object.freeze([
  "aios",
  "approval",
  "approvals",
  "config",
  "constitution",
  "grant",
  "grants",
  "lease",
  "leases",
  "owner",
  "owners",
  "policies",
  "policy",
  "sandbox",
  "statement",
  "statements",
]);

/** Neighbouring words that make a control method wherever they stand in its name. */
export const CONTROL_PHRASES: readonly string[] = Object.freeze([
  "device.pair",
  "exec.approval",
  "exec.approvals",
  "set.approval",
  "set.approvals",
  "set.grant",
  "set.grants",
  "set.policy",
  "set.sandbox",
  "disable.approval",
  "disable.approvals",
  "disable.sandbox",
  "tools.allow",
  "tools.approve",
]);

/** Sockets whose other end does what it is told with another's authority: container engines and buses. */
export const SOCKETS: readonly string[] = Object.freeze(
  ["/run", "/var/run"].flatMap((run) => [
    `${run}/docker.sock`,
    `${run}/docker`,
    `${run}/containerd`,
    `${run}/crio`,
    `${run}/podman`,
    `${run}/dbus`,
    `${run}/systemd/private`,
  ]),
);

/** The same under `/run/user/<id>`. */
export const USER_SOCKETS: readonly string[] = Object.freeze([
  "bus",
  "containerd",
  "docker.sock",
  "docker",
  "podman",
  "systemd",
]);

/** Names of the articles, as records and answers cite them. */
export type Article =
  | "C1-control"
  | "C2-prohibited"
  | "C3-own-state"
  | "C4-sockets"
  | "C5-metadata"
  | "C6-one-reading"
  | "C7-reserved"
  | "C8-unclassified"
  | "C9-flow";

/** The articles of the constitution. They are compiled in; nothing lifts them (FLOOR). */
export const ARTICLES: { readonly [article in Article]: string } = Object.freeze({
  "C1-control": "A call to the substrate's own name, or a method that changes authority, ends the instance.",
  "C2-prohibited": "A tool that is classified as prohibited ends the instance that calls it.",
  "C3-own-state": "A path at or below the substrate's own state, keys and log ends the instance.",
  "C4-sockets": "A path at or below a container engine's or a bus's socket ends the instance.",
  "C5-metadata": "A host that serves a machine's credentials ends the instance.",
  "C6-one-reading": "A path, a resource name or a network request with more than one reading is denied.",
  "C7-reserved": "A reserved action runs only with an owner's signature on it or an owner's lease for it.",
  "C8-unclassified": "A tool that no owner classified is reserved.",
  "C9-flow":
    "With words from outside and private data both taken in, what reaches others needs a human, an exact lease, or recipients that the human named; with a secret taken in it always needs a human.",
});

/** The constitution as text: what it says and the closed lists it uses. Its digest is recorded at every start. */
export const CONSTITUTION_TEXT: string = [
  "AIOS constitution 1",
  ...Object.entries(ARTICLES).map(([article, text]) => `${article}: ${text}`),
  `control words: ${CONTROL_WORDS.join(" ")}`,
  `control phrases: ${CONTROL_PHRASES.join(" ")}`,
  `sockets: ${SOCKETS.join(" ")}`,
  `user sockets: ${USER_SOCKETS.join(" ")}`,
  `metadata hosts: ${METADATA_HOSTS.join(" ")}`,
  "",
].join("\n");

/** What the constitution says against an action, `by` naming the article. */
export interface Verdict {
  readonly kind: "denied" | "terminal";
  readonly code: ReasonCode;
  readonly by: Article;
}

/**
 * Holds one action against the constitution: null when nothing in it speaks against the action. `ownPaths` are absolute
 * host paths of the substrate. What has no one reading is denied before anything is compared with it.
 */
export function checkConstitution(input: {
  readonly action: Action;
  readonly tool: ToolClass;
  readonly ownPaths: readonly string[];
}): Verdict | null {
  const { action, tool, ownPaths } = input;
  if (action.driver === RESERVED_DRIVER) return { kind: "terminal", code: "control-verb", by: "C1-control" };
  if (tool.risk === "prohibited") return terminal("C2-prohibited");
  if (action.driver === NET_DRIVER || action.driver === GIT_DRIVER) return checkNetwork(action);
  const paths = pathsOf(action, tool);
  if (paths === null) return { kind: "denied", code: "not-canonical", by: "C6-one-reading" };
  for (const path of paths) {
    if (ownPaths.some((own) => startsWith(path, ownSegments(own)))) return terminal("C3-own-state");
    if (isSocket(path)) return terminal("C4-sockets");
  }
  return hostsOf(action, tool).some(isMetadataHost) ? terminal("C5-metadata") : null;
}

/**
 * Whether a JSON-RPC method changes authority. Spelling does not matter: `exec.approvals.set`, `Exec/Approvals/Set`,
 * `setApprovalMode` and `set_approval_mode` are the same words. The methods of MCP are none of these.
 */
export function isControlMethod(method: string): boolean {
  const words = method
    .normalize("NFKC")
    .replace(/([a-z0-9])([A-Z])/g, "$1.$2")
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== "");
  const [first = ""] = words;
  if (CONTROL_WORDS.includes(first)) return true;
  const phrase = `.${words.join(".")}.`;
  return CONTROL_PHRASES.some((control) => phrase.includes(`.${control}.`));
}

/** The path of a network request names nothing on this machine, so the articles about paths do not look at it. */
function checkNetwork(action: Action): Verdict | null {
  if (textsIn(argumentOf(action.arguments, "host")).some(isMetadataHost)) return terminal("C5-metadata");
  const decode = action.driver === GIT_DRIVER ? decodeGitCall : decodeNetCall;
  const call = decode(action.name, action.arguments);
  return call.kind === "ok" ? null : { kind: "denied", code: "not-canonical", by: "C6-one-reading" };
}

function terminal(by: Article): Verdict {
  return { kind: "terminal", code: "prohibited", by };
}

/** The segments of every path that the action names; null when one of them, or the resource, has more than one reading. */
function pathsOf(action: Action, tool: ToolClass): readonly (readonly string[])[] | null {
  if (action.verb === "read") {
    if (!/^file:/i.test(action.name)) return isCanonicalUri(action.name) ? [] : null;
    const path = fileUriSegments(action.name);
    return path === null ? null : [path];
  }
  const paths: (readonly string[])[] = [];
  for (const [field, type] of Object.entries(tool.fields)) {
    const value = type === "path" ? argumentOf(action.arguments, field) : undefined;
    // A path that is no text is refused as mistyped by the decision.
    if (typeof value !== "string") continue;
    const segments = pathSegments(value);
    if (segments === null) return null;
    paths.push(segments);
  }
  return paths;
}

/** The segments of one of our own paths. One that cannot be compared would protect nothing: then nothing passes. */
function ownSegments(path: string): readonly string[] {
  const segments = pathSegments(path);
  if (segments === null) throw new KernelFault("bad-own-path", `the own path ${JSON.stringify(path)} is not canonical`);
  return segments;
}

const SOCKET_SEGMENTS = SOCKETS.map(ownSegments);

function isSocket(path: readonly string[]): boolean {
  const [run, user, , socket] = path[0] === "var" ? path.slice(1) : path;
  if (run !== "run") return false;
  if (user === "user" && socket !== undefined && USER_SOCKETS.includes(socket)) return true;
  return SOCKET_SEGMENTS.some((segments) => startsWith(path, segments));
}

/** Every text or number that the action gives where the owner said that a host stands. */
function hostsOf(action: Action, tool: ToolClass): readonly string[] {
  return Object.entries(tool.recipients)
    .filter(([, kind]) => kind === "host")
    .flatMap(([argument]) => textsIn(argumentOf(action.arguments, argument)));
}

function textsIn(value: JsonValue | undefined): readonly string[] {
  if (typeof value === "string") return [value];
  if (value !== undefined && isArray(value)) return value.flatMap(textsIn);
  return typeof value === "number" ? [String(value)] : [];
}
