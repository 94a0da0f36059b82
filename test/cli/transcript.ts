import { runProgram } from "../../src/cli/program.ts";
import { createDesk, type Setting } from "../fakes/cli-powers.ts";

/**
 * Types one command line and gives what a person sees: the line, both streams (standard error after `!`), what was asked
 * at the terminal (after `?`), and the exit code when it is not 0.
 */
export async function transcribe(words: readonly string[], setting: Setting = {}): Promise<string> {
  const desk = createDesk(setting);
  const exit = await runProgram(words, desk.powers);
  const mark = (text: string, sign: string): string =>
    text === ""
      ? ""
      : `${text
          .replace(/\n$/u, "")
          .split("\n")
          .map((row) => (row === "" ? sign.trimEnd() : sign + row))
          .join("\n")}\n`;
  const shown = [
    `$ aios ${words.join(" ")}`.trimEnd() + "\n",
    mark(desk.out(), ""),
    mark(desk.err(), "! "),
    ...desk.prompts.map((prompt) => `? ${prompt.trimEnd()}\n`),
    exit === 0 ? "" : `[${exit}]\n`,
  ];
  return shown.join("");
}
