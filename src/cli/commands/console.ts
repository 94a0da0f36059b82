import { HOME, JSON_OUTPUT, type Command } from "../command.ts";
import { withMonitor, writeJson } from "../connection.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { line, writeLines } from "../../showing/line.ts";

/** `aios console`. */
export const consoleOpen: Command = {
  path: ["console"],
  summary: "look, decide and stop in your browser",
  positionals: [{ name: "stop", required: false, help: "end it; every browser is out at once" }],
  rest: null,
  flags: [JSON_OUTPUT, HOME],
  details: [
    "Starts the console when it does not run and prints an address of this machine. The address holds a code that lets one browser in, once, within five minutes; for another browser say aios console again.",
    "The console is a process of its own without keys: it shows what you may see, stops, and hands in what you signed.",
  ],
  examples: ["console", "console stop"],
  async run(powers, args) {
    const act = args.optional("stop");
    if ((act ?? "stop") !== "stop")
      throw CliFailure.of("usage", "aios console takes nothing but stop", "aios console --help");
    return await withMonitor({ powers, args }, async (client) => {
      if (act !== null) {
        const { closed } = await client.request("console-close", {});
        if (args.has("json")) writeJson(powers, { closed });
        else writeLines(powers.out, [line(closed ? "The console has ended." : "No console runs.")]);
        return EXIT.ok;
      }
      const { origin, code } = await client.request("console-open", {});
      const address = `${origin}/#enter=${code}`;
      if (args.has("json")) writeJson(powers, { address });
      else {
        writeLines(powers.out, [
          line(address, "strong"),
          line("Open it within five minutes; it lets one browser in, once. aios console gives another."),
        ]);
      }
      return EXIT.ok;
    });
  },
};
