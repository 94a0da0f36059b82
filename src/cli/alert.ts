import type { CliPowers } from "./powers.ts";
import { makeVisible } from "../showing/visible.ts";

/** What people are told at once, wherever they look: which instance stopped, and by which code. */
export interface Alert {
  readonly instance: string;
  readonly state: "frozen" | "terminal" | "stopped";
  readonly code: string;
}

/**
 * Tells a person that an instance stopped: the bell of the terminal, and a notice on the desktop. It carries no word of an
 * agent's and no authority; what to do stands where the instance was started.
 */
export function alertPerson(powers: Pick<CliPowers, "err" | "notice">, { instance, state, code }: Alert): void {
  if (powers.err.terminal) powers.err.write("\u0007");
  powers.notice(`AIOS: ${instance} is ${state}`, makeVisible(code));
}

/** Tells a person likewise that an MCP server of an instance was ended and is in quarantine, by the name in its grant. */
export function alertOfServer(
  powers: Pick<CliPowers, "err" | "notice">,
  { instance, driver, code }: { readonly instance: string; readonly driver: string; readonly code: string },
): void {
  if (powers.err.terminal) powers.err.write("\u0007");
  powers.notice(`AIOS: server ${makeVisible(driver)} of ${instance} was ended`, makeVisible(code));
}
