import type { HeldView } from "../../src/protocol/held-view.ts";
import { describe, expect, test } from "vitest";
import { CliFailure } from "../../src/cli/failure.ts";
import { runProgram } from "../../src/cli/program.ts";
import type { Grant } from "../../src/kernel/grant.ts";
import type { RunRequest } from "../../src/protocol/requests.ts";
import { showMoment } from "../../src/showing/moment.ts";
import { createDesk, type Desk, type Setting } from "../fakes/cli-powers.ts";
import type { LogRecord } from "../../src/protocol/record.ts";
import { grant, heldOver, instances, records } from "./cast.ts";
import { transcribe } from "./transcript.ts";

const PROFILE = "profile: p\nagent: a\ncommand: [/usr/bin/true]\n";
const WITH_CODE = `${PROFILE}code: [/home/maria/.ssh, "/srv/a\\u202eb"]\n`;
const INSTANCE = "i-0123456789abcdef";

/** A monitor that starts whatever it is asked to, under the grant that the profile once asked for, and sees it end with 7. */
const STARTS: NonNullable<Setting["answers"]> = {
  grants: () => ({ grants: [view] }),
  "grant-show": () => ({ grant: { ...grant, id: "p", agents: ["a"] }, cedar: "", view }),
  watch: () => ({}),
  run: () => ({ instance: INSTANCE, output: null, overruled: [] }),
  wait: () => ({ state: "ended", exit: 7, why: null }),
};
const view = {
  id: "p",
  agents: ["a"],
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

async function start(
  profile: string,
  typed?: readonly string[],
): Promise<{ readonly exit: number; readonly desk: Desk; readonly request: RunRequest | null }> {
  const desk = createDesk({
    answers: STARTS,
    files: { "p.yaml": profile },
    ...(typed === undefined ? {} : { typed }),
  });
  const exit = await runProgram(["run", "--profile", "p.yaml"], desk.powers);
  const sent = desk.monitor.asked.find(({ name }) => name === "run")?.body ?? null;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the command sent under this name
  return { exit, desk, request: sent as RunRequest | null };
}

test("an agent that was ended for good is refused before anything is shown or signed for it", async () => {
  const suspended = { grants: [{ ...view, state: "suspended" as const }] };
  const desk = createDesk({
    answers: { ...STARTS, grants: () => suspended },
    files: { "p.yaml": `${PROFILE}sandbox: { workspace: none, programs: any }\nlimits: { expires: 8h }\n` },
    typed: [],
  });
  const failed = await runProgram(["run", "--profile", "p.yaml"], desk.powers);
  expect({ failed, asked: desk.monitor.asked.map(({ name }) => name) }).toEqual({ failed: 4, asked: ["grants"] });
  expect(desk.err()).toContain('Agent "a" was ended for good by an attempt to climb');
  expect(desk.err()).toContain("(agent-tombstoned)");
  expect(desk.err()).toContain("aios restart INSTANCE");
});

describe("the code that a profile names", () => {
  test("is shown, and mounted when the person says yes", async () => {
    const { exit, desk, request } = await start(WITH_CODE, ["y"]);
    expect(desk.err()).toContain(
      "The agent's sandbox will also see, read-only:\n  /home/maria/.ssh\n  /srv/a‹U+202E›b\n",
    );
    expect(desk.prompts).toEqual(["Show it these? [y/N] "]);
    expect(request?.code).toEqual(["/home/maria/.ssh", "/srv/a\u202eb"]);
    expect(exit).toBe(7);
  });

  test("starts nothing when the person says no", async () => {
    const { exit, desk } = await start(WITH_CODE, ["n"]);
    expect(desk.err()).toContain("aios: Nothing was started: you did not say yes (not-confirmed)\n");
    expect(desk.monitor.asked).toEqual([]);
    expect(exit).toBe(1);
  });

  test("is refused where nobody can be asked", async () => {
    const { exit, desk } = await start(WITH_CODE);
    expect(desk.err()).toContain("(no-terminal)");
    expect(desk.monitor.asked).toEqual([]);
    expect(exit).toBe(5);
  });

  test("asks nothing when there is none, with a terminal or without", async () => {
    for (const typed of [[], undefined]) {
      const { exit, desk, request } = await start(PROFILE, typed);
      expect(desk.prompts).toEqual([]);
      expect(request?.code).toEqual([]);
      expect(exit).toBe(7);
    }
  });
});

describe("variables for the agent", () => {
  const env = (...pairs: readonly string[]): string[] => pairs.flatMap((pair) => ["--env", pair]);

  test.each(["LD_PRELOAD", "NODE_OPTIONS", "PATH", "HOME", "AIOS_MCP_SOCKET", "GLIBC_TUNABLES", `A${"B".repeat(64)}`])(
    "that the monitor refuses are refused here: %s",
    async (name) => {
      const desk = createDesk({ answers: STARTS });
      expect(await runProgram(["run", ...env(`${name}=x`), "--", "x"], desk.powers)).toBe(2);
      expect(desk.err()).toContain(`aios: --env cannot set ${name} (usage)\n`);
      expect(desk.monitor.asked).toEqual([]);
    },
  );

  test("that are too many with a profile's, or too long, are refused here", async () => {
    const under = Array.from({ length: 100 }, (_, index) => `  A${index}: x\n`).join("");
    const files = { "p.yaml": `${PROFILE}environment:\n${under}` };
    const many = Array.from({ length: 29 }, (_, index) => `B${index}=x`);
    for (const [words, said] of [
      [env(...many), "--env: the environment expected"],
      [env(`A=${"x".repeat(32_769)}`), "--env: A "],
    ] as const) {
      const desk = createDesk({ answers: STARTS, files });
      expect(await runProgram(["run", "--profile", "p.yaml", ...words], desk.powers)).toBe(2);
      expect(desk.err()).toContain(said);
      expect(desk.monitor.asked).toEqual([]);
    }
  });

  test("of a profile that the monitor refuses make it no profile", async () => {
    const { exit, desk } = await start(`${PROFILE}environment: { NODE_OPTIONS: "--require /x" }\n`, []);
    expect(exit).toBe(3);
    expect(desk.err()).toMatch(/^aios: Cannot use p\.yaml: \/environment\/NODE_OPTIONS .* \(bad-profile\)$/mu);
    expect(desk.monitor.asked).toEqual([]);
  });

  test("are the profile's under those of the command line", async () => {
    const files = { "p.yaml": `${PROFILE}environment: { A: "1", B: "2" }\n` };
    const desk = createDesk({ answers: STARTS, files });
    await runProgram(["run", "--profile", "p.yaml", ...env("B=x=y", "C=")], desk.powers);
    expect(desk.monitor.asked.find(({ name }) => name === "run")?.body).toMatchObject({
      environment: { A: "1", B: "x=y", C: "" },
    });
  });
});

describe("a folder for the agent", () => {
  const hidden = (folder: string): string =>
    `The folder ${folder} is not shown to it: no grant in force gives its sandbox the workspace.\n`;
  const under = (workspace: Grant["sandbox"]["workspace"]): Setting => ({
    answers: {
      ...STARTS,
      grants: () => ({ grants: [{ ...view, agents: ["x"] }] }),
      "grant-show": () => ({ grant: { ...grant, sandbox: { ...grant.sandbox, workspace } }, cedar: "", view }),
    },
  });
  const run = async (setting: Setting, ...words: readonly string[]): Promise<string> => {
    const desk = createDesk(setting);
    expect(await runProgram(["run", ...words, "--", "x"], desk.powers)).toBe(7);
    return desk.err();
  };

  test("that no grant gives its sandbox is said to be hidden from it", async () => {
    expect(await run({ answers: STARTS }, "--workspace", "/srv/a\u202eb")).toContain(hidden("/srv/a‹U+202E›b"));
    expect(await run(under("none"), "--workspace", "notes")).toContain(hidden("/work/notes"));
  });

  test("that a grant gives it, or that was not named, is not", async () => {
    expect(await run(under("read"), "--workspace", "notes")).not.toContain("is not shown to it");
    expect(await run(under("none"))).not.toContain("is not shown to it");
  });
});

test("a lease outside of its hours is named, with when they begin, and nobody is asked to sign another", async () => {
  const opens = Date.parse("2026-11-26T21:00:00Z");
  const closed = { ...view, state: "outside-hours", lease: true, opens } as const;
  const desk = createDesk({
    answers: { ...STARTS, grants: () => ({ grants: [closed] }) },
    files: { "p.yaml": PROFILE },
  });
  expect(await runProgram(["run", "--profile", "p.yaml"], desk.powers)).toBe(7);
  const at = showMoment(opens, desk.powers.offset(opens));
  expect(desk.err()).toContain(
    `No grant is in force for a now: it runs in its sandbox and can do nothing outside it.\nThe lease p is not in force now: it is from ${at} on.\n`,
  );
  expect(desk.prompts).toEqual([]);
});

describe("a folder that a grant gives and that nobody named", () => {
  test("is said to be not shown in this run", async () => {
    const words = "No folder is shown to it in this run: --workspace DIR names one.\n";
    const shown = async (workspace: Grant["sandbox"]["workspace"], ...more: readonly string[]): Promise<string> => {
      const sandbox = { ...grant.sandbox, workspace, folder: workspace === "none" ? null : "/work/notes" };
      const desk = createDesk({
        answers: {
          ...STARTS,
          grants: () => ({ grants: [{ ...view, agents: ["x"] }] }),
          "grant-show": () => ({ grant: { ...grant, sandbox }, cedar: "", view }),
        },
      });
      expect(await runProgram(["run", ...more, "--", "x"], desk.powers)).toBe(7);
      return desk.err();
    };
    expect(await shown("write")).toContain(words);
    expect(await shown("write", "--workspace", "notes")).not.toContain(words);
    expect(await shown("none")).not.toContain(words);
  });
});

describe("flags are checked before anything is shown, asked or started", () => {
  test.each([
    ["--hold-seconds", "0"],
    ["--hold-at", "lunch"],
    ["--env", "PATH"],
  ])("%s %s", async (flag, value) => {
    const desk = createDesk({ answers: STARTS, files: { "p.yaml": WITH_CODE }, typed: ["y"] });
    expect(await runProgram(["run", "--profile", "p.yaml", flag, value], desk.powers)).toBe(2);
    expect(desk.prompts).toEqual([]);
    expect(desk.monitor.asked).toEqual([]);
    expect(desk.err()).toMatch(/^aios: [^\n]*\(usage\)\n(?:hint: [^\n]*\n)?$/u);
  });
});

test("a kind of record that does not exist is refused, not an empty table", async () => {
  expect(await transcribe(["log", "show", "--kind", "denyed"])).toBe(`$ aios log show --kind denyed
! aios: there is no kind of record "denyed" (usage)
! hint: did you mean denied?
[2]
`);
});

test("an id that no instance ever had is refused, not an empty table; twin: one without such records is none", async () => {
  const answers = {
    "log-show": () => ({ entries: [], size: 9 }),
    ps: () => ({ instances, allFrozen: null, log: null }),
  };
  expect(await transcribe(["log", "show", "--instance", "i-00000000000000ff"], { answers })).toBe(
    `$ aios log show --instance i-00000000000000ff
! aios: The log has no instance "i-00000000000000ff" (not-found)
! hint: aios ps --all lists them
[1]
`,
  );
  expect(await transcribe(["log", "show", "--instance", INSTANCE, "--kind", "denied"], { answers })).not.toContain("!");
});

test("a variable that the sandbox has with another value is named, and only then", async () => {
  const run = (): ReturnType<NonNullable<typeof STARTS.run>> => ({
    instance: INSTANCE,
    output: null,
    overruled: ["HTTP_PROXY"],
  });
  const shown = await transcribe(["run", "--env", "HTTP_PROXY=x", "--", "a"], { answers: { ...STARTS, run } });
  expect(shown).toContain("! Its environment has another value of HTTP_PROXY than you named");
  expect(await transcribe(["run", "--", "a"], { answers: STARTS })).not.toContain("another value");
});

test("an instance that ended since nothing could be recorded sends to what says why, and not to the log", async () => {
  const wait = () => ({ state: "ended", exit: null, why: "log-unavailable" }) as const;
  const shown = await transcribe(["run", "--", "a"], { answers: { ...STARTS, wait } });
  expect(shown).toContain(`! aios: instance ${INSTANCE} is stopped: log-unavailable (stopped)
! hint: what it does could not be recorded: aios doctor says why, a full disk for one
[6]
`);
});

test("restart shows why an instance stopped, and asks nothing while everything is frozen", async () => {
  const [first] = instances;
  if (first === undefined) throw new Error("the cast has no instance");
  const shown = await transcribe(["restart", INSTANCE], {
    typed: ["y"],
    answers: {
      ps: () => ({ instances: [{ ...first, state: "frozen", why: "asked" }], allFrozen: 26, log: null }),
      "log-show": () => ({ entries: [], size: 27 }),
    },
  });
  expect(shown).toBe(`$ aios restart ${INSTANCE}
! instance ${INSTANCE} of agent notes is frozen
! The log has no record of why it stopped: asked.
! aios: Everything is frozen (record 26), so nothing starts or goes on (frozen)
! hint: aios thaw --all lifts that, and you sign for it; then this command again
[1]
`);
});

describe("a proposal over what was denied", () => {
  const denied = (instance: string, code: "no-grant" | "forbidden"): LogRecord => {
    const record = records.find((each) => each.kind === "denied");
    if (record?.kind !== "denied") throw new Error("the cast has no denial");
    return { ...record, instance, code };
  };
  const propose = (...log: readonly LogRecord[]): Promise<string> =>
    transcribe(["propose", "--denied"], {
      answers: {
        "log-show": ({ instance }) => ({
          entries: log
            .filter((record) => instance === null || ("instance" in record && record.instance === instance))
            .map((record) => ({ record, payload: null })),
          size: log.length,
        }),
        "propose-grant": ({ instance, from }) =>
          Promise.reject(CliFailure.of("not-found", `asked over what ${instance} was ${from}`)),
      },
    });

  test("finds the instance where it can only be one, asks which of several, and says when there is none", async () => {
    const [one, other] = ["i-00000000000000aa", "i-00000000000000bb"];
    expect(await propose(denied(one, "no-grant"), denied(other, "forbidden"))).toContain(
      `asked over what ${one} was denied`,
    );
    expect(await propose(denied(one, "no-grant"), denied(other, "no-grant"))).toContain(
      "2 instances were denied something; say which (usage)",
    );
    expect(await propose(denied(one, "forbidden"))).toContain("Nothing was denied for want of a grant (not-found)");
  });
});

test("a profile that is no object is refused at its root", async () => {
  expect(await transcribe(["grants", "propose", "p.yaml"], { files: { "p.yaml": "words\n" } })).toMatch(
    /^! aios: Cannot use p\.yaml: \/ expected .* \(bad-profile\)$/mu,
  );
});

describe("an action that is held", () => {
  const hold = async (...flags: readonly string[]): Promise<Desk> => {
    const instance = INSTANCE;
    const texts = ["a", "b", "c", "d", "d"]; // the last two are one question
    const views = texts.map((text, at): HeldView => {
      const one = heldOver({ text }, at.toString(16).padStart(32, "0"));
      return { ...one, agent: "asker", same: `sha256:${text.repeat(64)}` };
    });
    const desk: Desk = createDesk({
      answers: {
        ...STARTS,
        run() {
          for (const one of views) desk.monitor.say("held", { held: one });
          desk.monitor.say("held", { held: { ...heldOver({}), instance: "i-fedcba9876543210", agent: "other" } });
          return { instance, output: null, overruled: [] };
        },
      },
    });
    await runProgram(["run", ...flags, "--", "x"], desk.powers);
    return desk;
  };

  test("is shown each time, equal ones once, and brings one notice to the desktop, for this instance alone", async () => {
    const desk = await hold();
    expect(desk.err().match(/aios: held: /gu)).toHaveLength(4);
    expect(desk.notices).toEqual([expect.stringMatching(/^AIOS: an action of asker waits for you: /u)]);
  });

  test("brings none with --quiet", async () => {
    const desk = await hold("--quiet");
    expect(desk.err()).toContain("aios: held: ");
    expect(desk.notices).toEqual([]);
  });
});

describe("a server that is put into quarantine", () => {
  const ended = (instance: string): LogRecord => ({
    v: 1,
    seq: 7,
    at: 0,
    start: "0".repeat(32),
    payload: null,
    kind: "driver-ended",
    instance,
    agent: "x",
    driver: "notes",
    pin: `sha256:${"1".repeat(64)}`,
    code: "prohibited-call",
  });
  const hear = async (instance: string): Promise<Desk> => {
    const desk = createDesk({
      answers: {
        ...STARTS,
        run() {
          desk.monitor.say("record", { record: ended(instance) });
          return { instance: INSTANCE, output: null, overruled: [] };
        },
      },
    });
    expect(await runProgram(["run", "--quiet", "--", "x"], desk.powers)).toBe(7);
    return desk;
  };

  test("is told to the person at its agent's terminal and on the desktop, and the agent goes on", async () => {
    const desk = await hear(INSTANCE);
    expect(desk.notices).toEqual([`AIOS: server notes of ${INSTANCE} was ended: prohibited-call`]);
    expect(desk.err()).toContain(
      `aios: server notes of ${INSTANCE} was ended and nothing starts it any more: prohibited-call (quarantined)\n` +
        "hint: aios log show --kind driver-quarantined --payload says what it did; a new grant over it lets it run again: aios grants sign\n",
    );
  });

  test("twin: of another instance's nothing is said here", async () => {
    const desk = await hear("i-fedcba9876543210");
    expect([desk.notices, desk.err()]).toEqual([[], expect.not.stringContaining("server notes")]);
  });
});
