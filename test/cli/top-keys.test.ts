import { afterEach, describe, expect, test } from "vitest";
import { CliFailure } from "../../src/cli/failure.ts";
import type { Board, CliPowers } from "../../src/cli/powers.ts";
import { runProgram } from "../../src/cli/program.ts";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import type { Asker } from "../../src/platform/terminal/terminal.ts";
import type { GrantView, InstanceView } from "../../src/protocol/requests.ts";
import type { StopReport } from "../../src/protocol/stop-report.ts";
import { createDesk, NOW, PASSPHRASE, type Desk, type Setting } from "../fakes/cli-powers.ts";
import type { Answers } from "../fakes/monitor-client.ts";
import { grant, held, INSTANCE, instances } from "./cast.ts";
import { pageOf } from "../fakes/monitor-client.ts";

/* What the keys of the live screen do, with a board and a monitor of the test's. */

interface Seat {
  readonly desk: Desk;
  readonly exit: Promise<number>;
  /** What the board was told, in order, and what was asked at the terminal meanwhile. */
  readonly acts: readonly string[];
  screen(): string;
  press(...keys: readonly string[]): Promise<void>;
  /** So many milliseconds pass on the clock. */
  later(ms: number): void;
}

const grantView: GrantView = {
  id: "notes",
  agents: ["notes"],
  state: "active",
  lease: false,
  uses: 0,
  bytes: 0,
  spent: { input: 0, output: 0, cost: 0 },
  expires: NOW + 3_600_000,
  opens: null,
  quarantined: [],
  key: "ed25519:0011223344556677",
};

const seats: Seat[] = [];
afterEach(async () => {
  for (const seat of seats.splice(0)) {
    await seat.press("quit");
    await seat.exit;
  }
});

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const CONFIRMED: StopReport = { instances: [], all: 3 };

/** In the place of what is typed: nothing is, until the question is over and Enter is pressed. */
const NOTHING = "\0";

async function sit(typed: Setting["typed"] = [], answers: Answers = {}, flags: readonly string[] = []): Promise<Seat> {
  const desk = createDesk({
    typed,
    answers: {
      watch: () => ({}),
      ps: () => ({ instances: instances.slice(0, 1), allFrozen: null, log: null }),
      held: () => pageOf([held]),
      "held-show": () => held,
      grants: () => ({ grants: [] }),
      submit: () => ({ seq: 7 }),
      "log-show": () => ({ entries: [], size: 8 }),
      freeze: () => CONFIRMED,
      kill: () => CONFIRMED,
      "log-pace": () => ({ millis: 0, waiting: 0, slow: false }),
      away: () => ({ away: null }),
      ...answers,
    },
  });
  const acts: string[] = [];
  let shown: readonly string[] = [];
  let hear = (_key: string): void => {};
  const board: Board = {
    colour: false,
    size: () => ({ columns: 100, rows: 30 }),
    show: (rows) => void (shown = rows),
    leave: () => void acts.push("leave"),
    enter: () => void acts.push("enter"),
    suspend: () => Promise.resolve(void acts.push("suspend")),
    close: () => void acts.push("close"),
  };
  const person = desk.powers.person;
  const answer = async (typing: Promise<string | null> | undefined, asker?: Asker): Promise<string | null> => {
    const words = (await typing) ?? null;
    if (words !== NOTHING) return words;
    return await new Promise((resolve) => {
      const end = (said: string): void => {
        acts.push(`over ${said}`);
        setTimeout(resolve, 50, null);
      };
      asker?.attach({ end, again: () => {} });
    });
  };
  let passed = 0;
  const powers: CliPowers = {
    ...desk.powers,
    now: () => NOW + passed,
    board: (onKey) => {
      hear = onKey;
      return board;
    },
    timer: {
      after(ms, callback) {
        const timer = setTimeout(callback, ms);
        return () => clearTimeout(timer);
      },
    },
    person: person && {
      askLine: (prompt, asker) => (acts.push(`ask ${prompt}`), answer(person.askLine(prompt), asker)),
      askPassphrase: (prompt, asker) => (acts.push(`secret ${prompt}`), answer(person.askPassphrase(prompt), asker)),
    },
  };
  const seat: Seat = {
    desk,
    exit: runProgram(["top", ...flags], powers),
    acts,
    screen: () => shown.join("\n"),
    later: (ms) => void (passed += ms),
    async press(...keys) {
      for (const key of keys) hear(key);
      await pause(100);
    },
  };
  seats.push(seat);
  await expect.poll(seat.screen).toContain("mail/send_email");
  return seat;
}

const asked = ({ desk }: Seat, name: string): readonly unknown[] =>
  desk.monitor.asked.filter((each) => each.name === name).map(({ body }) => body);

