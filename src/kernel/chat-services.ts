import { isArray, isObject, parseJson, type JsonValue } from "./json.ts";
import { Unread, type ChatParameters } from "./chat-parameters.ts";

/** Chat services whose messages are read for their recipient. What they take is theirs, as they document it, November 2026. */
export const CHATS = ["telegram", "slack", "discord"] as const;
export type Chat = (typeof CHATS)[number];

/** What is known of one method of a service. */
export interface ChatMethod {
  /** Whether it says something to a recipient, or reads what there is. */
  readonly tool: "message" | "inbox";
  /** The parameter that names the recipient; null where the path does, or where there is none. */
  readonly to: string | null;
  /** Every parameter that it takes; another one refuses the call. */
  readonly takes: { readonly [parameter: string]: Check };
  /** Parameters of which it needs one: without them the service would find its recipient elsewhere, or nowhere. */
  readonly needs: string | null;
}

/** Says whether a parameter may be what it is. Of a form everything is text. */
export type Check = (value: JsonValue) => boolean;

/** Words, markup, buttons: what the recipient gets. */
const content: Check = () => true;
const plain: Check = (value) => ["string", "number", "boolean"].includes(typeof value);
const count: Check = (value) =>
  Number.isSafeInteger(value) || (typeof value === "string" && /^-?[0-9]{1,16}$/.test(value));
const flag: Check = (value) => value === true || value === false || value === "true" || value === "false";
const word: Check = (value) => typeof value === "string" && /^[A-Za-z0-9_-]{1,256}$/.test(value);
/** Something that the service has, or a part of this body. An address would have the service ask there. */
const file: Check = (value) => typeof value === "string" && /^(?:attach:\/\/)?[A-Za-z0-9_-]{1,256}$/.test(value);

/** What an answer refers to: never something of another chat. */
const refersTo =
  (...names: readonly string[]): Check =>
  (value) => {
    const object = asObject(value);
    return object !== null && Object.keys(object).every((name) => names.includes(name));
  };

const REPLY = refersTo(
  "message_id",
  "allow_sending_without_reply",
  "quote",
  "quote_parse_mode",
  "quote_entities",
  "quote_position",
);

const TELEGRAM_COMMON: ChatMethod["takes"] = {
  disable_notification: flag,
  protect_content: flag,
  message_thread_id: count,
  reply_parameters: REPLY,
  reply_to_message_id: count,
  allow_sending_without_reply: flag,
  reply_markup: content,
};
const TELEGRAM_TEXT: ChatMethod["takes"] = {
  text: plain,
  parse_mode: word,
  entities: content,
  link_preview_options: content,
  disable_web_page_preview: flag,
};
const TELEGRAM_CAPTION: ChatMethod["takes"] = { caption: plain, parse_mode: word, caption_entities: content };

function telegram(takes: ChatMethod["takes"], needs: string | null = null): ChatMethod {
  return { tool: "message", to: "chat_id", takes, needs };
}
const reads = (takes: ChatMethod["takes"], needs: string | null = null): ChatMethod => {
  return { tool: "inbox", to: null, takes, needs };
};

/** What writes to more than its recipient (forwards, webhooks, commands, invitations, payments …) is not here. */
const TELEGRAM: { readonly [method: string]: ChatMethod } = {
  sendMessage: telegram({ ...TELEGRAM_COMMON, ...TELEGRAM_TEXT }, "text"),
  sendChatAction: telegram({ action: word, message_thread_id: count }),
  editMessageText: telegram({ ...TELEGRAM_TEXT, message_id: count, reply_markup: content }, "message_id"),
  editMessageReplyMarkup: telegram({ message_id: count, reply_markup: content }, "message_id"),
  deleteMessage: telegram({ message_id: count }, "message_id"),
  setMessageReaction: telegram({ message_id: count, reaction: content, is_big: flag }, "message_id"),
  sendPhoto: telegram({ ...TELEGRAM_COMMON, ...TELEGRAM_CAPTION, photo: file, has_spoiler: flag }),
  sendDocument: telegram({ ...TELEGRAM_COMMON, ...TELEGRAM_CAPTION, document: file }),
  sendVoice: telegram({ ...TELEGRAM_COMMON, ...TELEGRAM_CAPTION, voice: file, duration: count }),
  getMe: reads({}),
  getUpdates: reads({ offset: count, limit: count, timeout: count, allowed_updates: content }),
  getChat: reads({ chat_id: plain }, "chat_id"),
  getChatMember: reads({ chat_id: plain, user_id: count }, "chat_id"),
  getFile: reads({ file_id: word }, "file_id"),
  getWebhookInfo: reads({}),
  // Without it nothing can be polled; it takes an address away and names none.
  deleteWebhook: reads({ drop_pending_updates: flag }),
  file: reads({}),
};

const SLACK_TEXT: ChatMethod["takes"] = {
  text: plain,
  mrkdwn: flag,
  parse: word,
  link_names: flag,
  unfurl_links: flag,
  unfurl_media: flag,
  blocks: content,
  attachments: content,
};
const slack = (takes: ChatMethod["takes"], needs: string | null = null): ChatMethod => {
  return { tool: "message", to: "channel", takes, needs };
};
const SLACK_PAGE: ChatMethod["takes"] = { limit: count, cursor: plain, latest: plain, oldest: plain, inclusive: flag };

