import type { Allow } from "./grant.ts";
import { readParameters, Unread, type ChatParameters } from "./chat-parameters.ts";
import {
  CHAT_METHODS,
  CHATS,
  isChatRecipient,
  mayPreview,
  parameterProblem,
  type Chat,
  type ChatMethod,
} from "./chat-services.ts";
import type { JsonValue } from "./json.ts";
import type { NetRequest } from "./net.ts";
import { PLACEHOLDER } from "./names.ts";

/** What a request says as a call of a chat service. */
export interface ChatFacts {
  readonly chat: Chat;
  /** The method, as the service or its documentation calls it. */
  readonly api: string;
  /** Name of the secret whose placeholder it carries: the bot that speaks. */
  readonly account: string;
}

/** One that says something to somebody. */
export interface MessageFacts extends ChatFacts {
  /** Recipients in their one spelling, at least one. */
  readonly to: readonly string[];
  /** Whether the service may be made to ask addresses in it. */
  readonly previews: boolean;
}

export type ChatReading =
  | { readonly kind: "message"; readonly facts: MessageFacts }
  | { readonly kind: "inbox"; readonly facts: ChatFacts }
  | { readonly kind: "refused"; readonly why: string };

/** A request as far as a reading goes. */
export type ChatRequest = Pick<NetRequest, "method" | "path" | "target" | "headers" | "body">;

/** Where a chat service is spoken to. */
export interface ChatPlace {
  readonly chat: Chat;
  readonly scheme: string;
  readonly host: string;
  readonly port: number;
}

/**
 * Reads a request to a chat service: which method it calls, as which bot, and to whom. Methods, parameters and recipients are
 * closed lists, and what could be read in two ways is refused, so that what is decided on is what the service does.
 */
export function readChat(chat: Chat, request: ChatRequest): ChatReading {
  try {
    const call = SERVICES[chat](request);
    const method = Object.hasOwn(CHAT_METHODS[chat], call.api) ? CHAT_METHODS[chat][call.api] : undefined;
    if (method === undefined) throw new Unread(`"${call.api.slice(0, 64)}" is no method that is known here`);
    const parameters = readParameters(request.headers, request.body);
    const problem = parameterProblem(method, parameters);
    if (problem !== null) throw new Unread(problem);
    const facts = { chat, api: call.api, account: call.account };
    if (method.tool === "inbox") return { kind: "inbox", facts };
    const to = [recipientOf(chat, call.to ?? named(method, parameters))];
    return { kind: "message", facts: { ...facts, to, previews: mayPreview(chat, parameters) } };
  } catch (error) {
    if (error instanceof Unread) return { kind: "refused", why: error.message };
    throw error;
  }
}

/** What the address and the headers of a request say. `to`: the recipient where it stands in the path. */
interface Call {
  readonly api: string;
  readonly account: string;
  readonly to: string | null;
}

const SERVICES: { readonly [chat in Chat]: (request: ChatRequest) => Call } = {
  telegram: (request) => {
    const [, folder, placeholder = "", api = ""] =
      /^(\/file)?\/bot([^/]+)\/([A-Za-z0-9_./-]{1,256})$/.exec(request.target) ?? [];
    if (valuesOf(request, "authorization").length > 0) throw new Unread("it has a second key");
    expectMethod(request, folder === undefined ? "POST" : "GET");
    return { api: folder === undefined ? api : "file", account: accountOf(placeholder), to: null };
  },
  slack: (request) => {
    const [, api = ""] = /^\/api\/([A-Za-z.]{1,64})$/.exec(request.target) ?? [];
    expectMethod(request, "POST");
    return { api, account: bearer(request, "Bearer "), to: null };
  },
  discord: (request) => {
    const line = `${request.method} ${request.target}`;
    for (const [api, pattern] of DISCORD_LINES) {
      const [found, to] = pattern.exec(line) ?? [];
      if (found !== undefined) return { api, account: bearer(request, "Bot "), to: to ?? null };
    }
    throw new Unread("it is no method that is known here");
  },
};