describe("a yes", () => {
  test("leaves the screen, shows the whole action, asks, and is signed with the passphrase", async () => {
    const seat = await sit(["y", PASSPHRASE, ""]);
    await seat.press("tab", "a");
    expect(seat.acts).toEqual([
      "enter",
      "leave",
      "ask Let this run, once? [y/N] ",
      "secret passphrase of the owner key: ",
      "ask Enter brings the screen back: ",
      "enter",
    ]);
    expect(seat.desk.out()).toContain("mail/send_email  call a tool");
    expect(seat.desk.out()).toContain("code      ayv-th5-nb9-23g-ygc");
    expect(asked(seat, "submit")).toHaveLength(1);
  });

  test("is none without the word, or without the passphrase", async () => {
    for (const typed of [
      ["n", ""],
      ["", ""],
      ["y", "wrong", "wrong", "wrong", ""],
      ["y", "", ""],
    ]) {
      const seat = await sit(typed);
      await seat.press("tab", "a");
      expect(asked(seat, "submit")).toEqual([]);
      expect(seat.acts.at(-1)).toBe("enter");
    }
  });

  test("is none by keys that were typed before anything was shown", async () => {
    const seat = await sit([null, null]);
    await seat.press("tab", "a", "y", "enter", "y");
    expect(asked(seat, "submit")).toEqual([]);
  });

  test("is refused for what cannot be shown in full", async () => {
    const seat = await sit(["y", PASSPHRASE, ""], {
      "held-show": () => ({ ...held, digest: `sha256:${"0".repeat(64)}` }),
    });
    await seat.press("tab", "a");
    expect(asked(seat, "submit")).toEqual([]);
    expect(seat.screen()).toContain("(cannot-show)");
  });
});

describe("a monitor that falls while something is asked", () => {
  const [first] = instances;
  if (first === undefined) throw new Error("the cast has no instance");
  const standing = { ...first, state: "frozen", why: "asked" } as const;

  test.each([
    ["the question", [NOTHING], "ask Let instance i-0123456789abcdef go on? [y/N] "],
    ["the passphrase", ["y", NOTHING], "secret passphrase of the owner key: "],
  ])("ends %s first, so that what is typed stays there, and then the screen", async (_what, typed, prompt) => {
    let falls = false;
    const seat = await sit(typed, {
      ps: () =>
        falls
          ? Promise.reject(CliFailure.of("monitor-lost", "the monitor is gone"))
          : { instances: [standing], allFrozen: null, log: null },
      prepare: ({ purpose }) => ({
        statement: { ...held.statement, purpose, subject: createCrypto().digest(`{"instance":"${INSTANCE}"}`) },
      }),
    });
    await seat.press("t");
    await expect.poll(() => seat.acts.at(-1)).toBe(prompt);
    falls = true;
    const record = { v: 1, seq: 9, at: 0, start: "0".repeat(32), payload: null, kind: "stop", why: "asked" } as const;
    seat.desk.monitor.say("record", { record });
    expect(await seat.exit).toBe(4);
    expect(seat.acts.slice(-3)).toEqual([prompt, "over The monitor is gone: nothing more is signed", "close"]);
    expect(seat.desk.err()).toMatch(/aios: the monitor is gone \(monitor-lost\)\n$/);
    expect(asked(seat, "submit")).toEqual([]);
  });
});

describe("the stop", () => {
  test("needs one key, whatever is chosen or asked", async () => {
    const seat = await sit();
    await seat.press("S");
    expect(asked(seat, "freeze")).toEqual([{ instance: null }]);
    await seat.press("k", "S");
    expect(asked(seat, "freeze")).toHaveLength(2);
    expect(asked(seat, "kill")).toEqual([]);
  });

  test("says of how many nothing is left that could go on", async () => {
    const said = { instance: INSTANCE, agent: "notes", confirmed: true, admission: 1, network: 2, parts: [] };
    const young = (life: "frozen" | "ended") => ({ ...said, life, starting: 0, recorded: 4 });
    const seat = await sit([], { freeze: () => ({ all: 17, instances: [young("frozen"), young("ended")] }) });
    await seat.press("S");
    expect(seat.screen()).toContain("frozen: 2 of 2 instances, every part confirmed; 1 that only started were ended");
  });

  test("says what was not confirmed", async () => {
    const seat = await sit([], {
      freeze: () => ({
        all: null,
        instances: [
          {
            instance: INSTANCE,
            agent: "notes",
            life: "frozen",
            confirmed: false,
            admission: 1,
            network: null,
            parts: [],
            starting: 0,
            recorded: 4,
          },
        ],
      }),
    });
    await seat.press("f");
    expect(asked(seat, "freeze")).toEqual([{ instance: INSTANCE }]);
    expect(seat.screen()).toContain("NOT CONFIRMED frozen i-0123456789abcdef");
    expect(seat.screen()).toContain("network: its connections were not seen to be closed");
  });

  test("of one for good asks, and any key but y leaves it", async () => {
    const seat = await sit();
    for (const key of ["n", "enter", "up", "k"]) await seat.press("k", key);
    expect(asked(seat, "kill")).toEqual([]);
    await seat.press("k", "y");
    expect(asked(seat, "kill")).toEqual([{ instance: INSTANCE }]);
  });
});

