import { describe, expect, test } from "vitest";
import { CliFailure } from "../../src/cli/failure.ts";
import type { UndoAnswer } from "../../src/protocol/undo-report.ts";
import type { Answers } from "../fakes/monitor-client.ts";
import { transcribe } from "./transcript.ts";

const INSTANCE = "i-0123456789abcdef";
const REPORT: UndoAnswer = {
  changes: [
    { what: "removed", path: "/srv/work/new" },
    { what: "restored", path: "/srv/work/\u202eold" },
    { what: "moved-back", path: "/srv/work/moved" },
    { what: "mode", path: "/srv/work/run.sh" },
  ],
  changed: 6,
  left: [],
  leftCount: 0,
  noted: true,
  brought: null,
};

function answer(report: Partial<UndoAnswer>): Parameters<typeof transcribe>[1] {
  return { answers: { undo: () => ({ ...REPORT, ...report }) } };
}

describe("aios undo", () => {
  test("says what it put back, in characters that cannot deceive", async () => {
    expect(await transcribe(["undo", INSTANCE], answer({}))).toBe(`$ aios undo i-0123456789abcdef
remove     /srv/work/new
restore    /srv/work/‹U+202E›old
move back  /srv/work/moved
mode of    /srv/work/run.sh
and 2 more
6 put back
`);
  });

  test("only says what it would put back", async () => {
    const shown = await transcribe(["undo", INSTANCE, "--dry-run"], answer({ changes: [], changed: 0 }));
    expect(shown).toBe(`$ aios undo i-0123456789abcdef --dry-run
nothing to undo
`);
  });

  test("names what it left, says what cannot be known, and ends with 1", async () => {
    const left = [{ path: "/srv/work/mine", why: "it was changed since the run" }];
    const report = { changes: [], changed: 0, left, leftCount: 2, noted: false };
    expect(await transcribe(["undo", INSTANCE], answer(report))).toBe(`$ aios undo i-0123456789abcdef
left       /srv/work/mine: it was changed since the run
and 1 more that are left
the end of the run was not noted: what was changed after its last note is left
0 put back, 2 left as they are
move away or mend what stands in the way, and the same command goes on with what is left
[1]
`);
  });
});

describe("aios run", () => {
  const starts: Answers = {
    grants: () => ({ grants: [] }),
    watch: () => ({}),
    run: () => ({ instance: INSTANCE, output: null, overruled: [] }),
    wait: () => ({ state: "ended", exit: 0, why: null }),
  };
  const words = ["run", "--agent", "a", "--workspace", "/srv/work", "--", "true"];

  test("says how much a run changed and how to take it back", async () => {
    const shown = await transcribe(words, { answers: { ...starts, undo: () => REPORT } });
    expect(shown).toContain("! aios: 6 changes in the workspace; aios undo i-0123456789abcdef takes them back\n");
  });

  test("names control files that its commits bring, and says when not all was looked at", async () => {
    const file = { path: "/srv/work/.github/workflows/x.yml", why: "CI runs it" };
    const bring = (brought: UndoAnswer["brought"]) => ({
      answers: { ...starts, undo: () => ({ ...REPORT, brought }) },
    });
    const hint =
      "! hint: look before you check out, merge or push them: git log --all --stat; aios undo i-0123456789abcdef takes them back\n";
    expect(await transcribe(words, bring({ files: [file], count: 1, whole: true }))).toContain(
      `! aios: its commits or the index bring 1 control file, which a checkout writes and tools obey (commits-bring-control)
! aios:   /srv/work/.github/workflows/x.yml: CI runs it
${hint}`,
    );
    expect(await transcribe(words, bring({ files: [], count: 0, whole: false }))).toContain(
      `! aios: not all that it left in commits was looked at for control files (commits-unread)\n${hint}`,
    );
    expect(await transcribe(words, bring({ files: [], count: 0, whole: true }))).not.toContain("control file");
  });

  test("says nothing of it when nothing was changed", async () => {
    const nothing = { ...REPORT, changes: [], changed: 0 };
    const shown = await transcribe(words, { answers: { ...starts, undo: () => nothing } });
    expect(shown).not.toContain("changes in the workspace");
    expect(shown).not.toContain("commits");
  });

  test("says that it did not look, and what looks, while another agent still writes in the folder", async () => {
    const refuse = (): never => {
      const message = `Cannot undo ${INSTANCE}: i-fedcba9876543210 still writes in /srv/work\u202e.`;
      throw CliFailure.fromMonitor({ code: "workspace", message, hint: "Wait until it has ended." });
    };
    const shown = await transcribe(words, { answers: { ...starts, undo: refuse } });
    expect(shown).toContain(
      `! aios: its changes and commits were not looked at: Cannot undo ${INSTANCE}: i-fedcba9876543210 still writes in /srv/work‹U+202E›. (commits-unread)
! hint: aios undo ${INSTANCE} --dry-run looks when it can; until then look before you check out, merge or push: git log --all --stat
`,
    );
    expect(shown).not.toContain("changes in the workspace");
  });

  test("says nothing of it to whom the monitor is lost: that is told itself", async () => {
    const lost = (): never => {
      throw CliFailure.of("monitor-lost", "the monitor ended the connection");
    };
    expect(await transcribe(words, { answers: { ...starts, undo: lost } })).not.toContain("looked at");
  });
});
