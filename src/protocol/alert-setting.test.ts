import { expect, test } from "vitest";
import { readAlertSetting } from "./alert-setting.ts";

const read = (setting: string): readonly unknown[] => {
  const found = readAlertSetting(setting);
  if (found.kind === "refused") throw new Error(found.why);
  return found.value.map(({ address, tell }) => [`${address.scheme}://${address.host}${address.path}`, ...tell]);
};

test("a line names a receiver, which is told of everything or of what the line says", () => {
  expect(read("https://a.example/hook")).toEqual([["https://a.example/hook", "stops", "owners", "holds", "log"]]);
  expect(read("https://a.example/hook tell=stops\nhttp://localhost:8080/x tell=holds,owners")).toEqual([
    ["https://a.example/hook", "stops"],
    ["http://localhost/x", "holds", "owners"],
  ]);
});

test("a line may be for ntfy and name the secret that goes along", () => {
  const found = readAlertSetting("ntfy https://push.example/below/agents_1 secret=push tell=holds");
  expect(found).toEqual({
    kind: "ok",
    value: [
      {
        form: "ntfy",
        address: { scheme: "https", host: "push.example", port: null, path: "/below/agents_1" },
        tell: new Set(["holds"]),
        secret: "push",
      },
    ],
  });
});

test.each([
  ["an ntfy server without a topic", "ntfy https://ntfy.example/", /^line 1 has no topic/],
  ["a topic with a query", "ntfy https://ntfy.example/t?auth=x", /^line 1 has no topic/],
  ["a topic behind dots", "ntfy https://ntfy.example/a/../t", /^line 1 has no topic/],
  ["ntfy alone", "ntfy", /^line 1 begins with no address/],
  ["another form", "gotify https://a.example/t", /^line 1 begins with no address/],
  ["no name of a secret", "https://a.example/ secret=", /^line 1 names no secret/],
  ["a secret with a query", "https://a.example/h?x=y secret=push", /^line 1 has a secret, and an address/],
  ["nothing", "", /^line 1 begins with no address/],
  ["an empty line", "https://a.example/\n\nhttps://b.example/", /^line 2 begins with no address/],
  ["an address elsewhere without TLS", "http://a.example/", /^line 1 begins with no address/],
  ["another scheme", "ftp://x.example/", /^line 1 begins with no address/],
  ["a space in an address", "https://a b/", /^line 1 begins with no address/],
  ["a private address", "https://10.0.0.1/", /^line 1 begins with no address/],
  ["credentials in an address", "https://u:p@a.example/", /^line 1 begins with no address/],
  ["two spaces", "https://a.example/  tell=stops", /^line 1 holds a word/],
  ["a word that is none", "https://a.example/ ask=stops", /^line 1 holds a word/],
  ["the same word twice", "https://a.example/ tell=stops tell=holds", /^line 1 holds a word/],
  ["no kind", "https://a.example/ tell=", /^line 1 tells of something else/],
  ["an unknown kind", "https://a.example/ tell=stops,grants", /^line 1 tells of something else/],
  ["a kind twice", "https://a.example/ tell=stops,stops", /^line 1 tells of something else/],
  ["five lines", "https://a.example/\n".repeat(4) + "https://a.example/", /^it has more than 4 lines$/],
])("%s is refused, with the line", (_, setting, why) => {
  expect(readAlertSetting(setting)).toEqual({ kind: "refused", why: expect.stringMatching(why) });
});
