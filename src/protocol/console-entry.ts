import { boolean, object, text } from "./decode.ts";
import { empty, nonce } from "./fields.ts";
import type { AnswerTable, BodyTable } from "./side.ts";

/** How a visitor of the console came in; closed. */
export const CONSOLE_ENTRIES = ["code", "passkey"] as const;

/**
 * A console's host: a name that it has for one start, below the random one of its home, which is out of reach of what else is
 * on this machine. Consoles before had the home's name itself.
 */
export const CONSOLE_HOST: RegExp = /^(?:[0-9a-f]{16}\.)?aios-[0-9a-f]{16}\.localhost$/;

/** Where it is found. */
export const CONSOLE_ORIGIN: RegExp = /^http:\/\/(?:[0-9a-f]{16}\.)?aios-[0-9a-f]{16}\.localhost:2[0-9]{4}$/;

/** What stands before the name of its home for one start. */
export const CONSOLE_LABEL: RegExp = /^[0-9a-f]{16}$/;

type Empty = Record<string, never>;

/** Requests of the command line about the console. */
export interface ConsoleCommands {
  /** Starts the console when it does not run, and gives a code that lets one browser in, once, within five minutes. */
  "console-open": { body: Empty; ok: { readonly origin: string; readonly code: string } };
  /** Ends the console. */
  "console-close": { body: Empty; ok: { readonly closed: boolean } };
}

export const CONSOLE_COMMANDS: BodyTable<ConsoleCommands> = { "console-open": empty, "console-close": empty };

export const CONSOLE_ANSWERS: AnswerTable<ConsoleCommands> = {
  "console-open": object<ConsoleCommands["console-open"]["ok"]>({
    origin: text({ max: 128, pattern: CONSOLE_ORIGIN }),
    code: nonce,
  }),
  "console-close": object<ConsoleCommands["console-close"]["ok"]>({ closed: boolean() }),
};