const API = String.raw`\/api\/v1[0-9]`;
const IN_CHANNEL = String.raw`${API}\/channels\/([0-9]{1,20})`;
const DISCORD_LINES: readonly (readonly [string, RegExp])[] = [
  ["createMessage", new RegExp(`^POST ${IN_CHANNEL}/messages$`)],
  ["editMessage", new RegExp(`^PATCH ${IN_CHANNEL}/messages/[0-9]{1,20}$`)],
  ["deleteMessage", new RegExp(`^DELETE ${IN_CHANNEL}/messages/[0-9]{1,20}$`)],
  ["createReaction", new RegExp(`^PUT ${IN_CHANNEL}/messages/[0-9]{1,20}/reactions/[A-Za-z0-9_%:]{1,100}/@me$`)],
  ["triggerTyping", new RegExp(`^POST ${IN_CHANNEL}/typing$`)],
  ["getMessages", new RegExp(`^GET ${IN_CHANNEL}/messages(?:\\?(?:(?:limit|before|after|around)=[0-9]{1,20}&?)*)?$`)],
  ["getChannel", new RegExp(`^GET ${IN_CHANNEL}$`)],
  ["getCurrentUser", new RegExp(`^GET ${API}/users/@me$`)],
];

function expectMethod({ method, body }: ChatRequest, expected: string): void {
  if (method !== expected) throw new Unread(`it is asked with ${method}, and ${expected} is what is read`);
  if (expected === "GET" && body.kind !== "none") throw new Unread("it has a body");
}

function bearer(request: ChatRequest, word: string): string {
  const [value = "", ...others] = valuesOf(request, "authorization");
  if (others.length > 0 || !value.startsWith(word)) throw new Unread(`it has not one key after "${word.trim()}"`);
  return accountOf(value.slice(word.length));
}

function valuesOf({ headers }: ChatRequest, name: string): readonly string[] {
  // A session of somebody's would be another account.
  if (headers.some(([each]) => each === "cookie")) throw new Unread("it has a cookie");
  return headers.flatMap(([each, value]) => (each === name ? [value] : []));
}

/** The name of the secret that a placeholder stands for; whether it is this agent's is asked where it is injected. */
function accountOf(placeholder: string): string {
  const [, name] = PLACEHOLDER.exec(placeholder) ?? [];
  if (name === undefined)
    throw new Unread("it does not carry the placeholder of a secret where the service has its key");
  return name;
}

function named({ to }: ChatMethod, { values }: ChatParameters): JsonValue | undefined {
  return to === null ? undefined : values.get(to);
}

function recipientOf(chat: Chat, value: JsonValue | undefined): string {
  const text = typeof value === "number" ? String(value) : value;
  if (typeof text !== "string") throw new Unread("it names no recipient");
  return isChatRecipient(chat, text) ? text : fail(text);
}

function fail(text: string): never {
  throw new Unread(`${JSON.stringify(text.slice(0, 64))} is no recipient in its one spelling`);
}

/** What allowances of chat services name. */
export const CHAT_ALLOWS: readonly string[] = ["net/message", "net/inbox"];

/**
 * The place of a chat service that an allowance is about; null for one that does not name service, place and account exactly
 * and the methods one by one.
 */
export function chatPlaceOf({ what, where }: Allow): ChatPlace | null {
  if (!CHAT_ALLOWS.includes(what)) return null;
  const [chat, scheme, host, port, account] = ["chat", "scheme", "host", "port", "account"].map((field) => {
    const condition = Object.hasOwn(where, field) ? where[field] : undefined;
    return condition !== undefined && "equals" in condition ? condition.equals : undefined;
  });
  const known = CHATS.find((each) => each === chat);
  const api = Object.hasOwn(where, "api") ? where["api"] : undefined;
  const listed = api !== undefined && ("in" in api || "equals" in api);
  if (known === undefined || !listed || typeof account !== "string") return null;
  if (typeof scheme !== "string" || typeof host !== "string" || typeof port !== "number") return null;
  return { chat: known, scheme, host, port };
}

/** The places among these allowances, each once. Null when one of them names none exactly. */
export function chatPlacesOf(allows: readonly Allow[]): readonly ChatPlace[] | null {
  const places = new Map<string, ChatPlace>();
  for (const allow of allows) {
    if (!CHAT_ALLOWS.includes(allow.what)) continue;
    const place = chatPlaceOf(allow);
    if (place === null) return null;
    places.set(Object.values(place).join(" "), place);
  }
  return [...places.values()];
}
