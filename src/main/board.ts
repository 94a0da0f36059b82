import { isatty } from "node:tty";
import type { Board } from "../cli/powers.ts";
import { openFullScreen } from "../platform/terminal/full-screen.ts";
import { hasTerminal } from "../platform/terminal/terminal.ts";

/** The person's terminal as a whole; null where there is none, or one that cannot move its cursor. */
export function openBoard(
  onKey: (key: string) => void,
  env: { readonly [name: string]: string | undefined },
): Board | null {
  const kind = env["TERM"] ?? "";
  if (kind === "" || kind === "dumb" || !isatty(1) || !hasTerminal()) return null;
  // no-color.org: any value that is not empty.
  return { ...openFullScreen(onKey), colour: (env["NO_COLOR"] ?? "") === "" };
}
