import { line, writeLines } from "../../showing/line.ts";
import { makeVisible } from "../../showing/visible.ts";
import { HOME, type Command } from "../command.ts";
import { withMonitor } from "../connection.ts";
import { DETONATE, detonateStored, insistOnDetonation } from "../detonate-stored.ts";
import { EXIT } from "../exit-codes.ts";
import { describeReport, insistOnGrave, readReport } from "../extension-report.ts";
import { CliFailure } from "../failure.ts";
import { findExtension } from "../find-extension.ts";
import { freeId } from "../free-id.ts";
import { signGrant } from "../grant-file.ts";
import { callExtension } from "../show-extension.ts";
import { openSigningSession } from "../signing-session.ts";
import { describeTools, storedServer, updatedGrant } from "../update-extension.ts";
import { EXTENSION } from "./ext.ts";

/** `aios ext update`. */
export const extUpdate: Command = {
  path: ["ext", "update"],
  summary: "put another version in a grant's place; you sign it",
  positionals: [
    { name: "GRANT", required: true, help: "the grant that uses the version before, from aios grants list" },
    { ...EXTENSION, help: "the other version, which is in the store: its id, the beginning of it, or NAME@VERSION" },
  ],
  rest: null,
  flags: [
    { name: "workspace", value: "DIR", help: "folder that its server sees while it is asked what it offers" },
    DETONATE,
    HOME,
  ],
  details: [
    "Shows what differs from the version that the grant uses: files, what it asks for, tools, and what speaks against it. The version before stays in force until you sign, and when you do not.",
    "With --detonate the new version is run in a sealed sandbox first, by the grant's own command, and what it did stands in the report. Where something grave was found, in its files or when it was run, you are asked once more.",
    "The new grant gives no more than the one before: a new tool is not allowed, and the end is the same. You sign twice, since two versions of one server cannot be in force together: the end of the grant before, and the new one. What runs on the version before ends with it.",
  ],
  examples: ["ext add files@1.3.0", "ext update files-0f3a81c2 files@1.3.0"],
  async run(powers, args) {
    return await withMonitor({ powers, args }, async (client, home) => {
      const { grant: old, view } = await client.request("grant-show", { id: args.required("GRANT") });
      if (view.state === "revoked" || view.state === "expired")
        throw CliFailure.of("bad-grant", `Grant "${old.id}" is ${view.state}`, "aios ext trust makes a new one");
      const { name, source: before } = storedServer(old);
      const { id } = await findExtension(client, args.required("EXT"));
      if (id === before.extension) throw CliFailure.of("bad-grant", `Grant "${old.id}" is over that version already`);
      const report = await readReport(client, id);
      const trusted = await client.request("extension-show", { id: before.extension });
      if (report.shown.damaged !== null)
        throw CliFailure.of("bad-grant", `${callExtension(report.shown.extension)} is not as it was added`);
      const source = { ...before, extension: id };
      const folder = args.value("workspace");
      const workspace = folder === null ? old.sandbox.folder : powers.resolve(folder);
      if (source.workspace !== "none" && workspace === null)
        throw CliFailure.of("usage", `The server ${name} works in a folder`, "name one with --workspace DIR");
      const detonation = await detonateStored(powers, args, {
        home,
        shown: report.shown,
        words: { command: source.command },
      });
      insistOnDetonation(detonation, report.shown);
      const seen = { ...report, trusted, detonation };
      const probed = (await client.request("probe", { drivers: { [name]: source }, workspace })).drivers[name];
      if (probed === undefined) throw CliFailure.of("bad-grant", `The server ${name} did not say what it offers`);
      const { grants } = await client.request("grants", {});
      const next = updatedGrant(old, {
        id: freeId(`${name}-${id.slice(7, 15)}`, grants),
        server: name,
        source,
        probed,
      });
      writeLines(powers.err, [
        ...describeReport(seen, { powers, columns: powers.err.columns }),
        ...describeTools(old, next, name).map((row) => line(`  ${makeVisible(row)}`, "wait")),
        line(""),
      ]);
      await insistOnGrave(powers, seen);
      const session = openSigningSession(powers, { home, keep: "session" });
      try {
        await signGrant({ powers, client, session }, next, { instead: old.id });
      } finally {
        session.forget();
      }
      return EXIT.ok;
    });
  },
};
