import { writeLines } from "../../showing/line.ts";
import { HOME, JSON_OUTPUT, type Command } from "../command.ts";
import { compareExtensions, describeDifference, isNone } from "../compare-extensions.ts";
import { withMonitor, writeJson } from "../connection.ts";
import { EXIT } from "../exit-codes.ts";
import { findExtension } from "../find-extension.ts";
import { EXTENSION } from "./ext.ts";

/** `aios ext diff`. */
export const extDiff: Command = {
  path: ["ext", "diff"],
  summary: "show what differs between two extensions",
  positionals: [EXTENSION, { ...EXTENSION, name: "OTHER" }],
  rest: null,
  flags: [JSON_OUTPUT, HOME],
  details: [
    "From the first to the second: which files are new, gone or other, and what is asked for. Exit code 1 when anything is.",
  ],
  examples: ["ext diff notes@1.2.0 notes@1.3.0"],
  async run(powers, args) {
    return await withMonitor({ powers, args }, async (client) => {
      const [from, to] = [
        await findExtension(client, args.required("EXT")),
        await findExtension(client, args.required("OTHER")),
      ];
      const before = await client.request("extension-show", { id: from.id });
      const after = await client.request("extension-show", { id: to.id });
      const difference = compareExtensions(before, after);
      if (args.has("json")) writeJson(powers, difference);
      else writeLines(powers.out, describeDifference(difference, { before, after }));
      return isNone(difference) ? EXIT.ok : EXIT.no;
    });
  },
};
