import type { InstanceView } from "../../protocol/requests.ts";
import { HOME, QUIET, type Command } from "../command.ts";
import { withMonitor } from "../connection.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { insist } from "../confirm.ts";
import { signGrant } from "../grant-file.ts";
import { USUAL_SPAN } from "../../showing/proposed-grant.ts";
import { createHoldBell } from "../hold-bell.ts";
import { line, paintLine, writeLines, type Line } from "../../showing/line.ts";
import { tellAway } from "../../showing/describe-away.ts";
import { showMoment } from "../../showing/moment.ts";
import type { Board, CliPowers, Home, MonitorClient, Person } from "../powers.ts";
import { askThrough, createQuestions } from "../questions.ts";
import { prepareAndSign } from "../sign.ts";
import { openSigningSession } from "../signing-session.ts";
import { describeStopped } from "../stopped.ts";
import type { HeldLine } from "../held.ts";
import { createBudgets } from "../top-budgets.ts";
import { createChoice } from "../top-choice.ts";
import { followTop, type TopFeed } from "../top-feed.ts";
import { drawTop, type TopModel } from "../top-screen.ts";
import { makeVisible } from "../../showing/visible.ts";
import { decideOn } from "./approvals.ts";

/** Screens at most so often, milliseconds. */
const FRAME_MS = 40;
/** Ages and spans are shown anew so often when nothing else happens, milliseconds. */
const TICK_MS = 1000;

/** `aios top`: a live screen of instances and held actions, with the stop. */
export const top: Command = {
  path: ["top"],
  summary: "watch, approve and stop on one live screen",
  positionals: [],
  rest: null,
  flags: [QUIET, HOME],
  details: [
    "Shows the instances that run, at which stage their last action stands, what is left of their budgets, and what waits for you. Approving and denying leave the screen, show the action in full and ask for your passphrase, as aios approvals approve does. S freezes everything at once and asks nothing.",
    "Needs a terminal that can move its cursor; aios ps and aios approvals list say the same as text.",
  ],
  examples: ["top"],
  async run(powers, args) {
    return await withMonitor({ powers, args }, async (client, home) => {
      const end = Promise.withResolvers<void>();
      let screen: TopScreen | null = null;
      const board = powers.board((key) => screen?.press(key));
      if (board === null) {
        throw CliFailure.of(
          "no-terminal",
          "Cannot show a live screen: there is no terminal, or it cannot move its cursor",
          "aios ps and aios approvals list say the same",
        );
      }
      const watcher = await home.connect();
      try {
        const feed = await followTop(
          { client: watcher, timer: powers.timer },
          {
            onChange: () => screen?.draw(),
            onHeld: createHoldBell(powers, { quiet: args.has("quiet") }),
            onGone: (error) => (screen === null ? end.reject(error) : screen.lose(error)),
          },
        );
        screen = createTop({ powers, client, home, board, feed, end });
        board.enter();
        await end.promise;
        return EXIT.ok;
      } finally {
        screen?.close();
        board.close();
        watcher.close();
      }
    });
  },
};

interface Parts {
  readonly powers: CliPowers;
  readonly client: MonitorClient;
  readonly home: Home;
  readonly board: Board;
  readonly feed: TopFeed;
  readonly end: { resolve(): void; reject(error: unknown): void };
}

interface TopScreen {
  draw(): void;
  press(key: string): void;
  /** The monitor is gone: ends the screen, and before that what is being asked. */
  lose(error: unknown): void;
  /** Nothing is drawn any more. */
  close(): void;
}

