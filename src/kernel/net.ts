import type { Action } from "./action.ts";
import { readChat, type ChatFacts, type MessageFacts } from "./chat.ts";
import { CHATS } from "./chat-services.ts";
import type { Decoded } from "./decoded.ts";
import type { ToolClass } from "./grant.ts";
import { isHostName } from "./hosts.ts";
import { deepFreeze, isObject, type JsonObject } from "./json.ts";
import { readDocument, type Place } from "./reading.ts";

/** Name of the built-in network device. No MCP server may have it. */
export const NET_DRIVER = "net";

/**
 * What the network device does, by tool: a request that only asks, a request that may change something, a tunnel, a
 * connection of a forwarded port, a message of a chat service, a look into its inbox.
 */
export const NET_TOOL_NAMES = ["fetch", "send", "connect", "forward", "message", "inbox"] as const;
export type NetTool = (typeof NET_TOOL_NAMES)[number];

/** Methods that ask and change nothing (RFC 9110 section 9.2.1). TRACE is refused: it hands back what others added. */
export const SAFE_METHODS: readonly string[] = Object.freeze(["GET", "HEAD", "OPTIONS"]);

const REQUEST_FIELDS = {
  scheme: "string",
  host: "string",
  port: "long",
  method: "string",
  path: "path",
} as const;

const CHAT_FIELDS = {
  chat: "string",
  scheme: "string",
  host: "string",
  port: "long",
  account: "string",
  api: "string",
} as const;

/**
 * The classes of the network device, compiled in: no grant can declare others (docs/decisions/network-device.md).
 * `fetch` and `message` reach a third party, `inbox` takes what an account was sent and names nobody, the others are
 * reserved. What comes back are words from outside.
 */
export const NET_TOOLS: { readonly [tool in NetTool]: ToolClass } = deepFreeze({
  fetch: { risk: "reach", labels: ["untrusted"], fields: REQUEST_FIELDS, recipients: {} },
  send: { risk: "reserved", labels: ["untrusted"], fields: REQUEST_FIELDS, recipients: {} },
  connect: { risk: "reserved", labels: ["untrusted"], fields: { host: "string", port: "long" }, recipients: {} },
  forward: {
    risk: "reserved",
    labels: ["untrusted"],
    fields: { host: "string", port: "long", inside: "long" },
    recipients: {},
  },
  message: {
    risk: "reach",
    labels: ["untrusted"],
    fields: { ...CHAT_FIELDS, previews: "bool" },
    recipients: { to: "handle" },
  },
  inbox: { risk: "observe", labels: ["untrusted", "private"], fields: CHAT_FIELDS, recipients: {} },
});

/** A body of a request. `stream` is one that is not part of the action: its length, or null when it is not known. */
export type NetBody =
  | { readonly kind: "none" }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "base64"; readonly base64: string }
  | { readonly kind: "stream"; readonly length: number | null };

/** One request as it is decided and sent: nothing but this reaches the server, a streamed body apart. */
export interface NetRequest {
  readonly tool: "fetch" | "send";
  readonly scheme: "http" | "https";
  readonly host: string;
  readonly port: number;
  readonly method: string;
  /** What rules compare: the path of `target` without a slash at its end. */
  readonly path: string;
  /** The request target (RFC 9112 section 3.2.1): path and query as they are sent. */
  readonly target: string;
  /** Names in lower case. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: NetBody;
  /** Whether the connection becomes a WebSocket. */
  readonly upgrade: boolean;
}

/** A request to a chat service, read as a call of it. */
export type NetChat = Omit<NetRequest, "tool"> &
  (({ readonly tool: "message" } & MessageFacts) | ({ readonly tool: "inbox" } & ChatFacts));

/** A tunnel of which only host and port are seen. */
export interface NetTunnel {
  readonly tool: "connect";
  readonly host: string;
  readonly port: number;
}

/** A connection of a forwarded port (kernel/forwards.ts), of which nothing is seen. */
export interface NetForward {
  readonly tool: "forward";
  readonly host: string;
  readonly port: number;
  /** The port of the agent's own loopback address that was connected to. */
  readonly inside: number;
}

/** Anything that the network device is asked for. */
export type NetCall = NetRequest | NetChat | NetTunnel | NetForward;

const METHOD = /^[A-Z][A-Z-]{0,19}$/;
/** A path as RFC 3986 writes it, and any printable query; no fragment, no backslash. */
const TARGET = /^\/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*(?:\?[\x21\x22\x24-\x5b\x5d-\x7e]*)?$/;
const UNRESERVED = /%(?:2[dDeE]|3[0-9]|4[1-9a-fA-F]|5[0-9aAfF]|6[1-9a-fA-F]|7[0-9aAeE])/;
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]{1,256}$/;
const HEADER_VALUE = /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]{0,16382}[\x21-\x7e\x80-\xff])?)?$/;
const MAX_HEADERS = 100;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Headers by which servers take another method, host or path than the one that was decided. */
const OVERRIDES: ReadonlySet<string> = new Set([
  "x-http-method",
  "x-http-method-override",
  "x-method-override",
  "x-original-method",
  "x-original-url",
  "x-original-host",
  "x-original-uri",
  "x-forwarded-host",
  "x-forwarded-server",
  "x-forwarded-prefix",
  "x-forwarded-path",
  "x-forwarded-uri",
  "x-host",
  "x-http-host-override",
  "forwarded",
  "x-rewrite-url",
  // Where WebDAV's COPY and MOVE write.
  "destination",
]);

