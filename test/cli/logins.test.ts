import { describe, expect, test } from "vitest";
import { EXIT } from "../../src/cli/exit-codes.ts";
import { readLoginFile } from "../../src/cli/login-file.ts";
import { runProgram } from "../../src/cli/program.ts";
import { canonicalize } from "../../src/kernel/canonical.ts";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import { committedText } from "../../src/protocol/commitment.ts";
import type { CliRequests } from "../../src/protocol/requests.ts";
import { createDesk, NOW, PASSPHRASE, type Setting } from "../fakes/cli-powers.ts";

const crypto = createCrypto();
const ACCESS = "oat-access-token";
const REFRESH = "ort-refresh-token";
const OWN = {
  accessToken: ACCESS,
  refreshToken: REFRESH,
  expiresAt: NOW,
  tokenEndpoint: "https://login.example.org/token",
  clientId: "a-client",
};
const claims = Buffer.from(JSON.stringify({ exp: 1_700_000_000, sub: "me?>" })).toString("base64url");
const CODEX_ACCESS = `eyJhbGciOiJub25lIn0.${claims}.c2ln`;

describe("a file of a login", () => {
  test("of Claude Code is understood", () => {
    const more = { scopes: ["user:inference"], subscriptionType: "max" };
    const file = { claudeAiOauth: { accessToken: ACCESS, refreshToken: REFRESH, expiresAt: NOW, ...more } };
    expect(readLoginFile(JSON.stringify(file))).toEqual({
      kind: "ok",
      value: {
        from: "Claude Code",
        text: canonicalize({ access: ACCESS, expires: NOW, refresh: REFRESH }),
        terms: {
          endpoint: "https://console.anthropic.com/v1/oauth/token",
          client: "9d1c250a-e61b-44d9-88ed-5944d1962f5e",
          scopes: [],
          format: "json",
        },
      },
    });
  });

  test("of Codex is understood, with the end that its token names", () => {
    const tokens = { id_token: "x", access_token: CODEX_ACCESS, refresh_token: REFRESH, account_id: "a" };
    expect(readLoginFile(JSON.stringify({ OPENAI_API_KEY: null, tokens, last_refresh: "2026-11-26" }))).toEqual({
      kind: "ok",
      value: {
        from: "Codex",
        text: canonicalize({ access: CODEX_ACCESS, expires: 1_700_000_000_000, refresh: REFRESH }),
        terms: {
          endpoint: "https://auth.openai.com/oauth/token",
          client: "app_EMoamEEZ73f0CkXaXp7hrann",
          scopes: [],
          format: "json",
        },
      },
    });
  });

  test.each<[string, string]>([
    ["that is no JSON", `{"accessToken": "${ACCESS}"`],
    ["without an endpoint", JSON.stringify({ ...OWN, tokenEndpoint: undefined })],
    ["with a field that is not known", JSON.stringify({ ...OWN, clientSecret: ACCESS })],
    ["to another machine in clear", JSON.stringify({ ...OWN, tokenEndpoint: "http://login.example.org/token" })],
    ["with a token that is none", JSON.stringify({ ...OWN, accessToken: `${ACCESS} x` })],
    ["with an end that is no time", JSON.stringify({ ...OWN, expiresAt: "tomorrow" })],
    ["of Claude Code without a refresh token", JSON.stringify({ claudeAiOauth: { accessToken: ACCESS } })],
  ])("%s is refused, and nothing is said of its tokens", (_, text) => {
    const read = readLoginFile(text);
    expect(read.kind).toBe("refused");
    expect(JSON.stringify(read)).not.toContain("-token");
  });
});

describe("setting a login", () => {
  const answers: Setting["answers"] = {
    deposit: (given) => ({ commitment: crypto.digest(committedText(given)) }),
    prepare: ({ purpose, document }) => ({
      statement: {
        v: 1,
        purpose,
        nonce: "ab".repeat(16),
        subject: crypto.digest(canonicalize(document)),
        policy: `sha256:${"2".repeat(64)}`,
        start: "cd".repeat(16),
        expires: NOW + 300_000,
      },
    }),
    submit: () => ({ seq: 7 }),
  };
  const files = { "login.json": JSON.stringify(OWN) };

  test("shows and signs where it is renewed, and hands the tokens in apart from that", async () => {
    const desk = createDesk({ typed: ["y", PASSPHRASE], files, answers });
    const words = ["secrets", "set", "bank", "--oauth", "--file", "login.json"];
    expect(await runProgram(words, desk.powers)).toBe(EXIT.ok);
    expect(desk.prompts[0]).toContain(
      "Keep bank, a login, renewed at https://login.example.org/token as a-client, by form?",
    );
    const submitted = desk.monitor.asked.flatMap(({ name, body }) =>
      name === "submit" ? [(body as CliRequests["submit"]["body"]).document] : [],
    );
    expect(submitted).toEqual([
      {
        secret: "bank",
        kind: "oauth",
        commitment: expect.stringMatching(/^sha256:/),
        login: { endpoint: "https://login.example.org/token", client: "a-client", scopes: [], format: "form" },
      },
    ]);
    const others = desk.monitor.asked.filter(({ name }) => name !== "deposit");
    expect(JSON.stringify(others) + desk.out() + desk.err()).not.toMatch(/oat-|ort-/);
    expect(JSON.stringify(desk.monitor.asked)).toContain(REFRESH);
  });

  test("is not done when the person says no", async () => {
    const desk = createDesk({ typed: ["n"], files, answers });
    const words = ["secrets", "rotate", "bank", "--oauth", "--file", "login.json"];
    expect(await runProgram(words, desk.powers)).toBe(EXIT.no);
    expect(desk.monitor.asked.some(({ name }) => name === "deposit" || name === "submit")).toBe(false);
  });

  test("needs a file", async () => {
    const desk = createDesk({ typed: ["y", PASSPHRASE], files, answers });
    expect(await runProgram(["secrets", "set", "bank", "--oauth"], desk.powers)).toBe(EXIT.usage);
    expect(desk.err()).toContain("--oauth needs --file");
  });
});
