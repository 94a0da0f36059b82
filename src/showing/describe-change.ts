import type { Action } from "../kernel/action.ts";
import type { FoundFile } from "../protocol/found-file.ts";
import { diffTexts, type DiffRow } from "./diff.ts";
import { readFileWrite, textAfter, type FileChange, type FileWrite } from "./file-write.ts";
import { join, line, type Line, type Tone } from "./line.ts";
import { showBytes } from "./moment.ts";
import { makeVisible } from "./visible.ts";
import { cutRows, wrapProse } from "./width.ts";

/** Rows of a diff that are shown; the arguments above are in full whatever it is. */
const MOST_ROWS = 80;
const TONES: { readonly [mark in DiffRow["mark"]]: Tone } = { " ": "plain", "-": "bad", "+": "good", "@": "faint" };

/** Said wherever a yes is bound to what was found. */
const BOUND = "When it is another by the time you sign, your yes counts for nothing and you are asked to look again.";

/** Said, and marked without colours too, where a tool may write in the workspace and nobody can tell what. */
const UNKNOWN = "! What this changes in the workspace is not known; a yes is bound to no file.";

/**
 * What an action would change in a file, compared with what was found there, for every screen. It stands beside the arguments,
 * which alone say what will run, and names by digest what it was compared with.
 */
export function describeChange(
  action: Action,
  { found, columns }: { readonly found: FoundFile; readonly columns: number },
): readonly Line[] {
  const write = readFileWrite(action);
  if (write === null || found.kind === "unknown")
    return [line(""), ...wrapProse(UNKNOWN, columns).map((text) => line(text, "bad"))];
  const head = cutRows(`what it would change in ${makeVisible(found.path)}:`, columns);
  const notes = sayOdd(write).flatMap((each) => wrapProse(each, columns - 2));
  return [
    line(""),
    ...head.map((text) => line(text, "strong")),
    ...notes.map((text) => line(`  ${text}`, "wait")),
    ...changes(write, { found, columns }),
  ];
}

/** What in the arguments can make the change another one than is shown. No name is repeated: they are the agent's words. */
function sayOdd({ changes: all, others }: FileWrite): readonly string[] {
  const { all: more, alike } = others;
  return [
    ...all.flatMap((change) =>
      change.kind === "unread"
        ? [
            `Its ${change.of} cannot be read as ${change.of === "content" ? "text" : "edits"}: what the tool makes of that is not known.`,
          ]
        : [],
    ),
    ...(all.length > 1 ? ["It has both content and edits: which of them the tool takes is not known."] : []),
    ...(more > 0
      ? [
          `It has ${more === 1 ? "a further argument" : `${more} further arguments`}, above: the change is shown without.`,
        ]
      : []),
    ...(alike > 0
      ? [`${alike} of its arguments can be taken for the path or the text by name: which the tool takes is not known.`]
      : []),
  ];
}

function changes(
  write: FileWrite,
  { found, columns }: { readonly found: Exclude<FoundFile, { readonly kind: "unknown" }>; readonly columns: number },
): readonly Line[] {
  const say = (...words: readonly string[]): readonly Line[] =>
    words.flatMap((each) => wrapProse(each, columns - 2).map((text) => line(`  ${text}`, "wait")));
  const compared = (digest: string): readonly Line[] =>
    cutRows(`compared with what is there now, ${digest}`, columns - 2).map((text) => line(`  ${text}`, "faint"));
  switch (found.kind) {
    case "nothing":
      return say("Nothing is there now: it would be a new file.", BOUND);
    case "link":
      return say("A link is there or on the way. It is not followed: what would be written is not known.");
    case "no-file":
      return say("What is there now is no file.");
    case "unreadable":
      return say("What is there now cannot be read.");
    case "large":
      return say(
        `What is there now has ${showBytes(found.bytes)}, too much to compare. Of it, a yes is bound to its size.`,
      );
    case "binary":
      return [
        ...compared(found.digest),
        ...say(`What is there now is no text and has ${showBytes(found.bytes)}: it is not compared.`, BOUND),
      ];
    case "text": {
      const heads = write.changes.length > 1;
      const drawn = write.changes.flatMap((change) =>
        change.kind === "unread"
          ? []
          : [
              ...(heads ? say(`By its ${change.kind}:`) : []),
              ...drawChange(change, { before: found.text, columns, say }),
            ],
      );
      return [...compared(found.digest), ...drawn, ...say(BOUND)];
    }
    default:
      return found satisfies never;
  }
}

function drawChange(
  change: FileChange,
  { before, columns, say }: { before: string; columns: number; say: (...words: readonly string[]) => readonly Line[] },
): readonly Line[] {
  const after = textAfter(change, before);
  if (after === null)
    return say("The text that it would replace is not there exactly once: what the tool makes of that is not known.");
  const drawn = diffTexts(before, after).flatMap((row) => drawRow(row, columns));
  const left = drawn.length - MOST_ROWS;
  return [
    ...(drawn.length === 0 ? say("Nothing: it is the same already.") : drawn.slice(0, MOST_ROWS)),
    ...(left > 0 ? say(`${left} more rows of changes are left out here; the arguments above are in full.`) : []),
  ];
}

/** A row behind a gutter of its own, which no value can draw: `│` and `┊` inside a value are shown as code points. */
function drawRow({ mark, text }: DiffRow, columns: number): readonly Line[] {
  if (mark === "@") return [line(`    … ${text}`, "faint")];
  return cutRows(makeVisible(text), columns - 6).map((cut, index) =>
    join(["faint", `  ${mark} ${index === 0 ? "│" : "┊"} `], [TONES[mark], cut]),
  );
}
