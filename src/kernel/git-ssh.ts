import type { Decoded } from "./decoded.ts";
import type { Allow, ToolClass } from "./grant.ts";
import { deepFreeze, type JsonObject } from "./json.ts";
import { isNetHost } from "./net.ts";
import { pathSegments } from "./paths.ts";
import { readDocument, type Place } from "./reading.ts";

/** Name of the built-in device for git over SSH. Not `git`, which many MCP servers are called. */
export const GIT_DRIVER = "git-ssh";

/** What the device does: get what a repository has, see what its refs are before a push, change its refs. */
export const GIT_TOOL_NAMES = ["fetch", "refs", "push"] as const;
export type GitTool = (typeof GIT_TOOL_NAMES)[number];

const PLACE_FIELDS = { host: "string", port: "long", user: "string", path: "path" } as const;

/**
 * The classes of the device, compiled in like those of the network. To fetch and to look reach a third party; a push changes
 * what others work with, and is reserved. What comes back are words from outside.
 */
export const GIT_TOOLS: { readonly [tool in GitTool]: ToolClass } = deepFreeze({
  fetch: { risk: "reach", labels: ["untrusted"], fields: PLACE_FIELDS, recipients: {} },
  refs: { risk: "reach", labels: ["untrusted"], fields: PLACE_FIELDS, recipients: {} },
  push: {
    risk: "reserved",
    labels: ["untrusted"],
    fields: { ...PLACE_FIELDS, ref: "path", removes: "bool" },
    recipients: {},
  },
});

