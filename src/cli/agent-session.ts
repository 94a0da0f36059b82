import { answerHeld, type AnsweringParts } from "./answer-held.ts";
import { alertOfServer, alertPerson } from "./alert.ts";
import { CliFailure } from "./failure.ts";
import { answerFrozen, type Freeze, type FreezeListener } from "./frozen.ts";
import { createOutputFilter } from "./output-filter.ts";
import { createOutputMeter } from "./output-meter.ts";
import type { AgentTerminal } from "./powers.ts";
import { createQuestions, tellEnd } from "./questions.ts";
import { BLANK } from "./show-held.ts";
import { isEnding, type LimitName } from "../kernel/sandbox-limits.ts";
import type { HeldView } from "../protocol/held-view.ts";
import { makeVisible } from "../showing/visible.ts";

/** Ctrl-]: the one key that an agent never sees. Prompts of AIOS appear behind it and nowhere else. */
export const ATTENTION_KEY = 0x1d;

/** Ctrl-Z: goes to the agent like every other key, and may stop it. */
const SUSPEND_KEY = 0x1a;
/** How often, and how many times, the agent is looked at after a Ctrl-Z. */
const SUSPEND_MS = 200;
const SUSPEND_LOOKS = 10;

const OFF = ["2026", "1049", "1047", "6", "1", "1000", "1002", "1003", "1006", "2004"].map(
  (mode) => `\u001b[?${mode}l`,
);

/**
 * What of the terminal a prompt must not inherit: held-back output, the alternate screen, margins in which what we say would
 * scroll away, styles, no wrapping, a hidden cursor, keys that send something else, mouse and paste modes.
 */
const CALM = `${OFF.join("")}\u001b[r\u001b[0m\u001b(B\u001b[?7h\u001b[?25h\u001b>\u001b[999;1H\r\n`;
export type AgentSessionParts = Omit<AnsweringParts, "questions">;

export interface AgentSession extends FreezeListener {
  /** The instance has started and may say so many bytes in all; null is no bound. */
  onStarted(instance: string, output: number | null): void;
  /** An action of this instance waits for a human. */
  onHeld(view: HeldView): void;
  /** An action of this instance that may have waited does not wait any more: it was let run, or denied with a code. */
  onAnswered(action: string, code: string | null): void;
  /** An MCP server of this instance was ended and is in quarantine; the agent goes on without it. */
  onServerEnded(ended: { readonly instance: string; readonly driver: string; readonly code: string }): void;
  /** An MCP server of this instance reached a limit of its sandbox; the agent goes on. */
  onServerLimit(driver: string, limit: LimitName): void;
  /** Nothing is asked any more, for this reason; resolves when no question is open and the person has gone on from the last. */
  endQuestions(why: string): Promise<void>;
  /** Resolves when the agent's last output was shown and the terminal is the person's again. Called once. */
  close(): Promise<void>;
}

/**
 * Lends this process's streams to an instance and asks its human about held actions. What an agent prints cannot pass
 * for a prompt of ours: a notice says only that something is held, and prompts come after the attention key alone, which
 * the agent never sees, with its output paused (THREATS: an agent paints a fake prompt).
 */
