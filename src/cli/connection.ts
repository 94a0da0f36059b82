import type { Arguments } from "./arguments.ts";
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
  try {
    return await work(client, home);
  } finally {
    client.close();
  }
}

/** Writes one JSON value as a line for programs. Strings keep their characters: JSON escapes controls by itself. */
export function writeJson(powers: CliPowers, value: unknown): void {
  powers.out.write(`${JSON.stringify(value)}\n`);
}
