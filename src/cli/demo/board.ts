import { REASONS } from "../../kernel/codes.ts";
import type { LogRecord } from "../../protocol/record.ts";
import type { CliEvents } from "../../protocol/requests.ts";
import { join, line, paintLine, writeLines, type Line, type Tone } from "../../showing/line.ts";
import type { Screen } from "../powers.ts";
import { makeVisible } from "../../showing/visible.ts";
import { padText, wrapProse } from "../../showing/width.ts";

/** The screen is made for 80 columns, so that it looks the same wherever it is shown. */
const COLUMNS = 78;
const INDENT = "   ";

/** Shows what the monitor says about actions as it happens: a chapter for each, its six stages, and what came of it. */
export interface Board {
  chapter(title: string): void;
  say(text: string, tone?: Tone): void;
  lines(lines: readonly Line[]): void;
  /** A word that says how something came out, and a sentence. */
  result(word: readonly [Tone, string], text: string): void;
  onStage(event: CliEvents["stage"]): void;
  onRecord(record: LogRecord): void;
  /** A line that the agent printed. Waits while a row of stages is being shown. */
  onAgent(text: string): void;
}

export interface BoardOptions {
  readonly screen: Screen;
  readonly chapters: { readonly [what: string]: { readonly title: string; readonly story: string } };
}

export function createBoard(options: BoardOptions): Board {
  const { screen, chapters } = options;
  const met = new Set<string>();
  const waiting: string[] = [];
  let number = 0;
  /** The request whose stages are on the line that is being written. */
  let row: string | null = null;
  /** What is recorded while an action runs is shown when its last stage has been announced. */
  const outcomes: Summary[] = [];

  const write = (...lines: readonly Line[]): void => writeLines(screen, lines);
  const endRow = (): void => {
    if (row === null) return;
    screen.write("\n");
    row = null;
  };
  const flush = (): void => {
    for (const text of waiting.splice(0)) showAgent(text);
  };
  const showAgent = (text: string): void => {
    for (const cut of wrapProse(makeVisible(text), COLUMNS - 13)) write(join(["faint", `${INDENT}  agent │ ${cut}`]));
  };

  const board: Board = {
    chapter(title) {
      endRow();
      flush();
      number += 1;
      write(line(""), join(["strong", `${padText(String(number), 2)} ${title}`]));
    },
    say(text, tone = "plain") {
      endRow();
      write(...wrapProse(text, COLUMNS - 3).map((cut) => line(`${INDENT}${cut}`, tone)));
    },
    lines(lines) {
      endRow();
      write(...lines.map((shown) => ({ pieces: [{ tone: "plain" as const, text: INDENT }, ...shown.pieces] })));
    },
    result(word, text) {
      endRow();
      const rows = wrapProse(text, COLUMNS - 16);
      rows.forEach((cut, index) => {
        if (index === 0) write(join(`${INDENT}  `, [word[0], padText(word[1], 9)], `  ${cut}`));
        else write(line(`${INDENT}${" ".repeat(13)}${cut}`));
      });
    },
    onStage(event) {
      const chapter = Object.hasOwn(chapters, event.what) ? chapters[event.what] : undefined;
      if (!met.has(event.what)) {
        met.add(event.what);
        board.chapter(chapter?.title ?? makeVisible(event.what));
        if (chapter !== undefined) board.say(chapter.story, "faint");
      }
      if (row !== event.request) {
        endRow();
        row = event.request;
        screen.write(INDENT);
      }
      const [tone, sign] = SIGNS[event.verdict] ?? ["plain", "·"];
      screen.write(paintLine(screen, join(`  ${event.stage} `, [tone, sign])));
      if (event.verdict === "passed" || event.verdict === "done") return;
      endRow();
      const summaries = outcomes.splice(0);
      for (const summary of summaries) board.result(...summary);
      if (summaries.length > 0) flush();
    },
    onRecord(record) {
      const summary = summarise(record);
      if (summary === null) return;
      if (row !== null && (record.kind === "outcome" || record.kind === "labelled" || record.kind === "approved")) {
        outcomes.push(summary);
        return;
      }
      board.result(...summary);
      if (record.kind === "denied" || record.kind === "terminal") flush();
    },
    onAgent(text) {
      waiting.push(text);
      if (row === null) flush();
    },
  };

  return board;
}

const SIGNS: { readonly [verdict: string]: readonly [Tone, string] } = {
  passed: ["good", "✓"],
  done: ["good", "✓"],
  recorded: ["good", "✓"],
  held: ["wait", "…"],
  denied: ["bad", "✗"],
  failed: ["bad", "✗"],
  terminal: ["bad", "✗"],
};

const HOLD_WORDS: { readonly [reason: string]: string } = {
  reserved: "reserved actions need your signature",
  "recipient-not-endorsed": "you did not name this recipient",
  "untrusted-and-private": "the agent holds untrusted words and private data",
  "owner-asked": "you asked to see it",
};

type Summary = readonly [word: readonly [Tone, string], text: string];

function summarise(record: LogRecord): Summary | null {
  if (record.kind === "outcome") {
    return record.result === "ok"
      ? [["good", "granted"], `it ran; ${record.bytes} bytes came back, recorded as ${record.seq}`]
      : [["bad", record.result], `${record.code ?? "the tool said no"}, recorded as ${record.seq}`];
  }
  if (record.kind === "denied") {
    return [["bad", "denied"], `${REASONS[record.code]} (${record.code}, at ${record.stage})`];
  }
  if (record.kind === "held") {
    return [
      ["wait", "held"],
      `for a human: ${record.reasons.map((reason) => HOLD_WORDS[reason] ?? reason).join("; ")}`,
    ];
  }
  if (record.kind === "approved") return [["good", "approved"], "your signature over exactly this action was verified"];
  if (record.kind === "labelled")
    return [["wait", "labelled"], `the agent now counts as ${record.labels.join(" and ")}`];
  if (record.kind === "terminal") {
    return [["bad", "terminal"], `${REASONS[record.code]} (${record.code}); the agent and its sandbox are gone`];
  }
  return null;
}
