import { HOME, type Command } from "../command.ts";
import { findHome } from "../connection.ts";
import { EXIT } from "../exit-codes.ts";
import { line, writeLines } from "../line.ts";

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
    if (!args.has("stop")) return await powers.serve(home.path);
    const client = await home.attach();
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
