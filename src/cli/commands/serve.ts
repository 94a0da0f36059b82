import { HOME, type Command } from "../command.ts";
import { findHome } from "../connection.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { line, writeLines } from "../../showing/line.ts";
import { homeFlag } from "../shell-word.ts";

/** `aios serve`: the monitor in the foreground, or its orderly end. */
export const serve: Command = {
  path: ["serve"],
  summary: "run the monitor in the foreground",
  positionals: [],
  rest: null,
  flags: [{ name: "stop", value: null, help: "end the running monitor, and with it every instance" }, HOME],
  details: ["Other commands start the monitor when it does not run; this is for a service manager, or to watch it."],
  examples: ["serve", "serve --stop"],
  async run(powers, args) {
    const home = await findHome(powers, args);
    const client = await home.attach();
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
      await client.request("stop", {});
    } finally {
      client.close();
    }
    writeLines(powers.out, [line("the monitor ends")]);
    return EXIT.ok;
  },
};
