import { HOME, type Command } from "../command.ts";
import { findHome } from "../connection.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure, type FailureCode } from "../failure.ts";
import type { MonitorClient } from "../powers.ts";
import { line, writeLines } from "../../showing/line.ts";
import { homeFlag } from "../shell-word.ts";

/** `aios serve`: the monitor in the foreground, or its orderly end. */
export const serve: Command = {
  path: ["serve"],
  summary: "run the monitor in the foreground",
  positionals: [],
  rest: null,
  flags: [{ name: "stop", value: null, help: "end the running monitor, and with it every instance" }, HOME],
  details: [
    "Other commands start the monitor when it does not run; this is for a service manager, or to watch it. --stop comes back when it is gone and everything is on the disk.",
  ],
  examples: ["serve", "serve --stop"],
  async run(powers, args) {
    const home = await findHome(powers, args);
    // One that starts would run a moment after it was said that it does not.
    const client = args.has("stop") ? await home.attachStarting() : await home.attach();
    if (!args.has("stop")) {
      if (client === null) return await powers.serve(home.path);
      client.close();
      throw CliFailure.of(
        "monitor-running",
        `The monitor of ${home.path} runs already`,
        `aios serve --stop${homeFlag(args, home)} ends it, and with it every instance`,
      );
    }
    if (client === null) {
      writeLines(powers.out, [line("the monitor does not run")]);
      return EXIT.ok;
    }
    try {
      // Its last records are written after it has answered: whoever copies the home afterwards has all of it.
      const gone = new Promise<void>((resolve, reject) =>
        client.onEnd((error) => (hasCode(error, "monitor-stopped") ? reject(error) : resolve())),
      );
      gone.catch(() => {}); // awaited below
      writeLines(powers.out, [line(await askToStop(client))]);
      await gone;
    } finally {
      client.close();
    }
    return EXIT.ok;
  },
};

/** Asks it to end; what is said of that. One that another command told to end may be gone before it answers. */
async function askToStop(client: MonitorClient): Promise<string> {
  try {
    const { already } = await client.request("stop", {});
    return already ? "the monitor ends already" : "the monitor ends";
  } catch (error) {
    if (hasCode(error, "monitor-lost")) return "the monitor ended already";
    throw error;
  }
}

function hasCode(error: unknown, code: FailureCode): boolean {
  return error instanceof CliFailure && error.code === code;
}
