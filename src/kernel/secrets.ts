import type { Decoded } from "./decoded.ts";
import { isNetHost, netPath, REFUSED_HEADERS, type NetCall, type NetRequest } from "./net.ts";
import { SECRET_NAME } from "./names.ts";
import { isUnder } from "./paths.ts";
import { readDocument, type Place } from "./reading.ts";
import type { JsonValue } from "./json.ts";

/** Where a secret may be sent and how: an owner signs each of these (SECRETS-OUTSIDE). */
export type Binding = HeaderBinding | PathBinding;

interface AnyBinding {
  readonly secret: string;
  /** Origin in its one spelling; `http:` for this machine only. */
  readonly to: string;
  readonly methods: readonly string[];
}

/** A secret that goes into a header. */
export interface HeaderBinding extends AnyBinding {
  /** This path and what is below it. */
  readonly path: string;
  /** The one header that carries it, in lower case. */
  readonly header: string;
  /** The word before it (`Bearer`), or null when it stands alone. */
  readonly scheme: string | null;
}

/** A secret that is a part of the path itself, as bots' services have it (`/bot<secret>/getMe`). */
export interface PathBinding extends AnyBinding {
  /** What it stands right behind, from the beginning of the path on. */
  readonly after: readonly string[];
}

/** A binding without the secret's name. */
export type BindingTerms = Omit<HeaderBinding, "secret"> | Omit<PathBinding, "secret">;

/** A binding that one instance was granted, with what stands for the secret inside it. */
export type Injection = HeaderInjection | (PathBinding & Placeheld);
export type HeaderInjection = HeaderBinding & Placeheld;
interface Placeheld {
  readonly placeholder: string;
}

/** What a grant says of one variable of an agent's environment: the secret that its placeholder stands for, and where to. */
export interface SecretUse {
  readonly secret: string;
  readonly to: string;
}

