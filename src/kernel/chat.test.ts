import { describe, expect, test } from "vitest";
import { action, decisionInput, grant, subject, TAINTED } from "../../test/fakes/kernel.ts";
import { readChat, type ChatRequest } from "./chat.ts";
import { decideAction, type Decision } from "./decision.ts";
import { type Allow } from "./grant.ts";
import { decodeGrant } from "./grant-decoder.ts";
import { decodeNetCall, NET_TOOLS } from "./net.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import type { Injection } from "./secrets.ts";

const MARK = `aios-secret-bot-${"0a".repeat(16)}`;
const JSON_TYPE = ["content-type", "application/json"] as const;

function telegram(api: string, body: JsonValue | string, change: Partial<ChatRequest> = {}): ChatRequest {
  const path = `/bot${MARK}/${api}`;
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const whole = { kind: "text" as const, text };
  return { method: "POST", path, target: path, headers: [JSON_TYPE], body: whole, ...change };
}

function slack(api: string, text: string, change: Partial<ChatRequest> = {}): ChatRequest {
  const headers = [
    ["authorization", `Bearer ${MARK}`],
    ["content-type", "application/x-www-form-urlencoded"],
  ] as const;
  const path = `/api/${api}`;
  return { method: "POST", path, target: path, headers, body: { kind: "text", text }, ...change };
}

function discord(line: string, body: JsonValue | null, change: Partial<ChatRequest> = {}): ChatRequest {
  const [method = "", target = ""] = line.split(" ");
  const headers = [["authorization", `Bot ${MARK}`], JSON_TYPE] as const;
  const [path = ""] = target.split("?");
  const said = body === null ? ({ kind: "none" } as const) : ({ kind: "text", text: JSON.stringify(body) } as const);
  return { method, path, target, headers, body: said, ...change };
}

function parts(boundary: string, ...each: readonly string[]): ChatRequest["body"] {
  return { kind: "text", text: each.map((part) => `--${boundary}\r\n${part}\r\n`).join("") + `--${boundary}--\r\n` };
}
const BOUNDARY = "----------12345678";
const multipart = { headers: [["content-type", `multipart/form-data; boundary=${BOUNDARY}`]] as const };
const field = (name: string, value: string): string => `content-disposition:form-data;name="${name}"\r\n\r\n${value}`;

