import { isChatRecipient, type Chat } from "../../kernel/chat-services.ts";
import { isArray, isObject, type JsonObject, type JsonValue } from "../../kernel/json.ts";
import { parseSecretOrigin, type Binding } from "../../kernel/secrets.ts";
import { USUAL, type ShortChannel } from "../../protocol/short-channels.ts";
import { tableAt } from "../scan/configuration.ts";
import type { MovedKey } from "./moved-keys.ts";

/** What a channel needs of the world, as its service documents it, November 2026. */
export interface Channel {
  readonly destinations: readonly { readonly to: string; readonly allow: readonly string[] }[];
  /** Its bots by the setting that has their key. */
  readonly bots: { readonly [setting: string]: Bot };
  /** What its settings say besides: that it does not do what no channel of a grant allows. */
  readonly settings: JsonObject;
  /** Why it cannot work while its keys stay outside, or is not switched on for another reason; null: it works. */
  readonly missing: string | null;
}

/** What the holder of a key does at its service. */
interface Bot {
  readonly kind: Chat;
  binding(of: Pick<Binding, "secret" | "to">): Binding;
  readonly send: readonly string[];
  readonly read: readonly string[];
}

const bearer: Bot["binding"] = (of) => {
  return { ...of, methods: ["POST"], path: "/api", header: "authorization", scheme: "Bearer" };
};
const UNREAD = "nobody outside can see whom it writes to; if that is what you want, name its hosts under network";

const CHANNELS: ReadonlyMap<string, Channel> = new Map<string, Channel>([
  [
    "slack",
    {
      destinations: [
        { to: "https://wss-primary.slack.com", allow: ["WEBSOCKET /"] },
        { to: "https://wss-backup.slack.com", allow: ["WEBSOCKET /"] },
      ],
      bots: {
        botToken: {
          kind: "slack",
          binding: bearer,
          send: USUAL.slack.send,
          read: [
            "auth.test",
            "bots.info",
            "conversations.history",
            "conversations.info",
            "conversations.list",
            "conversations.replies",
            "users.info",
          ],
        },
        appToken: { kind: "slack", binding: bearer, send: [], read: ["apps.connections.open"] },
      },
      settings: { unfurlLinks: false, unfurlMedia: false },
      missing: null,
    },
  ],
  [
    "telegram",
    {
      destinations: [],
      bots: {
        botToken: {
          kind: "telegram",
          binding: (of) => ({ ...of, methods: ["GET", "POST"], after: ["/bot", "/file/bot"] }),
          send: USUAL.telegram.send,
          read: [
            "getMe",
            "getUpdates",
            "getChat",
            "getChatMember",
            "getFile",
            "getWebhookInfo",
            "deleteWebhook",
            "file",
          ],
        },
      },
      settings: { linkPreview: false, richMessages: false, commands: { native: false } },
      missing: null,
    },
  ],
  [
    "discord",
    {
      destinations: [],
      bots: {},
      settings: {},
      missing: "its key is said inside a WebSocket, and the substrate puts keys into headers and paths only",
    },
  ],
  ["whatsapp", { destinations: [], bots: {}, settings: {}, missing: UNREAD }],
  ["signal", { destinations: [], bots: {}, settings: {}, missing: UNREAD }],
]);

/** What is known of a channel by the name of its settings, or null. */
export function findChannel(name: string): Channel | null {
  return CHANNELS.get(name) ?? null;
}

/** A bot as a grant names it, and where its key goes; null for a key that is none of a known bot's. */
export function botOf(
  { place, secret, variable }: MovedKey,
  channels: JsonObject,
): { readonly channel: ShortChannel; readonly binding: Binding } | null {
  const [top, name = "", ...rest] = place;
  const bots = top === "channels" ? (findChannel(name)?.bots ?? {}) : {};
  const setting = rest.at(-1) ?? "";
  const bot = Object.hasOwn(bots, setting) ? bots[setting] : undefined;
  const settings = channels[name];
  if (bot === undefined || settings === undefined || !isObject(settings)) return null;
  const { kind, send, read } = bot;
  const own = settings["apiRoot"];
  const at = typeof own === "string" && parseSecretOrigin(own) !== null ? own : USUAL[kind].at;
  const to = send.length === 0 ? [] : recipientsIn(kind, settings);
  const channel = { kind, secret, variable, to, send, read, previews: false, at };
  return { channel, binding: bot.binding({ secret, to: at }) };
}

/** Most recipients that one channel of a grant has. */
const MOST = 64;

/** Whom the allow-lists of a channel name by an id: who may write to the agent is whom it may answer. */
function recipientsIn(kind: Chat, settings: JsonObject): readonly string[] {
  const tables = [settings, ...Object.values(tableAt(settings, ["accounts"])).filter(isObject)];
  const named = tables.flatMap((table) => [
    ...texts(table["allowFrom"]),
    ...Object.keys(tableAt(table, ["groups"])),
    ...Object.keys(tableAt(table, ["channels"])),
    ...texts(tableAt(table, ["dm"])["allowFrom"]),
  ]);
  const ids = named.map((each) => each.replace(/^(?:telegram|tg|slack|channel|user):/u, ""));
  // A name can become somebody else's; an id cannot.
  return [...new Set(ids)].filter((id) => isChatRecipient(kind, id) && !/^[@#]/u.test(id)).slice(0, MOST);
}

function texts(value: JsonValue | undefined): readonly string[] {
  if (value === undefined || !isArray(value)) return [];
  return value.flatMap((each) => (typeof each === "string" || typeof each === "number" ? [String(each)] : []));
}
