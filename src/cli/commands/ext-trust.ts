import { line, writeLines } from "../../showing/line.ts";
import { HOME, type Command } from "../command.ts";
import { withMonitor } from "../connection.ts";
import { DETONATE, detonateStored, insistOnDetonation } from "../detonate-stored.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { findExtension } from "../find-extension.ts";
import { freeId } from "../free-id.ts";
import { signGrant } from "../grant-file.ts";
import { probeServers } from "../probe-servers.ts";
import { describeReport, insistOnGrave, readReport } from "../extension-report.ts";
import { callExtension, nameExtension } from "../show-extension.ts";
import { openSigningSession } from "../signing-session.ts";
import { commandOf, grantFor, serverName, withTools, type Trust } from "../trust-extension.ts";
import { EXTENSION } from "./ext.ts";

/** `aios ext trust`. */
export const extTrust: Command = {
  path: ["ext", "trust"],
  summary: "let agents use an extension's server; you sign it",
  positionals: [EXTENSION],
  rest: "ARGUMENTS",
  flags: [
    { name: "agent", value: "NAME", help: "an agent that may use it", repeats: true },
    { name: "as", value: "SERVER", help: "what its tools are named after (default: made of its name)" },
    { name: "entry", value: "FILE", help: "the program in its tree that Node runs (default: the one that it names)" },
    { name: "workspace", value: "DIR", help: "the folder that its server sees at /workspace, to read" },
    { name: "write", value: null, help: "that folder to write, too" },
    { name: "set", value: "KEY=VALUE", help: "what it asks for, in its arguments", repeats: true },
    { name: "tool", value: "TOOL=RISK", help: "class of a tool; others are reserved: you are asked", repeats: true },
    { name: "expires", value: "SPAN", help: "when it ends (default: 30d)" },
    DETONATE,
    HOME,
  ],
  details: [
    "What you sign is a grant: the digest of every byte of the extension, the command, what its sandbox holds, and each tool with its class. It is shown in full before you sign it, and ends like every grant: aios grants revoke.",
    "Its server is started once in a sandbox of its own to ask what it offers. There it has its own files, read-only, the folder that you name, and no network, home or environment of yours. What it needs of other packages must be in it (a bundle, or a folder with node_modules).",
    "A bundle is started with its own arguments; what it asks its person for in them is given with --set (a path: as it is here, in the folder of --workspace), or all of them are given after --. A key is never among them, since a grant is no place for keys.",
    "With --detonate that command is run in a sealed sandbox first, as aios ext detonate does, and what it did stands in the report. Where something grave was found, in its files or when it was run, you are asked once more.",
    "For conditions on arguments, other programs than Node and leases, write a grant with extension: and command:, and sign that (aios grants sign).",
  ],
  examples: [
    "ext trust 0f3a81c2 --agent helper",
    "ext trust 5d01c4ab --agent helper --workspace . --set folder=notes --set limit=20",
    "ext trust files@1.2.0 --agent helper --workspace . --tool read_file=observe -- /workspace",
  ],
  async run(powers, args) {
    return await withMonitor({ powers, args }, async (client, home) => {
      const { id } = await findExtension(client, args.required("EXT"));
      const report = await readReport(client, id);
      const { extension, manifest, damaged } = report.shown;
      if (damaged !== null)
        throw CliFailure.of(
          "bad-grant",
          `${callExtension(extension)} is not as it was added`,
          "remove it, and add it again",
        );
      const { grants } = await client.request("grants", {});
      const trust = readTrust(args.value("workspace"));
      const short = grantFor(manifest, trust);
      const detonation = await detonateStored(powers, args, {
        home,
        shown: report.shown,
        words: { command: commandOf(short, trust.server) },
      });
      insistOnDetonation(detonation, report.shown);
      const { workspace } = trust;
      const probed = await probeServers(
        { powers, client },
        { short, source: nameExtension(extension), workspace: workspace?.folder ?? null },
      );
      const grant = withTools(probed, trust);
      const seen = { ...report, detonation };
      writeLines(powers.err, [...describeReport(seen, { powers, columns: powers.err.columns }), line("")]);
      await insistOnGrave(powers, seen);
      const session = openSigningSession(powers, { home, keep: "once" });
      await signGrant({ powers, client, session }, grant);
      return EXIT.ok;

      function readTrust(folder: string | null): Trust {
        const agents = args.values("agent");
        if (agents.length === 0) throw CliFailure.of("usage", "No agent is named", "--agent NAME");
        if (folder === null && args.has("write"))
          throw CliFailure.of("usage", "--write is about a folder", "--workspace DIR");
        const server = args.value("as") ?? serverName(manifest.name);
        return {
          agents,
          server,
          grant: freeId(`${server}-${id.slice("sha256:".length, "sha256:".length + 8)}`, grants),
          entry: args.value("entry"),
          set: args.values("set"),
          args: args.rest,
          resolve: powers.resolve,
          workspace:
            folder === null ? null : { folder: powers.resolve(folder), mode: args.has("write") ? "write" : "read" },
          tools: args.values("tool"),
          expires: args.value("expires") ?? "30d",
        };
      }
    });
  },
};
