import type { Arguments } from "./arguments.ts";
import { line, writeLines } from "../showing/line.ts";
import { describePending } from "./describe-pending.ts";
import { CliFailure } from "./failure.ts";
import type { CliPowers, Home, MonitorClient } from "./powers.ts";

/** The home that a command line names, which must exist. Throws `CliFailure` `no-home`. */
export async function findHome(powers: CliPowers, args: Arguments): Promise<Home> {
  const home = powers.home(args.value("home"));
  if (!(await home.exists())) {
    throw CliFailure.of("no-home", `There is no home at ${home.path}`, "aios init makes one, with your owner key");
  }
  return home;
}

/** Connects to the monitor of the named home, starting it when needed, and closes the connection after the work. */
export async function withMonitor<Result>(
  call: { readonly powers: CliPowers; readonly args: Arguments },
  work: (client: MonitorClient, home: Home) => Promise<Result>,
): Promise<Result> {
  const home = await findHome(call.powers, call.args);
  const client = await home.connect();
  client.onEvent("recovering", ({ pending }) => {
    if (pending === null) return;
    const words = `SOMEBODY RECOVERS A KEY: ${describePending(pending, call.powers)}. Stop it: aios owners stop`;
    writeLines(call.powers.err, [line(words, "bad")]);
  });
  try {
    return await work(client, home);
  } finally {
    client.close();
  }
}

/** Characters that JSON lets stand but that a terminal would obey or hide. */
const UNSEEN = /[\u007f-\u009f\u2028\u2029\p{Cf}\p{Co}\p{Cn}]/gu;

/** Writes one JSON value as a line for programs; what a terminal would obey or hide is escaped, which changes no value. */
export function writeJson(powers: Pick<CliPowers, "out">, value: unknown): void {
  const text = JSON.stringify(value).replaceAll(UNSEEN, (character) =>
    Array.from(
      { length: character.length },
      (_, unit) => `\\u${character.charCodeAt(unit).toString(16).padStart(4, "0")}`,
    ).join(""),
  );
  powers.out.write(`${text}\n`);
}