/** An account of a machine that serves repositories. */
export interface GitPlace {
  /** `localhost` for this machine, or a full name. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
}

/** The port of SSH where none is written (RFC 4253). */
export const SSH_PORT = 22;
/** Places that one instance may have. */
export const MOST_GIT_PLACES = 8;
/** Refs that one push may change. */
const MOST_UPDATES = 256;
const MOST_SHALLOW = 256;

/** One ref that a push asks to change. `old` of zeros makes it, `new` of zeros removes it. */
export interface RefUpdate {
  readonly ref: string;
  readonly old: string;
  readonly new: string;
}

/** Anything that the device is asked for. `protocol`: the version of git's wire protocol that the client asks for. */
export type GitCall =
  | (GitPlace & { readonly tool: "fetch"; readonly path: string; readonly protocol: number })
  | (GitPlace & { readonly tool: "refs"; readonly path: string })
  | GitPush;

/** A push as it is decided: everything but the objects, which the new ids commit to. */
export interface GitPush extends GitPlace {
  readonly tool: "push";
  readonly path: string;
  /** What rules compare: `/` and the ref, or the folder that all of several refs lie below. */
  readonly ref: string;
  /** Whether a ref is removed. */
  readonly removes: boolean;
  readonly updates: readonly RefUpdate[];
  /** Commits whose parents the client does not have. */
  readonly shallow: readonly string[];
  readonly capabilities: readonly string[];
}

const USER = /^[A-Za-z_][A-Za-z0-9._-]{0,63}$/;
const SEGMENT = /^[A-Za-z0-9_.+][A-Za-z0-9_.+@=-]{0,127}$/;
const REF = /^refs(?:\/[A-Za-z0-9_+][A-Za-z0-9_.+@=#-]{0,127}){2,12}$/;
const OBJECT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
const NOTHING = /^0+$/;

/**
 * What a client and a server may agree on for a push (gitprotocol-capabilities): how the outcome is told and how objects are
 * packed. Push options are not among them, since they make servers do things that no ref tells of; nor are signed pushes,
 * whose nonce belongs to one connection.
 */
export const PUSH_CAPABILITIES: readonly string[] = Object.freeze([
  "report-status",
  "report-status-v2",
  "side-band-64k",
  "delete-refs",
  "quiet",
  "atomic",
  "ofs-delta",
  "object-format=sha1",
  "object-format=sha256",
]);

/** Whether a text is the user of a place. */
export function isGitUser(text: string): boolean {
  return USER.test(text);
}

/**
 * Whether a text is a repository's path: absolute, no dot segments, no segment that begins with a dash (a program would take
 * it for an option), no character that a shell or git on the other side reads as anything but itself.
 */
export function isGitPath(text: string): boolean {
  const segments = pathSegments(text);
  return segments !== null && segments.length <= 16 && segments.every((segment) => SEGMENT.test(segment));
}

/** Whether a text is a full ref name of the plain kind: printable ASCII without what git or a pattern reads otherwise. */
export function isRef(text: string): boolean {
  return REF.test(text) && !/\.\.|\.(?:\/|$)|\.lock(?:\/|$)|@\{/.test(text);
}

/** Whether an object id is that of nothing: the ref is made or removed. */
export function isNothing(object: string): boolean {
  return NOTHING.test(object);
}

/** `/` and the ref, or the folder that all of these lie below, on whole segments. */
export function commonRef(refs: readonly string[]): string {
  const [first = [], ...others] = refs.map((ref) => ref.split("/"));
  const differs = first.findIndex((segment, index) => others.some((other) => other[index] !== segment));
  return `/${first.slice(0, differs < 0 ? first.length : differs).join("/")}`;
}

/** The strict decoder of what the device is asked for: one spelling of every part, so that what is decided is what is done. */
export function decodeGitCall(name: string, args: JsonObject): Decoded<GitCall> {
  return readDocument(args, (place) => {
    if (name === "fetch") {
      const at = place.fields("host", "port", "user", "path", "protocol");
      return { tool: name, ...readPlace(at), protocol: at("protocol").whole(0, 2) };
    }
    if (name === "refs") return { tool: name, ...readPlace(place.fields("host", "port", "user", "path")) };
    return name === "push" ? readPush(place) : place.fail("no tool of git over SSH");
  });
}

function readPlace(at: (name: "host" | "port" | "user" | "path") => Place): GitPlace & { readonly path: string } {
  const [host, path] = [at("host"), at("path")];
  if (typeof host.value !== "string" || !isNetHost(host.value)) return host.fail("not a host name in its one spelling");
  if (typeof path.value !== "string" || !isGitPath(path.value)) return path.fail("not a repository's path");
  return {
    host: host.value,
    port: at("port").whole(1, 65_535),
    user: at("user").text(USER, "a user's name"),
    path: path.value,
  };
}

function readPush(place: Place): GitPush {
  const at = place.fields("host", "port", "user", "path", "ref", "removes", "updates", "shallow", "capabilities");
  const updates = at("updates").list(MOST_UPDATES, readUpdate);
  const refs = updates.map(({ ref }) => ref);
  if (updates.length === 0) at("updates").fail("nothing is pushed");
  if (new Set(refs).size !== refs.length) at("updates").fail("a ref a second time");
  const ref = at("ref").value === commonRef(refs) ? commonRef(refs) : at("ref").fail("not what all refs lie below");
  const removes = at("removes").bool();
  if (removes !== updates.some((update) => isNothing(update.new))) at("removes").fail("not what the refs say");
  return {
    tool: "push",
    ...readPlace(at),
    ref,
    removes,
    updates,
    shallow: at("shallow").names(MOST_SHALLOW, readObject),
    capabilities: at("capabilities").names(PUSH_CAPABILITIES.length, (word) => word.oneOf(PUSH_CAPABILITIES)),
  };
}

function readUpdate(place: Place): RefUpdate {
  const at = place.fields("ref", "old", "new");
  const ref = at("ref").value;
  if (typeof ref !== "string" || !isRef(ref)) return at("ref").fail("not a full name of a ref");
  const update = { ref, old: readObject(at("old")), new: readObject(at("new")) };
  return isNothing(update.old) && isNothing(update.new) ? place.fail("neither makes nor changes the ref") : update;
}

function readObject(place: Place): string {
  return place.text(OBJECT, "an object's id");
}

/**
 * The place that an allowance of the device is about, or null when it does not name one exactly and its repository: whoever
 * grants this says to whom the agent speaks with a key of theirs.
 */
export function gitPlaceOf({ what, where }: Allow): GitPlace | null {
  if (!what.startsWith(`${GIT_DRIVER}/`)) return null;
  const [host, port, user] = ["host", "port", "user"].map((field) => {
    const condition = Object.hasOwn(where, field) ? where[field] : undefined;
    return condition !== undefined && "equals" in condition ? condition.equals : undefined;
  });
  const named = Object.hasOwn(where, "path");
  if (!named || typeof host !== "string" || !isNetHost(host)) return null;
  if (typeof user !== "string" || !isGitUser(user)) return null;
  if (typeof port !== "number" || !Number.isSafeInteger(port) || port < 1 || port > 65_535) return null;
  return { host, port, user };
}

/** The places among these allowances, each once. Null when an allowance names none exactly, or when they are too many. */
export function gitPlacesOf(allows: readonly Allow[]): readonly GitPlace[] | null {
  const places = new Map<string, GitPlace>();
  for (const allow of allows) {
    if (!allow.what.startsWith(`${GIT_DRIVER}/`)) continue;
    const place = gitPlaceOf(allow);
    if (place === null) return null;
    places.set(gitOrigin(place), place);
  }
  return places.size > MOST_GIT_PLACES ? null : [...places.values()];
}

/** The one spelling of a place: `ssh://user@host`, with `:port` where it is not 22. */
export function gitOrigin({ host, port, user }: GitPlace): string {
  return `ssh://${user}@${host}${port === SSH_PORT ? "" : `:${port}`}`;
}

const ORIGIN = /^ssh:\/\/([^@/:]+)@([^@/:]+)(?::([1-9][0-9]{0,4}))?$/;

/** Reads that spelling; null for every other. */
export function parseGitOrigin(origin: string): GitPlace | null {
  const [, user = "", host = "", digits] = ORIGIN.exec(origin) ?? [];
  const port = digits === undefined ? SSH_PORT : Number(digits);
  if (!isGitUser(user) || !isNetHost(host) || port > 65_535) return null;
  return digits !== undefined && port === SSH_PORT ? null : { host, port, user };
}