const SLACK: { readonly [method: string]: ChatMethod } = {
  "chat.postMessage": slack({ ...SLACK_TEXT, thread_ts: plain, reply_broadcast: flag }),
  "chat.update": slack({ ...SLACK_TEXT, ts: plain }, "ts"),
  "chat.delete": slack({ ts: plain }, "ts"),
  "reactions.add": slack({ name: word, timestamp: plain }, "timestamp"),
  "reactions.remove": slack({ name: word, timestamp: plain }, "timestamp"),
  "auth.test": reads({}),
  "conversations.history": reads({ channel: word, ...SLACK_PAGE }, "channel"),
  "conversations.replies": reads({ channel: word, ts: plain, ...SLACK_PAGE }, "channel"),
  "conversations.info": reads({ channel: word }, "channel"),
  "conversations.list": reads({ types: plain, exclude_archived: flag, limit: count, cursor: plain }),
  "users.info": reads({ user: word }, "user"),
  "bots.info": reads({ bot: word }, "bot"),
  "apps.connections.open": reads({}),
};

const DISCORD_TEXT: ChatMethod["takes"] = {
  content: plain,
  flags: count,
  embeds: content,
  components: content,
  allowed_mentions: content,
};
const discord = (takes: ChatMethod["takes"]): ChatMethod => ({ tool: "message", to: null, takes, needs: null });

const DISCORD: { readonly [method: string]: ChatMethod } = {
  createMessage: discord({
    ...DISCORD_TEXT,
    tts: flag,
    nonce: plain,
    enforce_nonce: flag,
    message_reference: refersTo("message_id", "fail_if_not_exists"),
  }),
  editMessage: discord(DISCORD_TEXT),
  deleteMessage: discord({}),
  createReaction: discord({}),
  triggerTyping: discord({}),
  getMessages: reads({}),
  getChannel: reads({}),
  getCurrentUser: reads({}),
};

/** The methods of each service that are known, by the name that a grant calls them. */
export const CHAT_METHODS: { readonly [chat in Chat]: { readonly [method: string]: ChatMethod } } = {
  telegram: TELEGRAM,
  slack: SLACK,
  discord: DISCORD,
};

const RECIPIENT: { readonly [chat in Chat]: RegExp } = {
  telegram: /^(?:-?[1-9][0-9]{0,18}|@[A-Za-z][A-Za-z0-9_]{3,31})$/,
  slack: /^(?:[CDGUW][A-Z0-9]{2,20}|[#@][a-z0-9][a-z0-9._-]{0,79})$/,
  discord: /^[1-9][0-9]{0,19}$/,
};

/** Whether a text is a recipient of a service, in its one spelling. */
export function isChatRecipient(chat: Chat, text: string): boolean {
  return RECIPIENT[chat].test(text);
}

/** Why the parameters are none of a method, or null. */
export function parameterProblem(method: ChatMethod, { values, files }: ChatParameters): string | null {
  const { takes, to, needs } = method;
  for (const [name, value] of values) {
    if (name === to) continue;
    const check = Object.hasOwn(takes, name) ? takes[name] : undefined;
    if (check === undefined) return `it takes no parameter ${name}`;
    if (!check(value)) return `its parameter ${name} is none that it may have`;
  }
  const attached = new Set(values.values());
  const strays = [...files].filter((name) => takes[name] !== file && !attached.has(`attach://${name}`));
  if (strays.length > 0) return `it takes no file ${strays[0] ?? ""}`;
  return needs === null || values.has(needs) ? null : `it needs ${needs}`;
}

/** Whether the service, or whoever gets the message, may be made to ask addresses in it: by a preview, or by a picture. */
export function mayPreview(chat: Chat, { values }: ChatParameters): boolean {
  const off = (name: string): boolean => values.get(name) === false || values.get(name) === "false";
  switch (chat) {
    case "telegram": {
      if (!values.has("text")) return false;
      const options = asObject(values.get("link_preview_options"));
      const old = values.get("disable_web_page_preview");
      return !(options?.["is_disabled"] === true || old === true || old === "true");
    }
    case "slack":
      if (values.has("blocks") || values.has("attachments")) return true;
      return values.has("text") && !(off("unfurl_links") && off("unfurl_media"));
    case "discord":
      if (values.has("embeds") || values.has("components")) return true;
      return values.has("content") && (Number(values.get("flags") ?? 0) & SUPPRESS_EMBEDS) === 0;
  }
}
/** Discord's flag of a message. */
const SUPPRESS_EMBEDS = 4;

/** An object, or the JSON text of one, as a form has it. */
function asObject(value: JsonValue | undefined): { readonly [name: string]: JsonValue } | null {
  if (value === undefined || value === null || isArray(value)) return null;
  if (typeof value !== "string") return isObject(value) ? value : null;
  const parsed = parseJson(value);
  if (parsed.kind === "refused") throw new Unread("a parameter is no plain JSON");
  return isObject(parsed.value) ? parsed.value : null;
}
