import { describe, expect, test } from "vitest";
import type { HeldDetail } from "../../src/protocol/requests.ts";
import type { Statement } from "../../src/protocol/statement.ts";
import type { LogRecord } from "../../src/protocol/record.ts";
import type { Person } from "../../src/cli/powers.ts";
import { runProgram } from "../../src/cli/program.ts";
import { createDesk, PASSPHRASE } from "../fakes/cli-powers.ts";
import { held, heldOver, INSTANCE, records, REQUEST } from "./cast.ts";
import { transcribe } from "./transcript.ts";
import { pageOf, type Answers } from "../fakes/monitor-client.ts";

/** The last lines that a person sees after a yes to `held`, when the log holds these records from 42 on. */
async function lastWords(log: readonly LogRecord[]): Promise<string> {
  const shown = await transcribe(["approvals", "approve", REQUEST], {
    typed: ["y", PASSPHRASE],
    answers: {
      held: () => pageOf([held]),
      "held-show": () => held,
      submit: () => ({ seq: 42 }),
      "log-show": ({ from, kinds, instance }) => ({
        entries: log
          .filter((record) => record.seq >= from && kinds.includes(record.kind) && instance === INSTANCE)
          .map((record) => ({ record, payload: null })),
        size: 50,
      }),
    },
  });
  return shown.slice(shown.indexOf(`request   ${REQUEST}\n\n`) + `request   ${REQUEST}\n\n`.length);
}

function kept(kind: "denied" | "outcome", change: { readonly seq: number; readonly action: string }): LogRecord {
  const record = records.find((each) => each.kind === kind);
  if (record?.kind !== kind) throw new Error(`the cast has no record ${kind}`);
  return { ...record, ...change };
}

const PROMPTS = "? Let this run, once? [y/N]\n? passphrase of the owner key:\n";

test("a yes names the record of the statement and says that the action ran", async () => {
  const other = kept("denied", { seq: 43, action: `sha256:${"0".repeat(64)}` });
  expect(await lastWords([other, kept("outcome", { seq: 44, action: held.digest })])).toBe(
    `approved (record 42)\nit ran\n${PROMPTS}`,
  );
});

test("a yes to what failed at its server says so", async () => {
  const failed = kept("outcome", { seq: 44, action: held.digest });
  if (failed.kind !== "outcome") throw new Error("no outcome");
  expect(await lastWords([{ ...failed, result: "tool-error", code: null }])).toBe(
    `approved (record 42)\nit ran, and the server answered with an error\n${PROMPTS}`,
  );
});

test("a yes to what had moved since says that it was denied all the same", async () => {
  expect(await lastWords([kept("denied", { seq: 42, action: held.digest })])).toBe(
    `denied all the same (record 42): no-grant\n${PROMPTS}[1]\n`,
  );
});

test("what is frozen is shown, said to be so, and asked nothing about; a no to it is taken", async () => {
  const frozen = { ...held, frozen: `${INSTANCE} is frozen` };
  const answers: Answers = {
    held: () => pageOf([frozen]),
    "held-show": () => frozen,
    submit: () => ({ seq: 42 }),
    "log-show": () => ({ entries: [], size: 0 }),
  };
  const yes = await transcribe(["approvals", "approve", REQUEST], { typed: ["y", PASSPHRASE], answers });
  expect(yes).toContain("NOT NOW: i-0123456789abcdef is frozen. No yes to this is taken");
  expect(yes).toContain("Cannot approve this now: i-0123456789abcdef is frozen; it stays held (frozen)");
  expect(yes).not.toContain("? ");
  const no = await transcribe(["approvals", "deny", REQUEST], { typed: ["y", PASSPHRASE], answers });
  expect(no).toContain("denied (record 42)");
});

/** A person who answers nothing until a question is over, and then presses Enter. */
async function askWhile(
  happens: LogRecord | "fall",
  { typed = [] }: { readonly typed?: readonly string[] } = {},
): Promise<{
  readonly exit: number;
  readonly err: string;
  readonly over: readonly string[];
  readonly submitted: number;
}> {
  const desk = createDesk({
    typed: [],
    answers: {
      held: () => pageOf([held]),
      "held-show": () => held,
      submit: () => ({ seq: 42 }),
      "log-show": () => ({ entries: [], size: 0 }),
    },
  });
  const over: string[] = [];
  const answers = [...typed];
  const ask: Person["askLine"] = (_prompt, asker) => {
    const answer = answers.shift();
    if (answer !== undefined) return Promise.resolve(answer);
    return new Promise((resolve) => {
      asker?.attach({
        end(words) {
          over.push(words);
          resolve(null);
        },
        again: () => {},
      });
      if (happens === "fall") desk.monitor.fall();
      else desk.monitor.say("record", { record: happens });
    });
  };
  const person = { askLine: ask, askPassphrase: ask };
  const exit = await runProgram(["approvals", "approve", REQUEST], { ...desk.powers, person });
  const submitted = desk.monitor.asked.filter(({ name }) => name === "submit").length;
  return { exit, err: desk.err(), over, submitted };
}

