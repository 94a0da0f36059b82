import { describe, expect, test } from "vitest";
import { confirm } from "../../src/cli/confirm.ts";
import { runProgram } from "../../src/cli/program.ts";
import { createDesk, PASSPHRASE } from "../fakes/cli-powers.ts";
import { grant } from "./cast.ts";
import { transcribe } from "./transcript.ts";

test("an empty word in the place of a file or a name is said to be one", async () => {
  expect(await transcribe(["grants", "sign", ""])).toBe(`$ aios grants sign
! aios: aios grants sign needs FILE, not an empty word (usage)
! hint: aios grants sign --help shows what it takes
[2]
`);
});

describe("a passphrase at a question", () => {
  const answer = async (...typed: readonly string[]): Promise<readonly [boolean, number]> => {
    const desk = createDesk({ typed });
    return [await confirm(desk.powers, "Sign this grant?"), desk.prompts.length];
  };

  test("is no answer: it is asked again, and said where passphrases are asked for", async () => {
    expect(await answer(PASSPHRASE, "y")).toEqual([true, 2]);
    expect(await answer(PASSPHRASE, "n")).toEqual([false, 2]);
    const desk = createDesk({ typed: [PASSPHRASE, ""] });
    await confirm(desk.powers, "Sign this grant?");
    expect(desk.prompts).toEqual([
      "Sign this grant? [y/N] ",
      "Type y or n here; a passphrase is asked for by its name: ",
    ]);
    expect(desk.err() + desk.out()).toBe("");
  });

  test("is a no when it does not end", async () => {
    expect(await answer("1", "2", "3", "y")).toEqual([false, 3]);
  });

  test("twin: y, yes, n, no and Enter are answers at once", async () => {
    const answers = await Promise.all(["y", " YES ", "n", "no", ""].map((typed) => answer(typed)));
    expect(answers).toEqual([
      [true, 1],
      [true, 1],
      [false, 1],
      [false, 1],
      [false, 1],
    ]);
  });
});

test("a setting of telemetry may say siem: null as it may of the others", async () => {
  const desk = createDesk({
    answers: { prepare: () => ({ statement: {} }) as never },
    files: { "t.yaml": "{ otlp: null, prometheus: null, siem: null, names: hashed, content: none, context: [] }\n" },
    typed: ["n"],
  });
  expect(await runProgram(["telemetry", "use", "t.yaml"], desk.powers)).toBe(1);
  expect(desk.err()).toContain("Nothing of the log is shown to anyone.\n");
  expect(desk.monitor.asked.find(({ name }) => name === "prepare")?.body).toMatchObject({
    document: { siem: { file: null, to: null } },
  });
});

describe("what an agent may do", () => {
  const view = {
    id: "notes",
    agents: ["x"],
    state: "active",
    lease: false,
    uses: 0,
    bytes: 0,
    spent: { input: 0, output: 0, cost: 0 },
    expires: 0,
    opens: null,
    quarantined: [],
    key: "ed25519:0011223344556677",
  } as const;
  const run = async (typed: readonly string[] | undefined, ...flags: readonly string[]): Promise<string> => {
    const desk = createDesk({
      answers: {
        grants: () => ({ grants: [view] }),
        "grant-show": () => ({ grant: { ...grant, id: "notes", agents: ["x"] }, cedar: "", view }),
        watch: () => ({}),
        run: () => ({ instance: "i-0123456789abcdef", output: null, overruled: [] }),
        wait: () => ({ state: "ended", exit: 0, why: null }),
      },
      ...(typed === undefined ? {} : { typed }),
    });
    await runProgram(["run", ...flags, "--", "x"], desk.powers);
    return desk.err();
  };
  const SHORT = "Under the grant notes; aios grants show notes says what it allows.\n";

  test("is named in a line where nobody reads it, and in full with --verbose or at a terminal", async () => {
    expect(await run(undefined)).toContain(SHORT);
    expect(await run(undefined)).not.toContain("Can");
    for (const full of [await run(undefined, "--verbose"), await run([])]) {
      expect(full).toContain("Can");
      expect(full).not.toContain(SHORT);
    }
  });
});