/**
 * Headers that no action may hold: those that frame the message or name its host are made from the action itself, and
 * those by which servers take another method, host or path than the one that was decided.
 */
export const REFUSED_HEADERS: ReadonlySet<string> = new Set([
  "host",
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "content-length",
  "upgrade",
  "expect",
  "http2-settings",
  ...OVERRIDES,
]);

/**
 * The path that rules compare, from a request target; null for one that servers read in different ways: dot segments,
 * plain or escaped at any depth, behind a `;` or before spaces that some drop, empty segments, escapes of
 * characters that need none, backslashes, characters in more bytes than UTF-8 has for them.
 */
export function netPath(target: string): string | null {
  if (target.length > 8192 || !TARGET.test(target)) return null;
  const [raw = ""] = target.split("?", 1);
  if (raw === "/") return "/";
  if (UNRESERVED.test(raw)) return null;
  const path = raw.endsWith("/") ? raw.slice(0, -1) : raw;
  const segments = path.slice(1).split("/");
  return segments.every(hasOneReading) ? path : null;
}

/** What lax decoders of UTF-8 take for a character of one byte, a dot or a slash among them. */
const OVERLONG = /[\xc0\xc1][\x80-\xbf]|\xe0[\x80-\x9f][\x80-\xbf]|\xf0[\x80-\x8f][\x80-\xbf]{2}/;

function hasOneReading(segment: string): boolean {
  if (segment === "") return false;
  // What is escaped twice is plain to a server behind another; three times is nobody's honest name.
  let text = segment;
  for (let round = 0; round < 3; round++) {
    // A `;` ends the segment for servers with path parameters: `..;x` is `..` there. Others drop spaces at its end.
    if (text.split(/[/\\]/).some((part) => /^\.{1,2}(?: [. ]*)?(?:;|$)/.test(part))) return false;
    const plain = text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    if (OVERLONG.test(plain)) return false;
    // Bytes of longer characters are no control characters.
    if (/\p{Cc}/u.test(plain.replace(/[\x80-\xff]/g, ""))) return false;
    if (plain === text) return true;
    text = plain;
  }
  return false;
}

/** Whether a text is a host that the network device may be asked for: a full name, or this machine by name. No literals. */
export function isNetHost(text: string): boolean {
  return text === "localhost" || isHostName(text);
}

/**
 * The strict decoder of what the network device is asked for. There is one spelling of every part, so that what is
 * decided, shown and sent is the same; a safe method without a body and an upgrade is `fetch`, everything else `send`.
 */
export function decodeNetCall(name: string, args: JsonObject): Decoded<NetCall> {
  return readDocument(args, (place) => {
    if (name === "connect") return readTunnel(place);
    if (name === "forward") return readForward(place);
    if (name === "message" || name === "inbox") return readChatCall(place, name);
    return name === "fetch" || name === "send" ? readRequest(place, name) : place.fail("no tool of the network device");
  });
}

function readTunnel(place: Place): NetTunnel {
  const at = place.fields("host", "port");
  return { tool: "connect", host: readHost(at("host")), port: at("port").whole(1, 65_535) };
}

function readForward(place: Place): NetForward {
  const at = place.fields("host", "port", "inside");
  const [port, inside] = [at("port").whole(1, 65_535), at("inside").whole(1024, 65_535)];
  return { tool: "forward", host: readHost(at("host")), port, inside };
}

/** What every request says. */
const COMMON = ["scheme", "host", "port", "method", "path", "target", "headers"] as const;
type Fields = (name: (typeof COMMON)[number]) => Place;

function readRequest(place: Place, tool: "fetch" | "send"): NetRequest {
  const at = tool === "send" ? place.fields(...COMMON, "body", "upgrade") : place.fields(...COMMON);
  const more = tool === "send" ? place.fields(...COMMON, "body", "upgrade") : null;
  const common = readCommon(at);
  const { method } = common;
  const body = more === null ? ({ kind: "none" } as const) : readBody(more("body"));
  const upgrade = more?.("upgrade").bool() ?? false;
  const safe = SAFE_METHODS.includes(method);
  const plain = safe && body.kind === "none" && !upgrade;
  if (plain !== (tool === "fetch")) place.fail(`not what ${tool} is for`);
  if (upgrade && (method !== "GET" || body.kind !== "none")) place.fail("a WebSocket begins with a GET without a body");
  return { tool, ...common, body, upgrade };
}

