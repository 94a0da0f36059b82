import { CHAT_METHODS, CHATS, isChatRecipient, type Chat } from "../kernel/chat-services.ts";
import type { Allow } from "../kernel/grant.ts";
import { SECRET_NAME } from "../kernel/names.ts";
import { parseSecretOrigin, type SecretUse } from "../kernel/secrets.ts";
import { boolean, list, names, nullable, object, oneOf, text, transform, type Decoder } from "./decode.ts";

/** One bot of a chat service as people write it. */
export interface ShortChannel {
  readonly kind: Chat;
  /** The secret that the bot speaks with; bound to `at`. */
  readonly secret: string;
  /** The variable of the environment that holds its placeholder. */
  readonly variable: string;
  /** Who may be written to without asking. */
  readonly to: readonly string[];
  /** Methods that say something. */
  readonly send: readonly string[];
  /** Methods that read what there is. */
  readonly read: readonly string[];
  /** Whether messages may be such that the service asks addresses in them. */
  readonly previews: boolean;
  /** Origin of the service. */
  readonly at: string;
}

interface Usual {
  readonly at: string;
  readonly variable: string;
  readonly send: readonly string[];
}

/** What stands for what is not written. */
export const USUAL: { readonly [chat in Chat]: Usual } = {
  telegram: {
    at: "https://api.telegram.org",
    variable: "TELEGRAM_BOT_TOKEN",
    send: ["sendMessage", "sendChatAction", "editMessageText", "setMessageReaction"],
  },
  slack: {
    at: "https://slack.com",
    variable: "SLACK_BOT_TOKEN",
    send: ["chat.postMessage", "chat.update", "reactions.add"],
  },
  discord: {
    at: "https://discord.com",
    variable: "DISCORD_BOT_TOKEN",
    send: ["createMessage", "editMessage", "createReaction", "triggerTyping"],
  },
};

type Written = Omit<ShortChannel, "send" | "variable" | "at"> & {
  readonly [field in "variable" | "at"]: string | null;
} & { readonly send: readonly string[] | null };

const method = text({ min: 1, max: 64, pattern: /^[A-Za-z.]+$/, is: "a method" });

const written: Decoder<Written> = object<Written>(
  {
    kind: oneOf(CHATS),
    secret: text({ max: 31, pattern: SECRET_NAME, is: "the name of a secret" }),
    variable: nullable(text({ max: 64, pattern: /^[A-Z_][A-Z0-9_]*$/, is: "a variable" })),
    to: names(text({ max: 128, pattern: /^[!-~]+$/, is: "a recipient" }), { max: 64 }),
    send: nullable(names(method, { max: 32 })),
    read: names(method, { max: 32 }),
    previews: boolean(),
    at: nullable(text({ max: 300, pattern: /^[!-~]+$/, is: "an origin" })),
  },
  { defaults: { variable: null, to: [], send: null, read: [], previews: false, at: null } },
);

/** Reads the channels of a short grant. */
export const CHANNELS: Decoder<readonly ShortChannel[]> = list(
  transform(written, (given, refusal) => {
    const { kind, to, read, secret, previews } = given;
    const usual = USUAL[kind];
    const { at = usual.at, send = usual.send, variable = usual.variable } = withoutNulls(given);
    for (const [field, methods, tool] of [
      ["send", send, "message"],
      ["read", read, "inbox"],
    ] as const) {
      const known = Object.entries(CHAT_METHODS[kind]).filter(([, each]) => each.tool === tool);
      const stray = methods.find((each) => !known.some(([name]) => name === each));
      if (stray !== undefined)
        return refusal.because(`"${stray}" is not one of ${known.map(([name]) => name).join(", ")}`).at(field);
    }
    const stranger = to.find((each) => !isChatRecipient(kind, each));
    if (stranger !== undefined) return refusal.because(`"${stranger}" is no recipient of ${kind}`).at("to");
    if (send.length === 0 && to.length > 0) return refusal.because("is for what is sent").at("to");
    if (send.length + read.length === 0) return refusal.because("allows nothing: say what is sent or read").at("send");
    if (parseSecretOrigin(at) === null)
      return refusal.because("is not https with a host name, nor http to localhost").at("at");
    return { kind, secret, variable, to, send, read, previews, at };
  }),
  { max: 16 },
);

function withoutNulls({ at, send, variable }: Written): { at?: string; send?: readonly string[]; variable?: string } {
  return {
    ...(at === null ? {} : { at }),
    ...(send === null ? {} : { send }),
    ...(variable === null ? {} : { variable }),
  };
}

/**
 * What a channel means in a grant: its recipients, anybody else (who is asked about, since no condition of this grant names
 * them), and what it reads.
 */
export function channelAllows({ kind, secret, to, send, read, previews, at }: ShortChannel): readonly Allow[] {
  const origin = parseSecretOrigin(at);
  if (origin === null) throw new TypeError(`not decoded: ${at}`);
  const { scheme, host, port } = origin;
  const place = {
    chat: { equals: kind },
    scheme: { equals: scheme },
    host: { equals: host },
    port: { equals: port },
    account: { equals: secret },
  };
  const says = { ...place, api: { in: send }, ...(previews ? {} : { previews: { equals: false } }) };
  const known = previews ? [true, false] : [false];
  return [
    // Named exactly, field by field, so that whoever is named here was named by who signs this.
    ...(to.length === 0 ? [] : known.map((each) => ({ ...says, previews: { equals: each }, to: { in: to } }))),
    ...(send.length === 0 ? [] : [says]),
  ]
    .map((where): Allow => ({ what: "net/message", where }))
    .concat(read.length === 0 ? [] : [{ what: "net/inbox", where: { ...place, api: { in: read } } }]);
}

/** The placeholders that channels need, by variable; null when two of them, or one and another use, want the same variable. */
export function channelSecrets(
  channels: readonly ShortChannel[],
  others: { readonly [variable: string]: SecretUse },
): { readonly [variable: string]: SecretUse } | null {
  const uses = new Map(Object.entries(others));
  for (const { variable, secret, at } of channels) {
    const known = uses.get(variable);
    if (known !== undefined && (known.secret !== secret || known.to !== at)) return null;
    uses.set(variable, { secret, to: at });
  }
  return Object.fromEntries(uses);
}
