import { describe, expect, test } from "vitest";
import { hideInCommand, hideSecrets, isSecretName } from "./secret-like.ts";

/** No form of a known key: only what it is given to says that it is one. */
const KEY = "correct-horse-battery";
const FORM = `ghp_${"a1B2c3D4e5".repeat(4)}`;

describe("a text as it may be shown", () => {
  test.each([
    [`TOKEN=${KEY} run`, "TOKEN=... run", ["TOKEN"]],
    [`env API_KEY="two words ${KEY}" run`, "env API_KEY=... run", ["API_KEY"]],
    [`tool --password '${KEY}' --port 80`, "tool --password ... --port 80", ["--password"]],
    [`--api-key=${KEY}`, "--api-key=...", ["--api-key"]],
    [`--header=Authorization: Bearer ${KEY}`, "--header=Authorization: ...", ["Authorization"]],
    [
      `curl -H "Authorization: Bearer ${KEY}" https://a.example`,
      `curl -H "Authorization: ..." https://a.example`,
      ["Authorization"],
    ],
    [`https://a.example/x?page=2&api_key=${KEY}&z=1`, "https://a.example/x?page=2&api_key=...&z=1", ["api_key"]],
    [`a=b; SECRET=${KEY}; c`, "a=b; SECRET=...; c", ["SECRET"]],
  ])("hides what %s gives", (text, shown, names) => {
    expect(hideSecrets(text)).toEqual({ shown, names });
  });

  test.each([
    "TOKEN=$TOKEN run",
    "--token ${TOKEN}",
    "PATH=/usr/bin:/bin",
    "--port 8080",
    "--key-file /home/me/key",
    "git log --author somebody",
    "Authorization: <token>",
  ])("leaves %s as it is", (text) => {
    expect(hideSecrets(text)).toEqual({ shown: text, names: [] });
  });

  test("hides the whole of it where something has the form of a key and no name", () => {
    expect(hideSecrets(`push ${FORM} now`)).toEqual({ shown: "...", names: ["a text (GitHub)"] });
    expect(hideSecrets(`TOKEN=${FORM}`)).toEqual({ shown: "TOKEN=...", names: ["TOKEN"] });
  });
});

test("a command's flag hides the next word, and no other", () => {
  expect(hideInCommand(["npx", "--token", KEY, "server", "--auth", "--verbose", "-e", `DB_PASSWORD=${KEY}`])).toEqual({
    shown: ["npx", "--token", "...", "server", "--auth", "--verbose", "-e", "DB_PASSWORD=..."],
    names: ["--token", "DB_PASSWORD"],
  });
});

test("a header that authorises is a secret by its name, and an author is none", () => {
  expect(["Authorization", "Proxy-Authorization", "X-Api-Key", "authorisation"].map(isSecretName)).toEqual([
    true,
    true,
    true,
    false,
  ]);
  expect(["author", "GIT_AUTHOR_EMAIL", "AUTHOR_KEY"].map(isSecretName)).toEqual([false, false, false]);
});
