import { findHidden } from "../hidden-text.ts";
import { judgeText } from "../text-rules.ts";
import { judgeCommands, judgeFetchedFiles } from "./command-rules.ts";
import { rot13, type Decoder } from "./decode.ts";
import { isGrave, type Seen } from "./finding.ts";
import { createLineFinder } from "./line-finder.ts";
import { judgeComments, judgeWords } from "./word-rules.ts";

/** How often what is decoded is decoded again. */
const LAYERS = 4;
const MOST_LINE = 2000;
const OVERLAP = 400;

/** Judges a text as words, as commands, and as what stands encoded or hidden in it, to a depth of four. */
export function judgeLayers(text: string, decoder: Decoder): readonly Seen[] {
  return judgeLayer(text, { decoder, depth: LAYERS, commands: true });
}

/** The same for a program in shell, Python or another language without a syntax tree: there, naming a file with keys is no order. */
export function judgeSource(text: string, decoder: Decoder): readonly Seen[] {
  return judgeLayers(text, decoder).filter(({ rule }) => rule !== "skill-secrets" && rule !== "words-secrets");
}

/** The same for a text that is no program: a string of a program, the description of a tool. */
export function judgeString(text: string, decoder: Decoder): readonly Seen[] {
  return judgeLayer(text, { decoder, depth: LAYERS, commands: /\s/u.test(text) });
}

interface Layer {
  readonly decoder: Decoder;
  readonly depth: number;
  readonly commands: boolean;
}

function judgeLayer(text: string, layer: Layer): readonly Seen[] {
  const { decoder, depth } = layer;
  const seen: Seen[] = [...judgeComments(text), ...judgeWords(text), ...judgeHidden(text, layer)];
  if (layer.commands) {
    const lines = splitLong(text);
    seen.push(...judgeCommands(lines), ...judgeText(lines), ...judgeFetchedFiles(lines));
  }
  if (depth === 0) return seen;
  const lineAt = createLineFinder(text);
  for (const { text: inner, how, at } of decoder.encodedIn(text)) {
    const line = lineAt(at);
    for (const found of judgeLayer(inner, { decoder, depth: depth - 1, commands: true }))
      if (isGrave(found.rule))
        seen.push({ ...found, line, why: `${found.why}, in a text that is encoded here (${how})` });
  }
  // Words alone: in thirteen places on, an honest text says nothing at all.
  if (depth === LAYERS)
    for (const found of judgeWords(rot13(text)))
      seen.push({ ...found, why: `${found.why}, in a text that is encoded here (rot13)` });
  return seen;
}

function judgeHidden(text: string, { decoder, depth }: Layer): readonly Seen[] {
  const seen: Seen[] = [];
  for (const [at, line] of text.split(/\r?\n/u).entries()) {
    const hidden = findHidden(at === 0 ? line.replace(/^\ufeff/u, "") : line);
    if (hidden === null) continue;
    seen.push({ rule: "hidden-text", line: at + 1, why: hidden.why });
    if (hidden.text === null || depth === 0) continue;
    for (const found of judgeLayer(hidden.text, { decoder, depth: depth - 1, commands: true }))
      seen.push({ ...found, line: at + 1, why: `${found.why}, in characters that are not drawn` });
  }
  return seen;
}

/** Cuts long lines with an overlap, without a change of the numbers of short ones: what is far to the right is judged too. */
function splitLong(text: string): string {
  if (text.length <= MOST_LINE) return text;
  return text
    .split("\n")
    .map((line) => {
      if (line.length <= MOST_LINE) return line;
      const pieces: string[] = [];
      for (let from = 0; from < line.length; from += MOST_LINE - OVERLAP)
        pieces.push(line.slice(from, from + MOST_LINE));
      return pieces.join("\u2028");
    })
    .join("\n");
}
