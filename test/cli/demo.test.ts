import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { COMMAND } from "../fakes/command.ts";

/** The real demo: real monitor, sandboxes, servers, agent and log. */

const PATIENCE_MS = 240_000;

interface Played {
  readonly text: string;
  readonly exit: number | null;
}

/** Runs a command in a session of its own, so that it has no terminal but the one it makes. Answers prompts in order. */
function play(
  command: readonly string[],
  answers: readonly (readonly [prompt: string, answer: string])[],
): Promise<Played> {
  const [program = "", ...rest] = command;
  const child = spawn(program, rest, {
    detached: true,
    env: { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent", TERM: "dumb" },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const left = [...answers];
  let text = "";
  let read = 0;
  const hear = (part: string): void => {
    text += part;
    const [next] = left;
    const at = next === undefined ? -1 : text.indexOf(next[0], read);
    if (next === undefined || at < 0) return;
    read = at + next[0].length;
    left.shift();
    // A moment, as a person takes: the prompt is shown before keys are read one by one.
    setTimeout(() => child.stdin.write(next[1]), 300);
  };
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", hear);
  if (answers.length === 0) child.stdin.end();
  return new Promise((done) => child.once("close", (exit) => done({ text: text.replaceAll("\r", ""), exit })));
}

/** Folder that the demo said it works in. */
function folderOf(played: Played): string {
  return /at (\/\S+)\/home,/u.exec(played.text)?.[1] ?? "";
}

/** The words that say how things came out, in order. */
function outcomes(played: Played): readonly string[] {
  return [
    ...played.text.matchAll(/^ {5}(granted|denied|held|approved|labelled|terminal|verified|refused) {2,}/gmu),
  ].map((match) => match[1] ?? "");
}

// Beside each other: much of both is waiting, for questions that end by themselves and as a person reads.
describe.concurrent("the demo", () => {
  test("without a terminal nobody approves, and everything held is denied", { timeout: PATIENCE_MS }, async () => {
    const played = await play([COMMAND, "demo"], []);
    expect(played.text).toContain("There is no terminal here, so nobody can approve anything.");
    expect(outcomes(played)).toEqual([
      "granted", // the grant
      "labelled", // before the agent gets what it read
      "granted", // the read
      "denied", // the tool without a grant
      "held", // the mail
      "denied",
      "held", // the write
      "denied",
      "terminal",
      "verified",
      "verified",
      "refused",
    ]);
    expect(played.text).toContain("I am offered files__read_text_file, files__write_file,");
    expect(played.text).not.toContain("files__move_file");
    expect(played.text).toContain("Nothing: the mail server sent no message");
    expect(played.text.split("\n").filter((line) => Array.from(line).length > 80)).toEqual([]);
    expect(played.text.trimEnd().split("\n").slice(-4)).toEqual([
      "Try next, with your own agent:",
      "   bin/aios init",
      "   bin/aios run --profile examples/files.yaml --workspace DIR -- CMD",
      "   bin/aios log show",
    ]);
    expect(played.exit).toBe(0);
    expect(folderOf(played)).not.toBe("");
    expect(existsSync(folderOf(played))).toBe(false);
  });

  test(
    "at a terminal a human's no stops the mail and a human's signature lets the write run",
    { timeout: PATIENCE_MS },
    async () => {
      const passphrase = "correct horse battery staple\r";
      const played = await play(
        ["script", "-qec", `'${COMMAND}' demo`, "/dev/null"],
        [
          ["the demo: ", passphrase],
          ["again: ", passphrase],
          ["every detail: ", "y\r"],
          ["y or n: ", "n\r"],
          ["y or n: ", "y\r"],
        ],
      );
      expect(outcomes(played)).toEqual([
        "granted",
        "labelled",
        "granted",
        "denied",
        "held",
        "denied",
        "held",
        "approved",
        "granted",
        "terminal",
        "verified",
        "verified",
        "refused",
      ]);
      expect(played.text).toContain("an owner said no (denied-by-owner, at approve)");
      expect(played.text).toContain('/to/0  "archive@collector.example"');
      expect(played.text).toContain("Nothing: the mail server sent no message");
      expect(played.text).not.toContain("correct horse");
      expect(played.exit).toBe(0);
    },
  );
});
