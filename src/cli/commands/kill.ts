import { HOME, type Command } from "../command.ts";
import { withMonitor } from "../connection.ts";
import { EXIT } from "../exit-codes.ts";
import { line, writeLines } from "../line.ts";

/** `aios kill`: ends an instance and every process of it. */
export const kill: Command = {
  path: ["kill"],
  summary: "end an instance and every process of it",
  positionals: [{ name: "INSTANCE", required: true, help: "its id, from aios ps" }],
  rest: null,
  flags: [HOME],
  details: [
    "Its sandbox goes at once, with all processes in it. What it held for approval is withdrawn. Needs no passphrase.",
  ],
  examples: ["kill i-0123456789abcdef"],
  async run(powers, args) {
    return await withMonitor({ powers, args }, async (client) => {
      await client.request("kill", { instance: args.required("INSTANCE") });
      writeLines(powers.out, [line(`ended ${args.required("INSTANCE")}`)]);
      return EXIT.ok;
    });
  },
};