export async function openAgentSession(
  parts: AgentSessionParts,
  streams: { readonly home: string; readonly ticket: string },
): Promise<AgentSession> {
  const { powers } = parts;
  const filter = createOutputFilter();
  let terminal: AgentTerminal | null = null;
  let instance: string | null = null;
  let frozen: Freeze | null = null;
  let running: string | null = null;
  let asking = false;
  let asked: Promise<void> = Promise.resolve();
  const questions = createQuestions();
  /** What waits, by action: what it is equal to. */
  const held = new Map<string, string>();

  const ask = async (): Promise<void> => {
    if (asking || terminal === null || questions.over !== null) return;
    asking = true;
    terminal.pause();
    // And nothing that the agent painted stands beside a prompt (SHOWN-SIGNED-RUN).
    powers.err.write(CALM + BLANK);
    try {
      const [wasFrozen, { client, signing }] = [frozen, parts];
      if (wasFrozen !== null && !(await answerFrozen({ powers, client, session: signing, questions }, wasFrozen)))
        return;
      // A no is taken while it is frozen too.
      if (wasFrozen === null || held.size > 0) await answerHeld({ ...parts, questions }, { instance, mayLeave: true });
    } catch (error) {
      if (!(error instanceof CliFailure)) throw error;
      // That nothing was signed goes without saying where the question ended by itself.
      if (questions.over === null || error.code !== "not-confirmed")
        powers.err.write(`aios: ${makeVisible(error.message)} (${error.code})\n`);
    } finally {
      asking = false;
      terminal.resume();
    }
  };
  /**
   * An agent that stops itself would leave the person at a dead screen: this command stops with it, and both go on. Where
   * the stop has no effect, since there is no shell in the sandbox (an orphaned process group), the program has left raw mode
   * all the same and waits to be continued.
   */
  const followStop = async (left: number): Promise<void> => {
    const shown = terminal;
    if (asking || shown === null || running === null) return;
    const { stopped } = await parts.client.request("stopped", { instance: running, go: false });
    if (asking) return;
    if (!stopped && shown.isRaw()) {
      if (left > 0) lookLater(left - 1);
      return;
    }
    asking = true;
    shown.pause();
    powers.err.write(`${CALM}aios: the agent has stopped itself; fg brings it back\n`);
    try {
      await shown.suspend();
      await parts.client.request("stopped", { instance: running, go: true });
    } finally {
      asking = false;
      shown.resume();
    }
  };
  const lookLater = (left: number): void => {
    // The agent or the monitor may have ended meanwhile; that is told elsewhere.
    powers.timer.after(SUSPEND_MS, () => void followStop(left).catch(() => undefined));
  };
  const fromPerson = (bytes: Uint8Array): Uint8Array => {
    if (bytes.includes(SUSPEND_KEY) && terminal?.isRaw() === true) lookLater(SUSPEND_LOOKS);
    const at = bytes.indexOf(ATTENTION_KEY);
    if (at < 0) return bytes;
    // What was typed after the key was typed at the agent's screen; it must not answer a prompt unread.
    if (!asking) asked = ask();
    return bytes.subarray(0, at);
  };

  const notify = (rows: readonly string[]): void => {
    // A terminal that is lent is in raw mode, its cursor anywhere, and what the agent writes next may be hidden.
    const end = terminal === null ? "\n" : "\r\n";
    powers.err.write((terminal === null ? "" : `\u001b[0m${end}`) + rows.map((row) => row + end).join(""));
  };

  let over = false;
  const meter = createOutputMeter((found) => {
    over = true;
    // The monitor ends it, by the name of the limit; until then it waits for a reader.
    offered.hold();
    const said = { instance: running ?? "", bytes: found };
    parts.client.request("output-over", said).catch(() => undefined);
  });
  const take = (bytes: number): number => meter.take(bytes);
  const fromAgent = (bytes: Uint8Array): Uint8Array => filter.pass(bytes.subarray(0, take(bytes.length)));
  const offered = await powers.agents.offerStreams({ ...streams, fromPerson, fromAgent, take });
  terminal = offered.terminal;
  return {
    onHeld(view) {
      instance = view.instance;
      const isKnown = [...held.values()].includes(view.same);
      held.set(view.digest, view.same);
      // What is equal is one question (docs/decisions/asking-people.md), so it is announced once.
      if (isKnown) return;
      const how = terminal === null ? "aios approvals list shows it" : "press Ctrl-] to see it and answer";
      notify([`aios: held: an action waits for you; ${how}`]);
    },
    onAnswered(action, code) {
      if (!held.delete(action)) return;
      if (questions.end(action, tellEnd(code)) || code !== "hold-expired") return;
      notify([`aios: what was held got no answer in time, so it is denied (hold-expired)`]);
    },
    onServerEnded(ended) {
      alertOfServer(powers, ended);
      const [server, code] = [ended.driver, ended.code].map(makeVisible);
      notify([
        `aios: server ${server} of ${ended.instance} was ended and nothing starts it any more: ${code} (quarantined)`,
        "hint: aios log show --kind driver-quarantined --payload says what it did; a new grant over it lets it run again: aios grants sign",
      ]);
    },
    onServerLimit(driver, limit) {
      const what = isEnding(limit) ? "it was ended" : "its calls fail there";
      notify([
        `aios: server ${makeVisible(driver)} reached its limit of ${limit}: ${what} (limit-${limit})`,
        "hint: aios log show --kind limit-reached says which limit and how much was found",
      ]);
    },
    async endQuestions(why) {
      questions.endAll(why);
      await asked;
    },
    onFrozen(freeze) {
      frozen = freeze;
      alertPerson(powers, { instance: freeze.instance, state: "frozen", code: freeze.why });
      const id = freeze.instance;
      const rows = [
        `aios: instance ${id} is frozen: ${freeze.why} (frozen)`,
        freeze.forLog
          ? `hint: it goes on by itself when the log can be written again, aios doctor says what is wrong; aios kill ${id} ends it`
          : `hint: aios thaw ${id} lets it go on, aios kill ${id} ends it`,
      ];
      if (asking) rows.push("hint: while it is, no yes to what it asks for is taken; a no is");
      else if (terminal !== null && !freeze.forLog) rows.push("hint: Ctrl-] asks you which, here");
      notify(rows);
      questions.again();
    },
    onThawed(thawed) {
      frozen = null;
      notify([`aios: instance ${thawed} goes on`]);
      questions.again();
    },
    onStarted(started, output) {
      running = started;
      meter.bound(output);
      offered.flow();
    },
    async close() {
      if (over) {
        offered.stop();
        // It was cut in the middle of a line.
        powers.err.write("\n");
      }
      await asked;
      await offered.ended;
      // The person's shell goes on here, and so does every later prompt of ours.
      const undo = filter.undo();
      if (terminal !== null && undo !== "") powers.err.write(undo);
    },
  };
}