describe("a call of a chat service is read to its method, account and recipient", () => {
  test.each<[string, ChatRequest, string]>([
    ["telegram, JSON", telegram("sendMessage", { chat_id: 123456, text: "hi" }), "123456"],
    ["telegram, with numbers in words", telegram("sendMessage", { chat_id: 123456, text: 'pi is "3.14e0"' }), "123456"],
    ["telegram, a channel's name", telegram("sendMessage", { chat_id: "@team", text: "hi" }), "@team"],
    ["telegram, a group", telegram("sendMessage", { chat_id: "-1001234567890", text: "hi" }), "-1001234567890"],
    [
      "telegram, a form",
      telegram("sendMessage", "chat_id=123456&text=a+b%26chat_id%3D1", {
        headers: [["content-type", "application/x-www-form-urlencoded"]],
      }),
      "123456",
    ],
    [
      "telegram, a file as grammY writes it",
      telegram("sendDocument", "", {
        ...multipart,
        body: parts(
          BOUNDARY,
          field("chat_id", "123456"),
          field("document", "attach://x1"),
          'content-disposition:form-data;name="x1";filename=a.txt\r\ncontent-type:application/octet-stream\r\n\r\nchat_id=1',
        ),
      }),
      "123456",
    ],
    ["slack", slack("chat.postMessage", "channel=C0123ABC&text=hi&unfurl_links=false&unfurl_media=false"), "C0123ABC"],
    ["discord", discord("POST /api/v10/channels/42/messages", { content: "hi", flags: 4 }), "42"],
    ["discord, an edit", discord("PATCH /api/v10/channels/42/messages/7", { content: "hi" }), "42"],
  ])("%s", (_, request, to) => {
    const chat = request.target.startsWith("/bot")
      ? "telegram"
      : request.target.includes("/v10/")
        ? "discord"
        : "slack";
    expect(readChat(chat, request)).toMatchObject({ kind: "message", facts: { chat, account: "bot", to: [to] } });
  });

  test.each<[string, "telegram" | "slack" | "discord", ChatRequest]>([
    ["getUpdates", "telegram", telegram("getUpdates", { offset: 1, timeout: 30 })],
    ["conversations.history", "slack", slack("conversations.history", "channel=C0123ABC&limit=10")],
    ["getMessages", "discord", discord("GET /api/v10/channels/42/messages?limit=5", null)],
  ])("%s reads", (api, chat, request) => {
    expect(readChat(chat, request)).toEqual({ kind: "inbox", facts: { chat, api, account: "bot" } });
  });

  test("bytes that are no text are looked through for their parts", () => {
    const { body } = telegram("", "", {
      body: parts(
        BOUNDARY,
        field("chat_id", "5"),
        'content-disposition: form-data; name="photo"; filename="a.png"\r\n\r\n\u{ff}P',
      ),
    });
    const base64 = Buffer.from(body.kind === "text" ? body.text : "", "latin1").toString("base64");
    const read = readChat("telegram", telegram("sendPhoto", "", { ...multipart, body: { kind: "base64", base64 } }));
    expect(read).toMatchObject({ kind: "message", facts: { api: "sendPhoto", to: ["5"] } });
  });

  test("whether the service may ask addresses in it is said", () => {
    const previews = (request: ChatRequest, chat: "telegram" | "slack" | "discord"): unknown => {
      const read = readChat(chat, request);
      return read.kind === "message" && read.facts.previews;
    };
    const off = { link_preview_options: { is_disabled: true } };
    expect(previews(telegram("sendMessage", { chat_id: 1, text: "x" }), "telegram")).toBe(true);
    expect(previews(telegram("sendMessage", { chat_id: 1, text: "x", ...off }), "telegram")).toBe(false);
    expect(previews(telegram("sendChatAction", { chat_id: 1, action: "typing" }), "telegram")).toBe(false);
    expect(previews(slack("chat.postMessage", "channel=C012&text=x&unfurl_links=false"), "slack")).toBe(true);
    expect(
      previews(slack("chat.postMessage", "channel=C012&blocks=%5B%5D&unfurl_links=false&unfurl_media=false"), "slack"),
    ).toBe(true);
    expect(previews(discord("POST /api/v10/channels/42/messages", { content: "x" }), "discord")).toBe(true);
    expect(previews(discord("POST /api/v10/channels/42/messages", { content: "x", flags: 4 }), "discord")).toBe(false);
  });
});

