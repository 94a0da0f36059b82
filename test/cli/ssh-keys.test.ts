import { describe, expect, test } from "vitest";
import { EXIT } from "../../src/cli/exit-codes.ts";
import { runProgram } from "../../src/cli/program.ts";
import { canonicalize } from "../../src/kernel/canonical.ts";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import { committedText } from "../../src/protocol/commitment.ts";
import type { CliRequests } from "../../src/protocol/requests.ts";
import { createDesk, NOW, PASSPHRASE, type Desk, type Setting } from "../fakes/cli-powers.ts";

const crypto = createCrypto();
const KEY = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZWQyNTUx";
const HEADER = "secrets bind deploy --to https://example.org --method GET --as header:x-key";
const HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

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
  secrets: () => ({
    secrets: [
      {
        secret: "deploy",
        since: NOW,
        key: "ed25519:0123456789abcdef",
        endpoint: null,
        bindings: [],
        ssh: [{ to: "ssh://git@example.org", paths: ["/me/x.git"], hostKeys: [HOST_KEY] }],
      },
    ],
  }),
};

function signedDocuments(desk: Desk): readonly unknown[] {
  return desk.monitor.asked.flatMap(({ name, body }) =>
    name === "submit" ? [(body as CliRequests["submit"]["body"]).document] : [],
  );
}

function keyFile(body: string): string {
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${body}\n-----END OPENSSH PRIVATE KEY-----\n`;
}

describe("keeping a key of SSH", () => {
  const words = ["secrets", "set", "deploy", "--ssh-key", "--file", "key"];

  test("takes it from its file and signs a commitment to it", async () => {
    const desk = createDesk({ typed: [PASSPHRASE], files: { key: keyFile(KEY) }, answers });
    expect(await runProgram(words, desk.powers)).toBe(EXIT.ok);
    const commitment = crypto.digest(committedText({ salt: "ab".repeat(32), value: KEY }));
    expect(signedDocuments(desk)).toEqual([{ secret: "deploy", kind: "value", commitment }]);
    expect(desk.out() + desk.err()).not.toContain(KEY);
  });

  test("is refused for one with a passphrase, and without a file, with what to do", async () => {
    const locked = keyFile("b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAA");
    const desk = createDesk({ typed: [PASSPHRASE], files: { key: locked }, answers });
    expect(await runProgram(words, desk.powers)).toBe(EXIT.setup);
    expect(desk.err()).toContain("it is no OpenSSH private key without a passphrase");
    expect(desk.err()).toContain("ssh-keygen -t ed25519");
    expect(await runProgram(["secrets", "set", "deploy", "--ssh-key"], desk.powers)).toBe(EXIT.usage);
    expect(desk.monitor.asked.some(({ name }) => name === "deposit")).toBe(false);
  });
});

describe("binding a key of SSH", () => {
  const words = ["secrets", "bind", "deploy", "--to", "ssh://git@example.org"];
  const files = { "host.keys": `example.org ${HOST_KEY}\n`, empty: "\n" };

  test("shows and signs with whom, for which repositories, and the machine's key", async () => {
    const desk = createDesk({ typed: ["y", PASSPHRASE], files, answers });
    const more = ["--path", "/me/x.git", "--path", "/team", "--host-keys", "host.keys"];
    expect(await runProgram([...words, ...more], desk.powers)).toBe(EXIT.ok);
    expect(desk.prompts[0]?.replaceAll(/\s+/g, " ")).toContain(
      `Use deploy for ssh://git@example.org, /me/x.git and below or /team and below, where the machine has the key ${HOST_KEY}?`,
    );
    expect(signedDocuments(desk)).toEqual([
      { secret: "deploy", to: "ssh://git@example.org", paths: ["/me/x.git", "/team"], hostKeys: [HOST_KEY] },
    ]);
  });

  test.each([
    ["without the machine's key", words],
    ["with a file in which there is none", [...words, "--host-keys", "empty"]],
    ["with a header", [...words, "--host-keys", "host.keys", "--as", "header:x-key"]],
    ["with a path that climbs", [...words, "--host-keys", "host.keys", "--path", "/a/../b"]],
    ["without a user", ["secrets", "bind", "deploy", "--to", "ssh://example.org", "--host-keys", "host.keys"]],
    ["with a machine's key for a header", `${HEADER} --host-keys host.keys`.split(" ")],
  ])("is refused %s", async (_, wrong) => {
    const desk = createDesk({ typed: ["y", PASSPHRASE], files, answers });
    expect(await runProgram(wrong, desk.powers)).toBe(EXIT.usage);
    expect(signedDocuments(desk)).toEqual([]);
  });
});

test("a list shows where a key is used", async () => {
  const desk = createDesk({ answers });
  expect(await runProgram(["secrets", "list"], desk.powers)).toBe(EXIT.ok);
  expect(desk.out().replaceAll(/\s+/g, " ")).toContain("ssh://git@example.org, /me/x.git and below");
});
