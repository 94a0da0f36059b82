import { spawnSync } from "node:child_process";
import { closeSync, constants, openSync, readdirSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { DetonationAnswer } from "../../src/extensions/detonate/finding.ts";
import { runProgram } from "../../src/cli/program.ts";
import { readTree } from "../../src/platform/files/sealed-tree.ts";
import { REPO } from "../e2e/substrate.ts";
import { createDesk } from "../fakes/cli-powers.ts";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";

const REPORT: DetonationAnswer = {
  kind: "report",
  report: {
    v: 1,
    digest: `sha256:${"1".repeat(64)}`,
    ran: [{ step: "server", how: "5 calls", ms: 300 }],
    calls: 5,
    findings: [
      {
        rule: "canary-sent",
        severity: "critical",
        message: "sent the SSH key to a.example (server, tools/call count #2)",
        place: { path: "index.js", line: 1 },
        evidence: { step: "server", call: "tools/call count #2", ms: 120 },
      },
    ],
    grave: true,
  },
};

/** The command over an answer that is given. */
async function run(
  answer: DetonationAnswer,
  ...args: readonly string[]
): Promise<{ readonly status: number; readonly out: string; readonly err: string }> {
  const desk = createDesk({});
  const sources = {
    ...desk.powers.sources,
    inspect: (path: string) => Promise.resolve(path.endsWith(".tgz") ? ("file" as const) : ("folder" as const)),
  };
  const powers = { ...desk.powers, sources, detonation: { run: () => Promise.resolve(answer) } };
  const status = await runProgram(["ext", "detonate", ...args], powers);
  return { status, out: desk.out(), err: desk.err() };
}

function digestOf(folder: string): string {
  const root = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return readTree(root, { seal: false }).digest;
  } finally {
    closeSync(root);
  }
}

describe("aios ext detonate", () => {
  it("shows what was run and found, and says the same to programs", async () => {
    const shown = await run(REPORT, "/made");
    expect(shown).toMatchObject({ status: 1, err: "" });
    expect(shown.out).toContain(`/made: 1 step, 5 calls of tools\n  sha256:${"1".repeat(64)}\n  server: 5 calls\n`);
    expect(shown.out).toContain("critical It sent a secret of the made-up home away");
    expect(shown.out).toContain("Do not trust it before you know why it does this.");
    expect(JSON.parse((await run(REPORT, "--json", "/made")).out)).toEqual(REPORT.kind === "report" && REPORT.report);
    const sarif = JSON.parse((await run(REPORT, "--sarif", "/made")).out);
    expect(sarif.runs[0].tool.driver).toMatchObject({ name: "aios ext detonate", rules: [{ id: "canary-sent" }] });
    expect(sarif.runs[0].results[0].locations[0].physicalLocation).toEqual({
      artifactLocation: { uri: "index.js", uriBaseId: "EXTENSION" },
      region: { startLine: 1 },
    });
  });

  it("says when nothing of it runs by itself, and when nothing could be run", async () => {
    const digest = `sha256:${"1".repeat(64)}`;
    const none: DetonationAnswer = {
      kind: "report",
      report: { v: 1, digest, ran: [], calls: 0, findings: [], grave: false },
    };
    const shown = await run(none, "/made");
    expect(shown.status).toBe(0);
    expect(shown.out).toContain("There is nothing in it that runs by itself, so nothing was seen.");
    const failed = await run({ kind: "failed", code: "setup", message: "no bubblewrap", hint: "install it" }, "/made");
    expect(failed).toMatchObject({ status: 3, out: "" });
    expect(failed.err).toContain('Cannot detonate "/made": no bubblewrap (setup) (not-detonated)\nhint: install it');
    expect(await run(REPORT, "/made.tgz")).toMatchObject({ status: 2, out: "" });
  });

  it("runs a folder without a home or a monitor", async () => {
    const folder = makeTemporaryFolder();
    await mkdir(join(folder, "notes"));
    const text = "---\nname: notes\ndescription: Notes.\n---\n\n```sh\ncat ~/.netrc\n```\n";
    await writeFile(join(folder, "notes", "SKILL.md"), text);
    const args = [join(REPO, "src", "main", "aios.ts"), "ext", "detonate", join(folder, "notes")];
    const ran = spawnSync(process.execPath, args, {
      encoding: "utf8",
      env: { HOME: folder, PATH: process.env["PATH"] },
    });
    expect(ran.stderr).toBe("");
    // What it ran has the name that the store would give it.
    expect(ran.stdout).toContain(`  ${digestOf(join(folder, "notes"))}\n`);
    expect(ran.stdout).toContain("opened ~/.netrc, logins of netrc");
    expect(ran.status).toBe(1);
    expect(readdirSync(folder)).toEqual(["notes"]);
  });

  it("says which folder it cannot read", () => {
    const args = [join(REPO, "src", "main", "aios.ts"), "ext", "detonate", "/nowhere-at-all"];
    const ran = spawnSync(process.execPath, args, {
      encoding: "utf8",
      env: { HOME: makeTemporaryFolder(), PATH: process.env["PATH"] },
    });
    expect(ran.status).toBe(3);
    expect(ran.stdout).toBe("");
  });
});