describe("what could have another recipient than it shows is no call", () => {
  const ok = { chat_id: 123456, text: "hi" };
  const form = { headers: [["content-type", "application/x-www-form-urlencoded"]] as const };
  const other = `/bot1234:AAbbCC/sendMessage`;
  const query = `/bot${MARK}/sendMessage?chat_id=666`;
  test.each<[string, ChatRequest]>([
    ["a recipient twice in JSON", telegram("sendMessage", '{"chat_id":123456,"chat_id":666,"text":"x"}')],
    ["a recipient twice, one escaped", telegram("sendMessage", '{"chat_id":123456,"chat\\u005fid":666,"text":"x"}')],
    ["a recipient twice in a form", telegram("sendMessage", "chat_id=123456&chat_id=666&text=x", form)],
    ["a recipient's name escaped in a form", telegram("sendMessage", "chat_id=123456&chat%5Fid=666&text=x", form)],
    ["a recipient in the query", telegram("sendMessage", { text: "x" }, { target: query })],
    ["a recipient in query and body", telegram("sendMessage", ok, { target: query })],
    ["a recipient with a space", telegram("sendMessage", { ...ok, chat_id: " 666" })],
    ["a recipient with a sign", telegram("sendMessage", { ...ok, chat_id: "+666" })],
    ["a recipient with a zero in front", telegram("sendMessage", { ...ok, chat_id: "0666" })],
    ["a recipient in letters that look like digits", telegram("sendMessage", { ...ok, chat_id: "\u{ff16}66" })],
    ["a recipient with a fraction", telegram("sendMessage", '{"chat_id":12345.6e1,"text":"x"}')],
    ["a recipient with an exponent", telegram("sendMessage", '{"chat_id":1234560e-1,"text":"x"}')],
    ["a recipient with a point and nothing", telegram("sendMessage", '{"chat_id":123456.0,"text":"x 1.5"}')],
    ["a list of recipients", telegram("sendMessage", { ...ok, chat_id: [123456, 666] })],
    ["no recipient", telegram("sendMessage", { text: "x" })],
    ["a message of an inline query", telegram("editMessageText", { inline_message_id: "a", text: "x" })],
    ["a business account's chat", telegram("sendMessage", { ...ok, business_connection_id: "b" })],
    [
      "an answer to another chat",
      telegram("sendMessage", { ...ok, reply_parameters: { message_id: 1, chat_id: 666 } }),
    ],
    ["a parameter that nobody knows", telegram("sendMessage", { ...ok, Chat_ID: 666 })],
    ["a picture that the service is to fetch", telegram("sendPhoto", { chat_id: 1, photo: "https://evil.example/?x" })],
    ["a forward", telegram("forwardMessage", { chat_id: 666, from_chat_id: 123456, message_id: 1 })],
    ["a copy", telegram("copyMessage", { chat_id: 666, from_chat_id: 123456, message_id: 1 })],
    ["a webhook", telegram("setWebhook", { url: "https://evil.example" })],
    ["a method in other letters", telegram("sendmessage", ok)],
    ["a method with something behind it", telegram("sendMessage/", ok)],
    ["a method of the test servers", telegram("test/sendMessage", ok)],
    ["a prototype's method", telegram("constructor", ok)],
    ["another bot's token", telegram("sendMessage", ok, { path: other, target: other })],
    ["a GET", telegram("sendMessage", ok, { method: "GET" })],
    ["two types of body", telegram("sendMessage", ok, { headers: [JSON_TYPE, ["content-type", "text/plain"]] })],
    [
      "a body in another alphabet",
      telegram("sendMessage", ok, { headers: [["content-type", "application/json; charset=utf-16"]] }),
    ],
    ["a body that is compressed", telegram("sendMessage", ok, { headers: [JSON_TYPE, ["content-encoding", "gzip"]] })],
    ["a body that nobody sees", telegram("sendMessage", ok, { body: { kind: "stream", length: null } })],
    ["a body that is a list", telegram("sendMessage", "[]")],
    ["a second key", telegram("sendMessage", ok, { headers: [JSON_TYPE, ["authorization", "Bearer x"]] })],
    ["a session", telegram("sendMessage", ok, { headers: [JSON_TYPE, ["cookie", "d=x"]] })],
    ["a form with a bare percent", telegram("sendMessage", "chat_id=12%&text=x", form)],
  ])("%s", (_, request) => expect(readChat("telegram", request).kind).toBe("refused"));

  const id = field("chat_id", "123456");
  const evil = field("chat_id", "666");
  test.each<[string, ChatRequest["body"]]>([
    ["a recipient twice", parts(BOUNDARY, id, evil, field("text", "x"))],
    ["a recipient before the parts", { kind: "text", text: `${evil}\r\n${textOf(parts(BOUNDARY, id))}` }],
    ["a boundary after a bare line feed", parts(BOUNDARY, id, field("text", `x\n--${BOUNDARY}\r\n${evil}`))],
    ["a boundary with a space behind it", parts(BOUNDARY, id, field("text", `x\r\n--${BOUNDARY} \r\n${evil}`))],
    ["a name with a quote in it", parts(BOUNDARY, id, field('text";name="chat_id', "666"))],
    [
      "a second name of a part",
      parts(BOUNDARY, id, `content-disposition:form-data;name="text";name="chat_id"\r\n\r\n666`),
    ],
    [
      "a name in another header",
      parts(BOUNDARY, id, field("text", "x").replace("\r\n", "\r\ncontent-transfer-encoding: base64\r\n")),
    ],
    [
      "a part whose file is the recipient",
      parts(BOUNDARY, `content-disposition:form-data;name="chat_id";filename=a\r\n\r\n666`),
    ],
    ["something after the end", { kind: "text", text: `${textOf(parts(BOUNDARY, id))}--${BOUNDARY}\r\n${evil}` }],
    [
      "a file that no parameter names",
      parts(BOUNDARY, id, field("text", "x"), `content-disposition:form-data;name="y";filename=a\r\n\r\nz`),
    ],
  ])("in parts: %s", (_, body) => {
    expect(readChat("telegram", telegram("sendMessage", "", { ...multipart, body })).kind).toBe("refused");
    // The twin: the same form without the trick is read.
    const plain = { ...multipart, body: parts(BOUNDARY, id, field("text", "x")) };
    expect(readChat("telegram", telegram("sendMessage", "", plain)).kind).toBe("message");
  });

  test.each<[string, ChatRequest]>([
    ["a token in the body", slack("chat.postMessage", "channel=C012&text=x&token=xoxb-evil")],
    [
      "another account's key",
      slack("chat.postMessage", "channel=C012&text=x", { headers: [["authorization", "Bearer xoxb-evil"]] }),
    ],
    ["a picture by address", slack("chat.postMessage", "channel=C012&text=x&icon_url=https%3A%2F%2Fevil.example")],
    ["a method of files", slack("files.upload", "channels=C012&content=x")],
    ["an invitation", slack("conversations.invite", "channel=C012&users=U1")],
  ])("of slack: %s", (_, request) => expect(readChat("slack", request).kind).toBe("refused"));

  test.each<[string, ChatRequest]>([
    ["a webhook", discord("POST /api/webhooks/42/abc", { content: "x" })],
    [
      "a forward",
      discord("POST /api/v10/channels/42/messages", {
        message_reference: { type: 1, channel_id: "6", message_id: "1" },
      }),
    ],
    ["a direct channel that is made", discord("POST /api/v10/users/@me/channels", { recipient_id: "6" })],
    ["a query", discord("POST /api/v10/channels/42/messages?channel_id=6", { content: "x" })],
    [
      "a user's token",
      discord("POST /api/v10/channels/42/messages", { content: "x" }, { headers: [["authorization", "evil"]] }),
    ],
  ])("of discord: %s", (_, request) => expect(readChat("discord", request).kind).toBe("refused"));
});

