import { expect, test } from "vitest";
import { canonicalize } from "../../src/kernel/canonical.ts";
import { EXIT } from "../../src/cli/exit-codes.ts";
import { runProgram } from "../../src/cli/program.ts";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import type { CliRequests } from "../../src/protocol/requests.ts";
import { createDesk, NOW, PASSPHRASE, type Desk, type Setting } from "../fakes/cli-powers.ts";

const crypto = createCrypto();
const YAML = `
provider: far
format: anthropic
url: https://api.example.org
tier: public
class: private
secret: far-key
models:
  big: { output: 1000, price: { input: 3, output: 15.5 } }
  free: { output: 10 }
`;
const DOCUMENT = {
  provider: "far",
  format: "anthropic",
  to: "https://api.example.org",
  path: "",
  tier: "public",
  class: "private",
  secret: "far-key",
  models: [
    { name: "big", output: 1000, price: { input: 3_000_000, output: 15_500_000 } },
    { name: "free", output: 10, price: null },
  ],
};

const answers: Setting["answers"] = {
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

function signedDocuments(desk: Desk): readonly unknown[] {
  return desk.monitor.asked.flatMap(({ name, body }) =>
    name === "submit" ? [(body as CliRequests["submit"]["body"]).document] : [],
  );
}

test("a provider is shown in full before it is signed", async () => {
  const desk = createDesk({ typed: ["y", PASSPHRASE], files: { "far.yaml": YAML }, answers });
  expect(await runProgram(["providers", "add", "far.yaml"], desk.powers)).toBe(EXIT.ok);
  expect(signedDocuments(desk)).toEqual([DOCUMENT]);
  for (const words of [
    "provider far at https://api.example.org, format anthropic",
    "anybody; its answers count as words from outside (public)",
    "may see private data",
    "carry the secret far-key",
    "model big: answers of at most 1000 tokens, 3 in and 15.5 out for a million tokens",
    "model free: answers of at most 10 tokens, no price",
  ]) {
    expect(desk.err()).toContain(words);
  }
});

test.each([
  ["a field that nobody knows", `${YAML}key: sk-12345678\n`],
  ["another machine in clear", YAML.replace("https:", "http:")],
  ["another machine that is called local", YAML.replace("tier: public", "tier: local")],
  ["no models", YAML.replace(/models:[^]*/u, "models: {}\n")],
])("a file with %s is refused and nothing is signed", async (_, text) => {
  const desk = createDesk({ typed: ["y", PASSPHRASE], files: { "far.yaml": text }, answers });
  expect(await runProgram(["providers", "add", "far.yaml"], desk.powers)).toBe(EXIT.setup);
  expect(desk.err()).toContain("bad-provider");
  expect(signedDocuments(desk)).toEqual([]);
});

test("the list shows who may see what", async () => {
  const providers = [{ ...DOCUMENT, secret: null }] as unknown as CliRequests["providers"]["ok"]["providers"];
  const desk = createDesk({ answers: { ...answers, providers: () => ({ providers }) } });
  expect(await runProgram(["providers", "list"], desk.powers)).toBe(EXIT.ok);
  expect(desk.out()).toMatch(/far +anthropic +public +private +https:\/\/api\.example\.org +no key +big free/u);
});

test("removing one is asked for and signed", async () => {
  const desk = createDesk({ typed: ["y", PASSPHRASE], answers });
  expect(await runProgram(["providers", "remove", "far"], desk.powers)).toBe(EXIT.ok);
  expect(signedDocuments(desk)).toEqual([{ provider: "far" }]);
});
