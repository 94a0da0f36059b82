import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { ClosingLine } from "./scripts/closing-line.ts";
import { HungFile } from "./scripts/hung-file.ts";
import { LongFirst } from "./scripts/long-first.ts";

/** Folders whose code is handed all its powers: a test of theirs leaves nothing behind in its process. */
const HANDED = [
  "kernel",
  "protocol",
  "sandbox",
  "showing",
  "monitor",
  "face",
  "console",
  "page",
  "extensions",
  "telemetry",
  "cli",
];
/** Commands with powers of the tests: these start nothing and write nowhere. */
const COMMANDS = [
  "agent-session",
  "approvals",
  "away",
  "commands-page",
  "digest",
  "disk-fault",
  "ext",
  "ext-detonation",
  "ext-trust",
  "frozen",
  "logins",
  "odd-input",
  "owners",
  "ports",
  "profile",
  "providers",
  "rendering-corpus",
  "run",
  "secrets",
  "signing",
  "ssh-keys",
  "transcripts",
  "undo",
];
/** Others of folders with powers that do the same: nothing is started or written, and nothing of the process is changed. */
const OTHERS = [
  "src/main/mcp-stdio",
  "src/main/version",
  "src/platform/address-class",
  "src/platform/crypto",
  "src/platform/full-screen",
  "src/platform/git-courier",
  "src/platform/mux",
  "src/platform/packets",
  "src/platform/proxy-head",
  "src/platform/random",
  "src/platform/scrub",
  "src/platform/signer",
  "src/platform/socket-path",
  "src/platform/ssh-command",
  "test/extensions/provenance",
  "test/extensions/registry",
  "test/extensions/says",
  "test/model/approval-cuts",
  "test/policy/attacks",
];
const PURE = [
  ...HANDED.map((folder) => `src/${folder}/**/*.test.ts`),
  ...COMMANDS.map((name) => `test/cli/${name}.test.ts`),
  ...OTHERS.map((name) => `${name}.test.ts`),
];

export default defineConfig({
  test: {
    projects: [
      { extends: true, test: { name: "whole", include: ["src/**/*.test.ts", "test/**/*.test.ts"], exclude: PURE } },
      // Their modules are loaded once for all of them: a process for each was two thirds of what they took.
      { extends: true, test: { name: "pure", include: PURE, isolate: false } },
    ],
    pool: "forks",
    // Each file starts processes of its own: three files on two processors took no less time, and failed by it.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    sequence: { sequencer: LongFirst },
    reporters: ["default", new ClosingLine(), new HungFile()],
    // For what hangs: none of these is near what anything takes, on a slow machine with other work either.
    expect: { poll: { timeout: 60_000 } },
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