function textOf(body: ChatRequest["body"]): string {
  return body.kind === "text" ? body.text : "";
}

const PLACE: Allow["where"] = {
  chat: { equals: "telegram" },
  scheme: { equals: "https" },
  host: { equals: "api.telegram.org" },
  port: { equals: 443 },
  account: { equals: "bot" },
  api: { in: ["sendMessage"] },
};
const SAYS = { what: "net/message", where: { ...PLACE, previews: { equals: false } } };
const NAMES = { what: "net/message", where: { ...SAYS.where, to: { in: ["123456", "@team"] } } };
const INJECTION: Injection = {
  secret: "bot",
  to: "https://api.telegram.org",
  methods: ["POST"],
  after: ["/bot"],
  placeholder: MARK,
};

function messageTo(to: string, change: JsonObject = {}): JsonObject {
  const { method, path, target, headers, body } = telegram("sendMessage", {
    chat_id: to,
    text: "hi",
    link_preview_options: { is_disabled: true },
  });
  return {
    scheme: "https",
    host: "api.telegram.org",
    port: 443,
    method,
    path,
    target,
    headers: headers.map(([name, value]) => [name, value]),
    body: { ...body },
    chat: "telegram",
    api: "sendMessage",
    account: "bot",
    to: [to],
    previews: false,
    ...change,
  };
}

