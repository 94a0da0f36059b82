import { describe, expect, test } from "vitest";
import { ATTENTION_KEY, openAgentSession } from "../../src/cli/agent-session.ts";
import type { CliPowers, Person, StreamOffer } from "../../src/cli/powers.ts";
import { openSigningSession } from "../../src/cli/signing-session.ts";
import { createDesk, PASSPHRASE, type Desk, type Setting } from "../fakes/cli-powers.ts";
import type { LogRecord } from "../../src/protocol/record.ts";
import { held, heldOver, INSTANCE, records, REQUEST } from "./cast.ts";
import { pageOf } from "../fakes/monitor-client.ts";

interface Stage {
  readonly desk: Desk;
  readonly session: Awaited<ReturnType<typeof openAgentSession>>;
  /** What the person types at the agent's screen; what of it the agent gets. */
  type(text: string): string;
  /** What the agent prints; what of it is shown. */
  print(text: string): string;
  /** Calls on the terminal, in order. */
  readonly calls: readonly string[];
  settled(): Promise<void>;
}

/** A screen that has another width each time that it is asked for it, and the last from then on. */
function narrowing({ write, colour, terminal }: CliPowers["err"], widths: readonly number[]): CliPowers["err"] {
  let asked = 0;
  return {
    write,
    colour,
    terminal,
    get columns() {
      return widths[Math.min(asked++, widths.length - 1)] ?? 80;
    },
  };
}

/** A person who answers nothing until they are told to, and what became of what was asked. */
function createReader() {
  const seen: string[] = [];
  let answer: (said: string | null) => void = () => undefined;
  const askLine: Person["askLine"] = (prompt, asker) => {
    seen.push(prompt);
    return new Promise((done) => {
      answer = (said) => {
        asker?.attach(null);
        done(said);
      };
      asker?.attach({ end: (words) => void seen.push(`over: ${words}`), again: () => void seen.push("again") });
    });
  };
  return { person: { askLine, askPassphrase: askLine }, seen, say: (said: string | null) => answer(said) };
}

async function openStage(
  setting: Setting & { readonly person?: Person; readonly widths?: readonly number[] },
): Promise<Stage> {
  const desk = createDesk(setting);
  const offers: StreamOffer[] = [];
  const calls: string[] = [];
  let resumed: () => void = () => undefined;
  let asked = Promise.resolve();
  const powers: CliPowers = {
    ...desk.powers,
    person: setting.person ?? desk.powers.person,
    err: setting.widths === undefined ? desk.powers.err : narrowing(desk.powers.err, setting.widths),
    agents: {
      ...desk.powers.agents,
      offerStreams: (offer) => {
        offers.push(offer);
        const terminal = {
          ended: Promise.resolve(),
          pause: () => {
            calls.push("pause");
            asked = new Promise((done) => {
              resumed = done;
            });
          },
          resume: () => {
            calls.push("resume");
            resumed();
          },
          isRaw: () => true,
          suspend: () => Promise.resolve(void calls.push("suspend")),
          stop: () => void calls.push("stop"),
        };
        return Promise.resolve({
          terminal,
          ended: terminal.ended,
          flow: () => undefined,
          hold: () => void calls.push("hold"),
          stop: () => void calls.push("stop streams"),
        });
      },
    },
  };
  const signing = openSigningSession(powers, { home: powers.home(null), keep: "session" });
  const session = await openAgentSession({ powers, client: desk.monitor.client, signing }, { home: "/h", ticket: "t" });
  const [offer] = offers;
  if (offer === undefined) throw new Error("no streams were offered");
  const through = (pass: (bytes: Uint8Array) => Uint8Array) => (text: string) =>
    Buffer.from(pass(Buffer.from(text))).toString();
  return {
    desk,
    session,
    type: through(offer.fromPerson),
    print: through(offer.fromAgent),
    calls,
    settled: () => asked,
  };
}

const answers: Setting["answers"] = {
  held: () => pageOf([held]),
  "held-show": () => held,
  submit: () => ({ seq: 42 }),
};
const QUESTION = "Let this run, once? y, n, or Enter to leave it held: ";
const KEY = String.fromCharCode(ATTENTION_KEY);