describe("a question whose action ends elsewhere", () => {
  const denied = kept("denied", { seq: 9, action: held.digest });

  test.each([
    ["at the question", []],
    ["at the passphrase", ["y"]],
  ])("says so at once, %s, and nothing is signed", async (_where, typed) => {
    const asked = await askWhile(denied, { typed });
    expect(asked).toMatchObject({ exit: 1, submitted: 0 });
    expect(asked.over).toEqual(["It is held no more: no-grant"]);
    expect(asked.err).toContain("Nothing was signed. It is held no more: no-grant (not-confirmed)");
  });

  test("ends with the monitor, and no passphrase is asked for", async () => {
    const asked = await askWhile("fall");
    expect(asked).toMatchObject({ exit: 1, submitted: 0, over: ["The monitor is gone"] });
    expect(asked.err).toContain("Nothing was signed. The monitor is gone (not-confirmed)");
  });

  test("twin: is not ended by what happens to another action", async () => {
    const other = kept("denied", { seq: 9, action: `sha256:${"0".repeat(64)}` });
    const stands = askWhile(other).then(() => "over");
    const later = new Promise((resolve) => setTimeout(resolve, 50, "stands"));
    expect(await Promise.race([stands, later])).toBe("stands");
  });
});

describe("a yes to all that are equal", () => {
  const all = [REQUEST, "1".repeat(32), "2".repeat(32)].map((request) =>
    heldOver({ to: ["eve@evil.example"], subject: "figures" }, request),
  );
  const answerAll = async (
    word: string,
    details: readonly HeldDetail[] = all,
  ): Promise<{ shown: string; signed: readonly Statement[] }> => {
    const signed: Statement[] = [];
    const shown = await transcribe(["approvals", "approve", REQUEST, "--equal"], {
      typed: [word, PASSPHRASE],
      answers: {
        held: () => pageOf(details),
        "held-show": ({ request }) => details.find((each) => each.request === request) ?? held,
        submit: ({ envelope }) => {
          signed.push(JSON.parse(Buffer.from(envelope.payload, "base64").toString()));
          return { seq: 41 + signed.length };
        },
        "log-show": () => ({ entries: [], size: 50 }),
      },
    });
    return { shown, signed };
  };

  test("signs a statement for each after one passphrase", async () => {
    const { shown, signed } = await answerAll("y");
    expect(signed.map(({ nonce, subject, decision }) => [nonce, subject, decision])).toEqual(
      all.map(({ request, digest }) => [request, digest, "allow"]),
    );
    expect(shown).toContain("? Let all 3 of these run, once each? [y/N]\n? passphrase of the owner key:\n");
    expect(shown).toContain("approved (record 42)\napproved (record 43)\napproved (record 44)\n");
  });

  test("is none without the word", async () => {
    expect((await answerAll("n")).signed).toEqual([]);
  });

  test("signs nothing when the monitor says equal of what is not", async () => {
    const other = { ...heldOver({ to: ["mallory@evil.example"] }, "3".repeat(32)), same: held.same };
    const { shown, signed } = await answerAll("y", [...all, other]);
    expect(signed).toEqual([]);
    expect(shown).toContain("they are not equal; answer them one by one");
  });
});

describe("the code of a second screen", () => {
  const asked: { request: string; beside: string | null }[] = [];
  const show = (detail: HeldDetail, code: string | null = "k3v9q10t", ...flags: string[]): Promise<string> =>
    transcribe(["approvals", "show", REQUEST, ...flags], {
      answers: {
        held: () => pageOf([held]),
        "held-show": () => detail,
        "second-code": (body) => (asked.push(body), { code }),
      },
    });

  test("is told below the action, for what was shown, and asked for where it is demanded only", async () => {
    const plain = await show(held);
    expect([asked.splice(0), plain]).toEqual([[], expect.not.stringContaining("second")]);
    const shown = await show({ ...held, second: "code" });
    expect(shown.startsWith(plain.trimEnd())).toBe(true);
    expect(shown).toContain("\n  second    k3v9-q10t\n");
    expect(asked.splice(0)).toEqual([{ request: REQUEST, beside: null }]);
    expect(await show({ ...held, second: "terminal" }, null)).toContain("answer this here");
    asked.splice(0);
  });

  test("is not told of what cannot be shown, nor to a program", async () => {
    const swapped = { ...heldOver({}, REQUEST), digest: held.digest, second: "code" } as const;
    expect(await show(swapped)).toContain("cannot-show");
    expect(await show({ ...held, second: "code" }, "k3v9q10t", "--json")).not.toContain("k3v9");
    expect(asked).toEqual([]);
  });
});