describe("an action that says something", () => {
  const decide = (args: JsonObject, change: Parameters<typeof decisionInput>[0] = {}): Decision =>
    decideAction(
      decisionInput({
        action: action({ driver: "net", name: "message", arguments: args }),
        tool: NET_TOOLS.message,
        grants: [grant({ allow: [NAMES, SAYS] })],
        injections: [INJECTION],
        ...change,
      }),
    );

  test("to one whom the grant names runs, tainted or not", () => {
    expect(decide(messageTo("123456"))).toMatchObject({ kind: "granted", risk: "reach" });
    expect(decide(messageTo("123456"), { chain: [subject({ labels: TAINTED })] }).kind).toBe("granted");
  });

  test("to anybody else is held, with the recipient shown", () => {
    expect(decide(messageTo("666"))).toMatchObject({
      kind: "held",
      reasons: ["recipient-not-endorsed"],
      unendorsed: ["666"],
    });
  });

  test("to a handle that the human named runs; a bare number endorses nobody", () => {
    const chain = [subject({ endorsed: new Set(["handle:@friends", "handle:@666"]) })] as const;
    expect(decide(messageTo("@friends"), { chain }).kind).toBe("granted");
    expect(decide(messageTo("666"), { chain }).kind).toBe("held");
  });

  test("with a secret taken in is held, whoever it is to", () => {
    expect(decide(messageTo("123456"), { chain: [subject({ labels: ["secret"] })] }).kind).toBe("held");
  });

  test("that only one of a chain was granted the recipient of is held", () => {
    const parent = subject({ agent: "boss", instance: "i-00000000000000bb" });
    const grants = [grant({ allow: [NAMES, SAYS] }), grant({ id: "g-boss", agents: ["boss"], allow: [SAYS] })];
    expect(decide(messageTo("123456"), { chain: [subject(), parent], grants }).kind).toBe("held");
    const both = [grants[0] ?? grant(), grant({ id: "g-boss", agents: ["boss"], allow: [NAMES] })];
    expect(decide(messageTo("123456"), { chain: [subject(), parent], grants: both }).kind).toBe("granted");
  });

  test("that may be previewed, calls another method or speaks as another account is denied", () => {
    const { body } = telegram("sendMessage", { chat_id: "123456", text: "hi" });
    expect(decide(messageTo("123456", { body: { ...body }, previews: true }))).toMatchObject({ code: "no-grant" });
    const grants = [
      grant({ allow: [{ what: "net/message", where: { ...NAMES.where, account: { equals: "other" } } }] }),
    ];
    expect(decide(messageTo("123456"), { grants })).toMatchObject({ code: "no-grant" });
  });

  test.each<[string, JsonObject]>([
    ["its recipient", { to: ["666"] }],
    ["one recipient more", { to: ["123456", "666"] }],
    ["no recipient", { to: [] }],
    ["its method", { api: "sendChatAction" }],
    ["its account", { account: "other" }],
    ["its service", { chat: "slack" }],
    ["its previews", { previews: true }],
    ["its host by a field more", { upgrade: false }],
  ])("that lies about %s is denied", (_, lie) => {
    expect(decide(messageTo("123456", lie))).toMatchObject({ kind: "denied", code: "not-canonical" });
    expect(decodeNetCall("message", messageTo("123456")).kind).toBe("ok");
    expect(decodeNetCall("inbox", messageTo("123456")).kind).toBe("refused");
  });

  test("without a secret of this agent's own is denied", () => {
    expect(decide(messageTo("123456"), { injections: [] })).toMatchObject({ code: "secret-not-injected" });
  });
});

test("a grant names a chat service, its place and its account exactly", () => {
  const read = (where: Allow["where"]): string =>
    decodeGrant(JSON.parse(JSON.stringify(grant({ allow: [{ what: "net/message", where }] })))).kind;
  expect(read(NAMES.where)).toBe("ok");
  for (const left of ["chat", "scheme", "host", "port", "account", "api"]) {
    const rest = Object.entries(NAMES.where).filter(([name]) => name !== left);
    expect(read(Object.fromEntries(rest))).toBe("refused");
  }
  expect(read({ ...NAMES.where, chat: { equals: "whatsapp" } })).toBe("refused");
});