describe("an agent at a person's terminal", () => {
  test("gets the person's keys and shows its output, less what acts on the terminal", async () => {
    const stage = await openStage({ answers });
    expect(stage.type("hello\u0003\r")).toBe("hello\u0003\r");
    expect(stage.print("\u001b[31mred\u001b[0m\u001b]52;c;eA==\u0007")).toBe("\u001b[31mred\u001b[0m");
  });

  test("cannot make a prompt appear: a held action is only announced", async () => {
    const stage = await openStage({ answers, typed: ["y", PASSPHRASE] });
    stage.session.onHeld(held);
    stage.print("passphrase of the owner key: ");
    expect(stage.type("y\r")).toBe("y\r");
    expect(stage.desk.prompts).toEqual([]);
    expect(stage.desk.err()).toContain("held: an action waits for you; press Ctrl-] to see it and answer");
    expect(stage.calls).toEqual([]);
  });

  test("never sees the attention key, nor what was typed after it", async () => {
    const stage = await openStage({ answers, typed: ["n", PASSPHRASE] });
    expect(stage.type(`ab${KEY}y\r`)).toBe("ab");
    await stage.settled();
  });

  test("is paused while its human reads, answers and signs", async () => {
    const stage = await openStage({ answers, typed: ["y", PASSPHRASE] });
    stage.session.onHeld(held);
    stage.type(KEY);
    await stage.settled();
    expect(stage.calls).toEqual(["pause", "resume"]);
    expect(stage.desk.prompts).toEqual([QUESTION, "passphrase of the owner key: "]);
    expect(stage.desk.err()).toContain("approved (record 42)");
    expect(stage.desk.err()).toContain("this process keeps it in memory until it ends");
  });

  test("keeps no margins, no other screen and no text beside what its human reads", async () => {
    const stage = await openStage({ answers, typed: ["n", PASSPHRASE] });
    stage.print("\u001b[2J\u001b[27;1Ha harmless note\u001b[38;40r\u001b[40;1H\u001b[?2026h");
    stage.type(KEY);
    await stage.settled();
    const [before = "", shown] = stage.desk.err().split("\u001b[2J\u001b[H");
    for (const back of ["\u001b[?2026l", "\u001b[?1049l", "\u001b[?6l", "\u001b[r", "\u001b[?7h"])
      expect(before).toContain(back);
    expect(shown).toContain("denied");
  });

  test("leaves no margins to the shell and to later prompts", async () => {
    const stage = await openStage({ answers });
    stage.print("\u001b[38;40r");
    await stage.session.close();
    expect(stage.desk.err()).toContain("\u001b[r");
    const honest = await openStage({ answers });
    honest.print("\u001b[31mred\u001b[0m");
    await honest.session.close();
    expect(honest.desk.err()).toBe("");
  });

  test("hides nothing that is said beside its output or after it", async () => {
    const stage = await openStage({ answers });
    stage.print("\u001b[8m");
    stage.session.onHeld(held);
    expect(stage.desk.err().startsWith("\u001b[0m\r\naios: held")).toBe(true);
    stage.print("\u001b[31;41m");
    await stage.session.close();
    expect(stage.desk.err().endsWith("\u001b[0m")).toBe(true);
  });

  test("the key stays unlocked for the next answer of the same session only", async () => {
    const stage = await openStage({ answers, typed: ["y", PASSPHRASE, "n"] });
    stage.type(KEY);
    await stage.settled();
    stage.type(KEY);
    await stage.settled();
    expect(stage.desk.prompts).toEqual([QUESTION, "passphrase of the owner key: ", QUESTION]);
  });

  test("waits on when its human neither says yes nor no", async () => {
    const stage = await openStage({ answers, typed: [""] });
    stage.type(KEY);
    await stage.settled();
    expect(stage.desk.prompts).toEqual([QUESTION]);
    expect(stage.desk.err()).toContain("it stays held");
    expect(stage.desk.monitor.asked.map((asked) => asked.name)).not.toContain("submit");
  });

  test("goes on when signing fails, and the action stays held", async () => {
    const stage = await openStage({ answers, typed: ["y", null] });
    stage.type(KEY);
    await stage.settled();
    expect(stage.calls).toEqual(["pause", "resume"]);
    expect(stage.desk.err()).toContain("(not-confirmed)");
    expect(stage.desk.monitor.asked.map((asked) => asked.name)).not.toContain("submit");
  });

  test("is told what came of a yes: that it ran, or that it was denied all the same", async () => {
    for (const [kind, said] of [
      ["denied", "denied all the same (record 42): instance-stopped"],
      ["outcome", "approved (record 42)\nit ran\n"],
    ] as const) {
      const record = records.find((each) => each.kind === kind);
      if (record?.kind !== kind) throw new Error("the cast has none");
      const code = kind === "denied" ? "instance-stopped" : null;
      const entry = { record: { ...record, code, action: held.digest } as LogRecord, payload: null }; // a code of that kind
      const stage = await openStage({
        answers: { ...answers, "log-show": () => ({ entries: [entry], size: 50 }) },
        typed: ["y", PASSPHRASE],
      });
      stage.type(KEY);
      await stage.settled();
      expect(stage.desk.err()).toContain(said);
    }
  });

  test("is offered a no alone for what is frozen, and for what cannot be shown", async () => {
    for (const [detail, said] of [
      [{ ...held, frozen: `${INSTANCE} is frozen` }, "is frozen. No yes to this is taken"],
      [{ ...held, digest: `sha256:${"0".repeat(64)}` }, "cannot be shown in full: mail/send_email: "],
    ] as const) {
      const stage = await openStage({
        answers: { ...answers, "held-show": () => detail },
        typed: ["y", "n", PASSPHRASE],
      });
      stage.type(KEY);
      await stage.settled();
      expect(stage.desk.prompts).toEqual(["Deny this? n says so, or Enter to leave it held: "]);
      expect(stage.desk.err()).toContain(said);
      expect(stage.desk.monitor.asked.map((asked) => asked.name)).not.toContain("submit");
      stage.type(KEY);
      await stage.settled();
      expect(stage.desk.prompts).toHaveLength(3);
    }
  });

  test("that ends leaves the question open for what is typed, and nothing else is asked", async () => {
    const reader = createReader();
    const stage = await openStage({ answers, person: reader.person });
    stage.type(KEY);
    await expect.poll(() => reader.seen).toEqual([QUESTION]);
    reader.say("y");
    await expect.poll(() => reader.seen.at(-1)).toBe("passphrase of the owner key: ");
    let ended = false;
    const closing = stage.session.endQuestions("This run is over").then(() => (ended = true));
    expect(reader.seen.at(-1)).toBe("over: This run is over");
    await new Promise((done) => setImmediate(done));
    expect([ended, stage.calls]).toEqual([false, ["pause"]]);
    reader.say(null);
    await closing;
    expect(stage.calls).toEqual(["pause", "resume"]);
    expect(stage.desk.monitor.asked.map((asked) => asked.name)).not.toContain("submit");
    stage.type(KEY);
    expect(stage.calls).toEqual(["pause", "resume"]);
  });

  test("is asked about no more when its hold ends, and a hold that nobody looked at is told of", async () => {
    const reader = createReader();
    const stage = await openStage({ answers, person: reader.person });
    stage.session.onHeld(held);
    stage.type(KEY);
    await expect.poll(() => reader.seen).toEqual([QUESTION]);
    stage.session.onAnswered(`sha256:${"0".repeat(64)}`, "hold-expired");
    expect(reader.seen).toHaveLength(1);
    stage.session.onAnswered(held.digest, "hold-expired");
    expect(reader.seen.at(-1)).toBe("over: It is held no more: hold-expired");
    reader.say(null);
    await stage.settled();
    expect(stage.desk.err()).not.toMatch(/stays held|got no answer/);
    stage.session.onHeld(held);
    stage.session.onAnswered(held.digest, "hold-expired");
    expect(stage.desk.err()).toContain("aios: what was held got no answer in time, so it is denied (hold-expired)");
  });

  test("that freezes meanwhile is said beside the question, which is shown again", async () => {
    const reader = createReader();
    const stage = await openStage({ answers, person: reader.person });
    stage.type(KEY);
    await expect.poll(() => reader.seen).toEqual([QUESTION]);
    stage.session.onFrozen({ instance: INSTANCE, why: "asked", forLog: false });
    expect(stage.desk.err()).toContain("while it is, no yes to what it asks for is taken; a no is");
    expect(reader.seen).toEqual([QUESTION, "again"]);
    reader.say("");
    await stage.settled();
  });

  test("that is frozen may be left so, and a no to what it asks for is taken all the same", async () => {
    const frozen = { ...held, frozen: `${INSTANCE} is frozen` };
    const stage = await openStage({
      answers: { ...answers, "held-show": () => frozen },
      typed: ["n", "n", "n", PASSPHRASE],
    });
    stage.session.onHeld(held);
    stage.session.onFrozen({ instance: INSTANCE, why: "asked", forLog: false });
    stage.type(KEY);
    await stage.settled();
    expect(stage.desk.prompts).toEqual([
      "Let it go on? You sign for it. [y/N] ",
      "End it? [y/N] ",
      "Deny this? n says so, or Enter to leave it held: ",
      "passphrase of the owner key: ",
    ]);
    expect(stage.desk.err()).toContain("denied (record 42)");
  });

  test("is announced and asked about once for what is equal, and one by one where what is signed differs", async () => {
    const all = [REQUEST, "1".repeat(32), "2".repeat(32)].map((request) =>
      heldOver({ to: ["eve@evil.example"], subject: "figures" }, request),
    );
    const other = { ...heldOver({ to: ["mallory@evil.example"] }, "3".repeat(32)), same: held.same };
    for (const [details, asked] of [
      [all, ["Let all 3 of these run, once each? y, n, or Enter to leave them held: "]],
      [
        [...all.slice(1), other],
        [QUESTION, QUESTION, QUESTION],
      ],
    ] as const) {
      const stage = await openStage({
        answers: {
          ...answers,
          held: () => pageOf(details),
          "held-show": ({ request }) => details.find((each) => each.request === request) ?? held,
        },
        typed: ["", "", ""],
      });
      for (const each of details) stage.session.onHeld(each);
      expect(stage.desk.err().split("held: an action waits for you")).toHaveLength(2);
      stage.type(KEY);
      await stage.settled();
      expect(stage.desk.prompts).toEqual(asked);
    }
  });

  test("shows nothing to sign on a screen that is too narrow for its rows, or whose width is another by then", async () => {
    const stage = await openStage({ answers, typed: ["y", "n", PASSPHRASE], widths: [100, 50, 39] });
    stage.type(KEY);
    await stage.settled();
    expect(stage.desk.err()).toContain("the terminal has 39 columns, and it takes at least 40");
    expect(stage.desk.prompts).toHaveLength(3);
    expect(stage.desk.monitor.asked.filter(({ name }) => name === "submit")).toHaveLength(1);
    expect(stage.desk.err()).toMatch(/denied \(record 42\)\n$/u);
  });
});