function readCommon(at: Fields): Omit<NetRequest, "tool" | "body" | "upgrade"> {
  const method = at("method").text(METHOD, "a method");
  if (method === "CONNECT" || method === "TRACE") at("method").fail("a method that is not for requests");
  const target = at("target").text(TARGET, "a request target");
  const path = netPath(target);
  if (path === null) return at("target").fail("a target with more than one reading");
  if (at("path").value !== path) at("path").fail("not the path of the target");
  return {
    scheme: at("scheme").oneOf(["http", "https"]),
    host: readHost(at("host")),
    port: at("port").whole(1, 65_535),
    method,
    path,
    target,
    headers: at("headers").list(MAX_HEADERS, readHeader),
  };
}

/** A call of a chat service says what its request does, and nothing else. */
function readChatCall(place: Place, tool: "message" | "inbox"): NetChat {
  const facts = tool === "message" ? (["to", "previews"] as const) : [];
  const at = place.fields(...COMMON, "body", "chat", "api", "account", ...facts);
  const request = { ...readCommon(at), body: readBody(at("body")), upgrade: false };
  const reading = readChat(at("chat").oneOf(CHATS), request);
  if (reading.kind === "refused") return place.fail(reading.why);
  if (reading.kind === "inbox") {
    expectFacts(at, reading.facts);
    return tool === "inbox" ? { tool, ...request, ...reading.facts } : place.fail("no message");
  }
  if (tool !== "message") return place.fail("a message");
  const said = place.fields(...COMMON, "body", "chat", "api", "account", "to", "previews");
  expectFacts(at, reading.facts);
  const { to } = reading.facts;
  const given = said("to").list(to.length, (each) => each.value);
  if (given.length !== to.length || given.some((each, index) => each !== to[index]))
    said("to").fail("not whom the request names");
  if (said("previews").bool() !== reading.facts.previews) said("previews").fail("not what the request says");
  return { tool, ...request, ...reading.facts };
}

function expectFacts(at: (name: "api" | "account") => Place, { api, account }: ChatFacts): void {
  if (at("api").value !== api) at("api").fail("not the method of the request");
  if (at("account").value !== account) at("account").fail("not the account of the request");
}

function readHost(place: Place): string {
  const { value } = place;
  return typeof value === "string" && isNetHost(value) ? value : place.fail("not a host name in its one spelling");
}

function readHeader(place: Place): readonly [string, string] {
  const pair = place.list(2, (part) => part);
  const [name, value] = pair;
  if (name === undefined || value === undefined) return place.fail("not a name and a value");
  const read = name.text(HEADER_NAME, "a header's name in lower case");
  // Gateways that hand headers on as variables (CGI, WSGI) know no difference between `-` and `_`.
  const meant = read.replaceAll("_", "-");
  if (OVERRIDES.has(meant))
    name.fail(`"${read}" would have servers take another method, host or path than this; ask for that one itself`);
  if (REFUSED_HEADERS.has(meant)) name.fail("a header that no request may choose");
  return [read, value.text(HEADER_VALUE, "a header's value")];
}

function readBody(place: Place): NetBody {
  const { value } = place;
  const kind = value !== undefined && isObject(value) ? value["kind"] : undefined;
  if (kind === "none") {
    place.fields("kind");
    return { kind };
  }
  if (kind === "text")
    return {
      kind,
      text: place
        .fields(
          "kind",
          "text",
        )("text")
        .text(/^\P{Cs}+$/u, "a text"),
    };
  if (kind === "base64") return { kind, base64: place.fields("kind", "base64")("base64").text(BASE64, "base64") };
  if (kind !== "stream") return place.fail("not a body of kind none, text, base64 or stream");
  const length = place.fields("kind", "length")("length");
  return { kind, length: length.orNull((count) => count.whole(1, Number.MAX_SAFE_INTEGER)) };
}

/**
 * Whether an action says everything that it will do. A streamed body is not part of the action: nobody can be shown it,
 * so nobody can be asked (SHOWN-SIGNED-RUN), and only a lease lets it run.
 */
export function isShownInFull(action: Action): boolean {
  if (action.driver !== NET_DRIVER || action.name !== "send") return true;
  const body = Object.hasOwn(action.arguments, "body") ? action.arguments["body"] : undefined;
  return !(body !== undefined && isObject(body) && body["kind"] === "stream");
}

/** Characters of a request that a message names. */
const NAMED_MOST = 256;

/**
 * What a proposal asks of the network in a line, `POST https://api.test/v1`, whatever it is: who reads that no grant allows
 * it has to know which one to look for. The query is left out; agents and what they ask wrote every word of it.
 */
export function nameRequest({ method, scheme, host, port, path }: JsonObject): string {
  const [way, name, below] = [scheme, host, path].map((part) => (typeof part === "string" ? part : ""));
  const usual = port === (scheme === "https" ? 443 : 80) || typeof port !== "number";
  const place = `${way === "" ? "" : `${way}://`}${name}${usual ? "" : `:${port}`}${below}`;
  return `${typeof method === "string" ? `${method} ` : ""}${place}`.slice(0, NAMED_MOST).replaceAll(/[^ -~]/g, "?");
}
