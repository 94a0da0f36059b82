import { expect, test } from "vitest";
import { decode } from "./decode.ts";
import { channelAllows, channelSecrets, CHANNELS } from "./short-channels.ts";

test("a channel becomes its recipients, anybody else, and what it reads", () => {
  const read = decode(CHANNELS, [
    { kind: "telegram", secret: "bot", to: ["123456", "@team"], send: ["sendMessage"], read: ["getUpdates"] },
  ]);
  if (read.kind === "refused") throw new Error(read.message);
  const place = {
    chat: { equals: "telegram" },
    scheme: { equals: "https" },
    host: { equals: "api.telegram.org" },
    port: { equals: 443 },
    account: { equals: "bot" },
  };
  const says = { ...place, api: { in: ["sendMessage"] }, previews: { equals: false } };
  expect(read.value.flatMap(channelAllows)).toEqual([
    { what: "net/message", where: { ...says, to: { in: ["123456", "@team"] } } },
    { what: "net/message", where: says },
    { what: "net/inbox", where: { ...place, api: { in: ["getUpdates"] } } },
  ]);
});

test("previews allow both kinds of messages, and each says which it names", () => {
  const read = decode(CHANNELS, [{ kind: "discord", secret: "bot", to: ["42"], previews: true }]);
  if (read.kind === "refused") throw new Error(read.message);
  const [one, two, anybody, ...more] = read.value.flatMap(channelAllows);
  expect([one?.where["previews"], two?.where["previews"]]).toEqual([{ equals: true }, { equals: false }]);
  expect(anybody?.where).not.toHaveProperty("previews");
  expect(more).toEqual([]);
});

test("what is not written is usual, and what is read is named", () => {
  const read = decode(CHANNELS, [{ kind: "slack", secret: "bot" }]);
  expect(read).toMatchObject({
    kind: "ok",
    value: [{ at: "https://slack.com", variable: "SLACK_BOT_TOKEN", to: [], read: [], previews: false }],
  });
});

test("its secret has a variable, and two secrets do not have one", () => {
  const read = decode(CHANNELS, [
    { kind: "telegram", secret: "bot" },
    { kind: "telegram", secret: "other", variable: "OTHER" },
  ]);
  if (read.kind === "refused") throw new Error(read.message);
  const to = "https://api.telegram.org";
  const bot = { secret: "bot", to };
  const all = { TELEGRAM_BOT_TOKEN: bot, OTHER: { secret: "other", to } };
  expect(channelSecrets(read.value, {})).toEqual(all);
  expect(channelSecrets(read.value, { TELEGRAM_BOT_TOKEN: bot })).toEqual(all);
  expect(channelSecrets(read.value, { OTHER: bot })).toBeNull();
});

test.each([
  ["a service that cannot be read", { kind: "whatsapp", secret: "bot" }],
  ["no secret", { kind: "telegram" }],
  ["a method that nobody knows", { kind: "telegram", secret: "bot", send: ["setWebhook"] }],
  ["what reads among what says", { kind: "telegram", secret: "bot", send: ["getUpdates"] }],
  ["what says among what reads", { kind: "telegram", secret: "bot", read: ["sendMessage"] }],
  ["a recipient of another service", { kind: "telegram", secret: "bot", to: ["#general"] }],
  ["a recipient twice", { kind: "telegram", secret: "bot", to: ["1", "1"] }],
  ["recipients of nothing", { kind: "telegram", secret: "bot", to: ["1"], send: [], read: ["getMe"] }],
  ["nothing at all", { kind: "telegram", secret: "bot", send: [] }],
  ["another machine in clear", { kind: "telegram", secret: "bot", at: "http://example.org" }],
  ["a field that nobody knows", { kind: "telegram", secret: "bot", token: "x" }],
])("%s is refused", (_, channel) => {
  expect(decode(CHANNELS, [channel]).kind).toBe("refused");
});