const ORIGIN = /^(https?):\/\/([^/:@?#]+)(?::([1-9][0-9]{0,4}))?$/;
const METHODS: readonly string[] = ["GET", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"];
const HEADER = /^[a-z0-9][a-z0-9-]{0,63}$/;
const SCHEME = /^[A-Za-z][A-Za-z0-9-]{0,31}$/;
/** Beginnings of a path that one secret may stand behind. */
const MOST_PATHS = 4;
/** Headers that mean something else to a server or a cache than who asks. */
const NO_CREDENTIALS: readonly string[] = ["accept", "accept-encoding", "content-type", "range", "if-range"];

/** An origin taken apart. */
export interface Origin {
  readonly scheme: "http" | "https";
  readonly host: string;
  readonly port: number;
}

/** Reads `https://host` or `http://host`, with `:port` where it is not the usual one; null for every other spelling. */
export function parseOrigin(origin: string): Origin | null {
  const [, scheme, host = "", digits] = ORIGIN.exec(origin) ?? [];
  if ((scheme !== "http" && scheme !== "https") || !isNetHost(host)) return null;
  const usual = scheme === "https" ? 443 : 80;
  const port = digits === undefined ? usual : Number(digits);
  // One spelling: the usual port is not written.
  return port > 65_535 || (digits !== undefined && port === usual) ? null : { scheme, host, port };
}

/** An origin to which a secret may go: over TLS, or to this machine. */
export function parseSecretOrigin(origin: string): Origin | null {
  const read = parseOrigin(origin);
  return read !== null && (read.scheme === "https" || read.host === "localhost") ? read : null;
}

/** Decodes what is signed when a secret is bound to a destination. */
export function decodeBinding(value: JsonValue): Decoded<Binding> {
  return readDocument(value, (place) => {
    if (place.given("after").length > 0) return readPathBinding(place);
    const at = place.fields("secret", "to", "methods", "path", "header", "scheme");
    const methods = readMethods(at("methods"));
    const header = at("header").text(HEADER, "a header's name in lower case");
    if (REFUSED_HEADERS.has(header) || NO_CREDENTIALS.includes(header)) at("header").fail("a header for other things");
    const scheme = at("scheme").orNull((word) => word.text(SCHEME, "a word such as Bearer"));
    if (scheme?.toLowerCase() === "basic") at("scheme").fail("encoded together with a user's name, which is not built");
    const path = at("path").text(/^\/[\x21-\x7e]{0,1023}$/, "a path");
    if (netPath(path) !== path) at("path").fail("a path with more than one reading");
    return { secret: readSecretName(at("secret")), to: readOrigin(at("to")), methods, path, header, scheme };
  });
}

function readPathBinding(place: Place): PathBinding {
  const at = place.fields("secret", "to", "methods", "after");
  const after = at("after").names(MOST_PATHS, (begin) => {
    const path = begin.text(/^\/[\x21-\x7e]{1,255}$/, "the beginning of a path");
    return netPath(path) === path ? path : begin.fail("a path with more than one reading");
  });
  if (after.length === 0) at("after").fail("no path is named");
  return { secret: readSecretName(at("secret")), to: readOrigin(at("to")), methods: readMethods(at("methods")), after };
}

function readMethods(place: Place): readonly string[] {
  const methods = place.names(METHODS.length, (method) => method.oneOf(METHODS));
  return methods.length === 0 ? place.fail("no method is named") : methods;
}

/** The document that is signed when a secret is removed. */
export function decodeRemoval(value: JsonValue): Decoded<{ readonly secret: string }> {
  return readDocument(value, (place) => ({ secret: readSecretName(place.fields("secret")("secret")) }));
}

/** Variables of an agent's environment that no secret may take the place of: they say how programs load, find and reach. */
const VARIABLE =
  /^(?!(?:LD_|AIOS_|NODE_|GLIBC_|PYTHON|GIT_|BASH_|npm_)|(?:PATH|HOME|LANG|TERM|SHELL|ENV|IFS)$|.*PROXY$)[A-Za-z_][A-Za-z0-9_]{0,63}$/i;

/** Reads the secrets of a grant, by variable. Absent means none; an empty list has no second spelling. */
export function readSecretUses(place: Place): { readonly [variable: string]: SecretUse } {
  const uses = place.map({ key: VARIABLE, max: 16 }, (use) => {
    const at = use.fields("secret", "to");
    return { secret: readSecretName(at("secret")), to: readOrigin(at("to")) };
  });
  return Object.keys(uses).length === 0 ? place.fail("empty: it is left out when there are none") : uses;
}

/** Reads the name of a secret. */
export function readSecretName(place: Place): string {
  return place.text(SECRET_NAME, "the name of a secret");
}

function readOrigin(place: Place): string {
  const { value } = place;
  const fits = typeof value === "string" && parseSecretOrigin(value) !== null;
  return fits ? value : place.fail("not https to a host name, nor http to localhost");
}

/** How every placeholder begins. */
export const PLACEHOLDER_MARK = "aios-secret-";
/** The same in base64, at each of the three places that it can begin at in a group of three bytes. */
const MARK_IN_BASE64: readonly string[] = ["YWlvcy1zZWNyZXQt", "Fpb3Mtc2VjcmV0L", "haW9zLXNlY3JldC"];

/** Whether a text holds a placeholder, in any case, percent-encoded, or in base64 as `Basic` has it. */
export function holdsPlaceholder(text: string): boolean {
  if (MARK_IN_BASE64.some((mark) => text.includes(mark))) return true;
  let plain = text;
  // Escaped three times is nobody's honest request; what is deeper is not read by any server as a credential.
  for (let round = 0; round < 4; round++) {
    if (plain.toLowerCase().includes(PLACEHOLDER_MARK)) return true;
    const next = plain.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    if (next === plain) return false;
    plain = next;
  }
  return false;
}

/** What a request says by the placeholders in it. */
export type PlaceholderUse =
  | { readonly kind: "none" }
  | { readonly kind: "inject"; readonly injection: Injection }
  | { readonly kind: "misplaced"; readonly why: string };

/**
 * Where the placeholders in a request stand. There is one place for one: alone, after its scheme's word, in the header that
 * it is bound to, or where its binding says in the path, in a request that its binding admits. Anything else is misplaced,
 * and the request must not leave.
 */
export function placeholderUse(call: NetCall, injections: readonly Injection[]): PlaceholderUse {
  if (call.tool === "connect" || call.tool === "forward") return { kind: "none" };
  const { body } = call;
  if (body.kind === "text" && holdsPlaceholder(body.text)) return misplaced("in its body");
  if (body.kind === "base64" && holdsPlaceholder(body.base64)) return misplaced("in its body");
  const carrying = call.headers.filter((pair) => pair.some(holdsPlaceholder));
  const [first, ...others] = carrying;
  if (holdsPlaceholder(call.target)) {
    if (first !== undefined) return misplaced("in its path and in a header");
    const found = injections.find(
      (each) => "after" in each && fillPath(call.target, each, "") !== null && admits(each, call),
    );
    return found === undefined ? misplaced("in its path or query") : { kind: "inject", injection: found };
  }
  if (first === undefined) return { kind: "none" };
  if (others.length > 0) return misplaced("in more than one header");
  const [header, value] = first;
  if (call.headers.some((pair) => pair !== first && pair[0] === header))
    return misplaced("in a header that is there twice");
  const own = injections.filter((each) => value.endsWith(each.placeholder));
  if (own.length === 0) return misplaced("it is none of this instance's");
  const formed = own.filter(
    (each) => "header" in each && each.header === header && value === injectedText(each, each.placeholder),
  );
  if (formed.length === 0) return misplaced(`in header ${header}, not as it is bound`);
  const injection = formed.find((each) => admits(each, call));
  if (injection !== undefined) return { kind: "inject", injection };
  return misplaced(asksForPart(call) ? "a part is asked for, by Range" : "no binding is for this destination");
}

/** The value of a binding's header. */
export function injectedText({ scheme }: Pick<HeaderBinding, "scheme">, text: string): string {
  return scheme === null ? text : `${scheme} ${text}`;
}

/**
 * A target with `text` where the placeholder stands in its path: right behind one of the beginnings that the binding names,
 * and at the end of its segment. Null when it stands anywhere else, or a second time.
 */
export function fillPath(
  target: string,
  { after, placeholder }: Pick<PathBinding, "after"> & { readonly placeholder: string },
  text: string,
): string | null {
  for (const begin of after) {
    if (!target.startsWith(begin + placeholder)) continue;
    const rest = target.slice(begin.length + placeholder.length);
    if (/^(?:[/?]|$)/.test(rest) && !holdsPlaceholder(rest)) return begin + text + rest;
  }
  return null;
}

/** Whether a value can stand in a path as it is: no character that ends a segment or needs an escape. */
export function fitsPath(value: string): boolean {
  return /^[A-Za-z0-9\-._~:]+$/.test(value);
}

/**
 * Whether a binding is for a request. Not for one that becomes a WebSocket, whose bytes nobody scrubs, nor for a part of a
 * resource: a secret that is echoed could come back in two parts that are each none.
 */
export function admits(binding: Binding, call: Omit<NetRequest, "tool" | "body">): boolean {
  const to = parseSecretOrigin(binding.to);
  if (to === null || to.scheme !== call.scheme || to.host !== call.host || to.port !== call.port) return false;
  const asked = call.method === "HEAD" ? "GET" : call.method;
  if (!binding.methods.includes(asked) || call.upgrade) return false;
  if ("path" in binding && !isUnder(call.path, binding.path)) return false;
  return !asksForPart(call);
}

function asksForPart({ headers }: Pick<NetRequest, "headers">): boolean {
  return headers.some(([name]) => name === "range" || name === "if-range");
}

function misplaced(why: string): PlaceholderUse {
  return { kind: "misplaced", why };
}
