import { HOME, JSON_OUTPUT, type Command } from "../command.ts";
import { withMonitor, writeJson } from "../connection.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { line, writeLines } from "../line.ts";

/** `aios freeze`: stops one instance or all where they stand. Needs no signature: stopping never adds authority. */
export const freeze: Command = {
  path: ["freeze"],
  summary: "stop an instance where it stands",
  positionals: [{ name: "INSTANCE", required: false, help: "its id, from aios ps" }],
  rest: null,
  flags: [{ name: "all", value: null, help: "every instance" }, JSON_OUTPUT, HOME],
  details: [
    "A frozen instance runs no instruction and none of its actions goes on. Freezing needs no passphrase. aios thaw lets it go on, and that an owner signs.",
  ],
  examples: ["freeze i-0123456789abcdef", "freeze --all"],
  async run(powers, args) {
    const instance = args.optional("INSTANCE");
    if ((instance === null) !== args.has("all")) {
      throw CliFailure.of("usage", "aios freeze takes either one INSTANCE or --all", "aios ps lists the instances");
    }
    return await withMonitor({ powers, args }, async (client) => {
      const { instances } = await client.request("freeze", { instance });
      if (args.has("json")) writeJson(powers, { instances });
      else if (instances.length === 0) writeLines(powers.out, [line("nothing was running")]);
      else
        writeLines(
          powers.out,
          instances.map((id) => line(`frozen ${id}`)),
        );
      return EXIT.ok;
    });
  },
};
