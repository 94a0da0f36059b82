import { describe, expect, test } from "vitest";
import { canonicalize } from "../../src/kernel/canonical.ts";
import { EXIT } from "../../src/cli/exit-codes.ts";
import { runProgram } from "../../src/cli/program.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import { committedText } from "../../src/protocol/commitment.ts";
import type { CliRequests } from "../../src/protocol/requests.ts";
import { createDesk, NOW, PASSPHRASE, type Desk, type Setting } from "../fakes/cli-powers.ts";

const crypto = createCrypto();
const VALUE = "sk-a-value-of-mine";
const commit = (given: CliRequests["deposit"]["body"]): string => crypto.digest(committedText(given));

const answers: Setting["answers"] = {
  deposit: (given) => ({ commitment: commit(given) }),
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

describe("setting a secret", () => {
  test("takes the value from the terminal and signs a commitment to it", async () => {
    const desk = createDesk({ typed: [VALUE, PASSPHRASE], answers });
    expect(await runProgram(["secrets", "set", "bank"], desk.powers)).toBe(EXIT.ok);
    const [document] = signedDocuments(desk);
    expect(document).toEqual({
      secret: "bank",
      kind: "value",
      commitment: commit({ salt: "ab".repeat(32), value: VALUE }),
    });
    expect(desk.prompts[0]).toBe("value (not shown): ");
    // All that is signed, as it is signed.
    expect(desk.err()).toContain(`To sign (set-secret):\n  ${canonicalize(document as JsonObject)}\n`);
    expect(desk.out() + desk.err()).not.toContain(VALUE);
    const others = desk.monitor.asked.filter(({ name }) => name !== "deposit");
    expect(JSON.stringify(others)).not.toContain(VALUE);
  });

  test("or from a file, without the line break at its end", async () => {
    const desk = createDesk({ typed: [PASSPHRASE], files: { "key.txt": `${VALUE}\n` }, answers });
    expect(await runProgram(["secrets", "rotate", "bank", "--file", "key.txt"], desk.powers)).toBe(EXIT.ok);
    expect(signedDocuments(desk)).toEqual([
      { secret: "bank", kind: "value", commitment: commit({ salt: "ab".repeat(32), value: VALUE }) },
    ]);
  });

  test("is refused with a value that cannot be one, and nothing is said of it", async () => {
    const desk = createDesk({ typed: ["geheim ü", PASSPHRASE], answers });
    expect(await runProgram(["secrets", "set", "bank"], desk.powers)).toBe(EXIT.setup);
    expect(desk.err()).toContain("bad-secret");
    expect(desk.err()).not.toContain("geheim");
    expect(desk.monitor.asked.some(({ name }) => name === "deposit")).toBe(false);
  });

  test.each([
    ["on the command line", ["secrets", "set", "bank", VALUE], EXIT.usage],
    ["by a flag", ["secrets", "set", "bank", `--value=${VALUE}`], EXIT.usage],
  ])("is refused with a value %s", async (_, words, code) => {
    const desk = createDesk({ typed: [VALUE, PASSPHRASE], answers });
    expect(await runProgram(words, desk.powers)).toBe(code);
    expect(desk.monitor.asked).toEqual([]);
  });

  test("needs a terminal", async () => {
    const desk = createDesk({ answers });
    expect(await runProgram(["secrets", "set", "bank"], desk.powers)).toBe(EXIT.terminal);
  });

  test("signs nothing when the monitor commits to another value", async () => {
    const swapped = { ...answers, deposit: () => ({ commitment: `sha256:${"0".repeat(64)}` }) };
    const desk = createDesk({ typed: [VALUE, PASSPHRASE], answers: swapped });
    expect(await runProgram(["secrets", "set", "bank"], desk.powers)).toBe(EXIT.no);
    expect(signedDocuments(desk)).toEqual([]);
  });
});

describe("binding a secret", () => {
  const words = ["secrets", "bind", "bank", "--to", "https://api.example.org", "--method", "POST", "--method", "GET"];
  test("shows and signs where it goes and how", async () => {
    const desk = createDesk({ typed: ["y", PASSPHRASE], answers });
    const more = ["--path", "/v1", "--as", "header:authorization=Bearer"];
    expect(await runProgram([...words, ...more], desk.powers)).toBe(EXIT.ok);
    expect(desk.prompts[0]).toContain(
      "Send bank to https://api.example.org, POST or GET /v1 and below, in header authorization after Bearer?",
    );
    expect(signedDocuments(desk)).toEqual([
      {
        secret: "bank",
        to: "https://api.example.org",
        methods: ["POST", "GET"],
        path: "/v1",
        header: "authorization",
        scheme: "Bearer",
      },
    ]);
  });

  test("shows and signs where it stands in a path", async () => {
    const desk = createDesk({ typed: ["y", PASSPHRASE], answers });
    const more = ["--path", "/bot", "--path", "/file/bot", "--as", "path"];
    expect(await runProgram([...words, ...more], desk.powers)).toBe(EXIT.ok);
    expect(desk.prompts[0]).toContain(
      "Send bank to https://api.example.org, POST or GET, in the path behind /bot or /file/bot?",
    );
    expect(signedDocuments(desk)).toEqual([
      { secret: "bank", to: "https://api.example.org", methods: ["POST", "GET"], after: ["/bot", "/file/bot"] },
    ]);
  });

  test.each([
    ["without a form", words],
    ["into a path that is not named", [...words, "--as", "path"]],
    ["with an unknown form", [...words, "--as", "query:key"]],
    ["with a header that frames the message", [...words, "--as", "header:host"]],
    [
      "to another machine in clear",
      ["secrets", "bind", "bank", "--to", "http://a.example.org", "--method", "GET", "--as", "header:x-key"],
    ],
    ["without a method", ["secrets", "bind", "bank", "--to", "https://a.example.org", "--as", "header:x-key"]],
  ])("is refused %s", async (_, wrong) => {
    const desk = createDesk({ typed: ["y", PASSPHRASE], answers });
    expect(await runProgram(wrong, desk.powers)).toBe(EXIT.usage);
    expect(signedDocuments(desk)).toEqual([]);
  });
});

test("a list shows names and destinations", async () => {
  const binding = { to: "https://api.example.org", methods: ["POST"], path: "/", header: "x-api-key", scheme: null };
  const behind = { to: "https://api.example.org", methods: ["POST"], after: ["/bot"] };
  const view = { since: NOW, key: "ed25519:0123456789abcdef" };
  const secrets = [
    { ...view, secret: "bank", endpoint: null, bindings: [binding], ssh: [] },
    { ...view, secret: "bot", endpoint: null, bindings: [behind], ssh: [] },
    { ...view, secret: "lamp", endpoint: "https://login.example.org/token", bindings: [], ssh: [] },
  ];
  const desk = createDesk({ answers: { ...answers, secrets: () => ({ secrets }) } });
  expect(await runProgram(["secrets", "list"], desk.powers)).toBe(EXIT.ok);
  expect(desk.out()).toContain("https://api.example.org, POST any path, in header x-api-key");
  expect(desk.out()).toContain("https://api.example.org, POST, in the path behind /bot");
  expect(desk.out()).toContain("nowhere: it is not bound");
  expect(desk.out()).toContain("renewed at https://login.example.org/token");
});

test("removing one is asked for and signed", async () => {
  const desk = createDesk({ typed: ["y", PASSPHRASE], answers });
  expect(await runProgram(["secrets", "remove", "bank"], desk.powers)).toBe(EXIT.ok);
  expect(signedDocuments(desk)).toEqual([{ secret: "bank" }]);
  const no = createDesk({ typed: ["n"], answers });
  expect(await runProgram(["secrets", "remove", "bank"], no.powers)).toBe(EXIT.no);
  expect(signedDocuments(no)).toEqual([]);
});