describe("what is chosen", () => {
  const [first] = instances;
  if (first === undefined) throw new Error("the cast has no instance");
  const other = { ...first, instance: "i-00000000000000ff" };
  /** A record after which the instances are asked for anew. */
  const thawed = (seat: Seat): void => {
    const base = { v: 1, seq: 9, at: 0, start: "00112233445566778899aabbccddeeff", payload: null } as const;
    const key = "ed25519:0011223344556677";
    seat.desk.monitor.say("record", { record: { ...base, kind: "instance-thawed", instance: INSTANCE, key } });
  };

  test("is frozen wherever it moved to, and nothing is when it has ended, though another has its row", async () => {
    let now: readonly InstanceView[] = [first, other];
    const seat = await sit([], { ps: () => ({ instances: now, allFrozen: null, log: null }) });
    now = [other, first];
    thawed(seat);
    const moved = (): boolean => seat.screen().indexOf(other.instance) < seat.screen().indexOf(INSTANCE);
    await expect.poll(moved).toBe(true);
    await seat.press("f");
    expect(asked(seat, "freeze")).toEqual([{ instance: INSTANCE }]);
    now = [other];
    thawed(seat);
    await expect.poll(seat.screen).not.toContain(`> ${INSTANCE}`);
    await seat.press("f", "k", "y");
    expect(asked(seat, "freeze")).toHaveLength(1);
    expect(asked(seat, "kill")).toEqual([]);
    await seat.press("f");
    expect(seat.screen()).toContain("No instance is chosen.");
    await seat.press("down", "f");
    expect(asked(seat, "freeze").at(-1)).toEqual({ instance: other.instance });
  });

  test("has its budgets kept up as they are used", async () => {
    let uses = 1;
    const view = { ...grantView, uses: 0, bytes: 0 };
    const seat = await sit([], {
      ps: () => ({ instances: [{ ...first }], allFrozen: null, log: null }),
      grants: () => ({ grants: [view] }),
      "grant-show": () => ({
        grant: { ...grant, limits: { ...grant.limits, uses: 9 } },
        cedar: "",
        view: { ...view, uses },
      }),
    });
    await expect.poll(seat.screen).toContain("1/9 uses");
    uses = 2;
    seat.later(2000);
    thawed(seat);
    await expect.poll(seat.screen).toContain("2/9 uses");
  });

  test("is shown to have every action of it held", async () => {
    const seat = await sit([], {
      ps: () => ({ instances: [{ ...first, holdAt: ["approve"] }], allFrozen: null, log: null }),
    });
    expect(seat.screen()).toContain("[every action waits]");
  });
});

describe("what happens meanwhile", () => {
  test("is shown as it is told: what is held, what is not any more, a stage", async () => {
    const seat = await sit();
    const digest = `sha256:${"5".repeat(64)}`;
    seat.desk.monitor.say("held", {
      held: { ...held, request: "5".repeat(32), what: "bank/pay", digest, same: digest },
    });
    seat.desk.monitor.say("stage", {
      instance: INSTANCE,
      request: "5".repeat(32),
      what: "bank/pay",
      stage: "approve",
      verdict: "held",
    });
    await expect.poll(seat.screen).toContain("55555555");
    expect(seat.screen()).toContain("approve held bank/pay");
    const base = { v: 1, seq: 9, at: 0, start: "00112233445566778899aabbccddeeff", payload: null } as const;
    seat.desk.monitor.say("record", {
      record: {
        ...base,
        kind: "denied",
        stage: "approve",
        code: "hold-expired",
        by: { kind: "monitor", why: "hold-expired" },
        instance: INSTANCE,
        agent: "notes",
        ancestry: [],
        action: digest,
        what: "bank/pay",
        risk: "reserved",
        labels: [],
        policy: digest,
      },
    });
    await expect.poll(seat.screen).not.toContain("55555555");
  });

  test("an action that begins to wait rings once; those that waited before do not, and --quiet silences it", async () => {
    const [seat, quiet] = [await sit(), await sit([], {}, ["--quiet"])];
    for (const { desk } of [seat, quiet]) for (let times = 0; times < 3; times++) desk.monitor.say("held", { held });
    expect(seat.desk.notices).toEqual([expect.stringMatching(/^AIOS: an action of .* waits for you: /u)]);
    expect(quiet.desk.notices).toEqual([]);
  });

  test("a monitor that falls ends it at once, though nobody asks it anything, and says so", async () => {
    const seat = await sit();
    seat.desk.monitor.fall();
    expect(await seat.exit).toBe(4);
    expect(seat.desk.err()).toMatch(/aios: the monitor ended the connection \(monitor-lost\)\n/);
  });

  test("a monitor that is gone ends it, with its code", async () => {
    const seat = await sit();
    const lost = (): never => {
      throw CliFailure.of("monitor-lost", "the connection ended");
    };
    const gone = await sit([], { freeze: lost });
    await gone.press("S");
    expect(await gone.exit).toBe(4);
    expect(gone.acts.at(-1)).toBe("close");
    expect(seat.acts).not.toContain("close");
  });
});