function createTop(parts: Parts): TopScreen {
  const { client, board, feed, end } = parts;
  const questions = createQuestions();
  /** Whether something is asked at the terminal just now. */
  let standing = 0;
  const powers: CliPowers = { ...parts.powers, person: askHere(parts.powers.person) };
  let pane: TopModel["pane"] = "instances";
  const choices = {
    instances: createChoice<InstanceView>(({ instance: id }) => id),
    // A line is all that one instance asks for over and over, whichever of them is the first now.
    held: createChoice<HeldLine>((each) => `${each.instance} ${each.same}`),
  };
  let notes: readonly Line[] = [];
  const budgets = createBudgets({ powers, client });
  /** What `y` does now. */
  let asked: (() => Promise<void>) | null = null;
  let waiting = false;
  let away = false;
  let over = false;
  /** Why the screen does not come back after what is being asked. */
  let last: { readonly error: unknown } | null = null;

  function askHere(person: CliPowers["person"]): CliPowers["person"] {
    if (person === null) return null;
    const counted: Person = {
      askLine: (prompt, asker) => (standing++, person.askLine(prompt, asker).finally(() => void standing--)),
      askPassphrase: (prompt, asker) => (
        standing++,
        person.askPassphrase(prompt, asker).finally(() => void standing--)
      ),
    };
    return askThrough(counted, questions, () => parts.powers.err.write("\n"));
  }

  const chosenInstance = (): InstanceView | undefined => choices.instances.of(feed.instances);
  const chosenHeld = (): HeldLine | undefined => choices.held.of(feed.held);

  const show = (): void => {
    if (away || over) return;
    budgets.follow(chosenInstance() ?? null, feed.instances).then((changed) => void (changed && draw()), failed);
    const { columns, rows } = board.size();
    const { instances, held, stages, allFrozen, recovering, slowLog, log, away: stretch } = feed;
    const model: TopModel = {
      instances,
      held,
      stages,
      allFrozen,
      recovering,
      slowLog,
      log,
      away: stretch === null ? null : tellAway(stretch, (at) => showMoment(at, powers.offset(at))),
      pane,
      chosen: { instances: choices.instances.at(instances), held: choices.held.at(held) },
      budgets: budgets.lines,
      notes,
    };
    const lines = drawTop(model, { columns: columns - 1, rows, now: powers.now() });
    board.show(lines.map((each) => paintLine({ colour: board.colour }, each)));
  };
  const draw = (): void => {
    if (waiting) return;
    waiting = true;
    powers.timer.after(FRAME_MS, () => {
      waiting = false;
      show();
    });
  };
  const tick = (): void => {
    if (over) return;
    draw();
    powers.timer.after(TICK_MS, tick);
  };
  tick();

  const say = (...lines: readonly Line[]): void => {
    notes = lines;
    draw();
  };
  const failed = (error: unknown): void => {
    if (!(error instanceof CliFailure)) return end.reject(error);
    if (error.code === "monitor-lost") return end.reject(error);
    say(line(`${makeVisible(error.message)} (${makeVisible(error.code)})`, "bad"));
  };
  const stop = async (name: "freeze" | "kill", target: string | null): Promise<void> => {
    say(line(`${name} is under way …`, "wait"));
    const { instances } = await client.request(name, { instance: target });
    const open = instances.filter(({ confirmed }) => !confirmed);
    const word = name === "freeze" ? "frozen" : "ended";
    feed.refresh();
    if (open.length > 0) return say(...describeStopped(word, open));
    const young = name === "freeze" ? instances.filter(({ life }) => life === "ended") : [];
    const ended = young.length === 0 ? "" : `; ${young.length} that only started were ended`;
    say(line(`${word}: ${instances.length} of ${instances.length} instances, every part confirmed${ended}`, "good"));
  };
  /** Leaves the screen for what asks and signs, and comes back. */
  const apart = async (work: () => Promise<unknown>): Promise<void> => {
    away = true;
    board.leave();
    try {
      await work();
      if (last === null) await powers.person?.askLine("Enter brings the screen back: ");
    } finally {
      away = false;
      if (last === null) board.enter();
      else end.reject(last.error);
    }
  };
  /** Leaves for good, and while something is asked only once that has given the terminal back. */
  const leave = (error: unknown): void => {
    last ??= { error };
    if (standing === 0) end.reject(last.error);
  };
  const decide = (decision: "allow" | "deny"): void => {
    const view =
      pane === "held" ? chosenHeld() : feed.held.find((each) => each.instance === chosenInstance()?.instance);
    if (view === undefined) return say(line("Nothing is held there.", "faint"));
    void apart(() => decideOn({ ...parts, powers, questions }, { view, decision, equal: true })).catch(failed);
  };
  /** Shows the lease that would cover what the chosen instance has held, and has it signed. */
  const propose = (id: string): void =>
    void apart(async () => {
      const terms = { instance: id, from: "held", like: null, folders: false, uses: null, span: USUAL_SPAN } as const;
      const { grant, about } = await client.request("propose-grant", terms);
      writeLines(powers.err, [...about.map((text) => line(text, "wait")), line("")]);
      const session = openSigningSession(powers, { home: parts.home, keep: "once" });
      await signGrant({ powers, client, session, questions }, grant);
    }).catch(failed);
  const thaw = (all: boolean): void => {
    const view = chosenInstance();
    const { allFrozen } = feed;
    if (all ? allFrozen === null : view?.state !== "frozen") return say(line("That is not frozen.", "faint"));
    void apart(async () => {
      await insist(powers, all ? "Let everything go on?" : `Let instance ${view?.instance ?? ""} go on?`);
      const session = openSigningSession(powers, { home: parts.home, keep: "once" });
      const document = all ? { frozen: allFrozen } : { instance: view?.instance ?? "" };
      await prepareAndSign({ powers, client, session }, { purpose: all ? "thaw-all" : "thaw-instance", document });
      feed.refresh();
    }).catch(failed);
  };
  const move = (by: number): void => {
    if (pane === "held") choices.held.move(feed.held, by);
    else choices.instances.move(feed.instances, by);
    draw();
  };
  const page = (): number => Math.max(1, Math.floor(board.size().rows / 2));

  const acts: { readonly [key: string]: () => void } = {
    up: () => move(-1),
    down: () => move(1),
    "page-up": () => move(-page()),
    "page-down": () => move(page()),
    home: () => move(-Infinity),
    end: () => move(Infinity),
    tab: () => {
      pane = pane === "held" ? "instances" : "held";
      draw();
    },
    a: () => decide("allow"),
    d: () => decide("deny"),
    enter: () => decide("allow"),
    // The big one: at once, without a question, whatever is chosen.
    S: () => void stop("freeze", null).catch(failed),
    f: () => withInstance((id) => void stop("freeze", id).catch(failed)),
    k: () =>
      withInstance((id) => {
        asked = () => stop("kill", id);
        say(line(`End ${id} and every process of it? y ends it, any other key does not.`, "wait"));
      }),
    p: () => withInstance(propose),
    t: () => thaw(false),
    T: () => thaw(true),
    q: () => end.resolve(),
    // At a question it is a signal, of which the question hears too.
    quit: () => (away ? leave(CliFailure.of("interrupted", "aios top was ended while it asked")) : end.resolve()),
    suspend: () => void board.suspend().then(draw, failed),
  };
  function withInstance(act: (id: string) => void): void {
    const id = pane === "held" ? chosenHeld()?.instance : chosenInstance()?.instance;
    if (id === undefined) say(line("No instance is chosen.", "faint"));
    else act(id);
  }

  return {
    draw,
    close: () => void (over = true),
    lose(error) {
      if (!away) return end.reject(error);
      questions.endAll("The monitor is gone: nothing more is signed");
      leave(error);
    },
    press(key) {
      if (key === "resize") return show();
      if (away && key !== "quit") return;
      const answer = asked;
      asked = null;
      notes = [];
      if (answer !== null && key !== "S" && key !== "quit") {
        if (key === "y") void answer().catch(failed);
        else draw();
        return;
      }
      acts[key]?.();
      draw();
    },
  };
}
