import { BUDGETED, isOfContext } from "../../kernel/memory-budget.ts";
import { isItemPath } from "../../kernel/memory.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { signedItem, type FrozenItem } from "../../protocol/frozen-item.ts";
import { parseSize } from "../../protocol/units.ts";
import { join, line, writeLines, type Line } from "../../showing/line.ts";
import { showBytes } from "../../showing/moment.ts";
import { plainQuestion } from "../../showing/plain-statement.ts";
import { MAXIMUM_BYTES } from "../../showing/render-action.ts";
import { makeVisible } from "../../showing/visible.ts";
import type { Arguments } from "../arguments.ts";
import { HOME, type Command } from "../command.ts";
import { insist } from "../confirm.ts";
import { withMonitor } from "../connection.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { readInteger } from "../integer.ts";
import type { CliPowers, MonitorClient } from "../powers.ts";
import { showText } from "../show-text.ts";
import { prepareAndSign } from "../sign.ts";
import { openSigningSession } from "../signing-session.ts";
import type { Purpose } from "../../kernel/owner-roles.ts";
import { describeFrom, readSnapshotName } from "./memory-frozen.ts";
import { AGENT, readAgent, readEntry, readQuarantine } from "./memory.ts";

/** `aios memory freeze`. */
export const memoryFreeze: Command = {
  path: ["memory", "freeze"],
  summary: "freeze texts as a snapshot nobody changes; you sign it",
  positionals: [AGENT, { name: "NAME", required: true, help: "name of the snapshot: identity" }],
  rest: null,
  flags: [
    { name: "file", value: "FILE", help: "a text of yours, under its own name", repeats: true },
    { name: "entry", value: "N", help: "an entry of the agent's memory, as entry-N.txt", repeats: true },
    HOME,
  ],
  details: [
    "All texts are shown in full. The snapshot gets the next version; one of an earlier version never takes its place again.",
    "An entry keeps its labels and sources: whoever reads the frozen text gets them, and a quarantine of its source reaches it too. Your signature does not make a text trusted; what you vouch for, write into a file of yours. What is ephemeral, in quarantine or another agent's is refused.",
  ],
  examples: ["memory freeze claude identity --file SOUL.md --file RULES.md"],
  async run(powers, args) {
    const [agent, name] = [readAgent(args.required("AGENT")), readSnapshotName(args.required("NAME"))];
    return await signing({ powers, args }, async (client) => {
      const entries = [...new Set(args.values("entry").map(readEntry))];
      const files = await filesOf(powers, args);
      if (files.length + entries.length === 0)
        throw CliFailure.of("usage", "Nothing is named to freeze", "--file FILE or --entry N");
      const { version, salt, items: taken } = await client.request("memory-to-freeze", { agent, name, entries });
      const items = [...files, ...taken].toSorted((one, other) => (one.path < other.path ? -1 : 1));
      const shown = items.flatMap(({ path, text, from }) => [
        line(`${path}:`, "strong"),
        ...describeFrom(from),
        ...showText(text, powers),
      ]);
      return {
        purpose: "freeze-memory",
        document: { agent, name, version, salt, items: items.map(signedItem) },
        shown: [...shown, line(`snapshot ${name} of ${agent}, version ${version}`, "strong")],
        question: "Freeze this?",
        done: `froze ${name} of ${agent}, version ${version}`,
      };
    });
  },
};

/** `aios memory budget`. */
export const memoryBudget: Command = {
  path: ["memory", "budget"],
  summary: "say how much an agent may keep or load; you sign it",
  positionals: [AGENT, { name: "PLANE", required: true, help: "append-only, ephemeral, working-set or context" }],
  rest: null,
  flags: [
    { name: "bytes", value: "SIZE", help: "at most so many bytes: 16MiB" },
    { name: "count", value: "N", help: "at most so many entries; of the working set and context, tokens" },
    HOME,
  ],
  details: ["What is not given stays as it is. A budget below what is there keeps what is there and takes no more."],
  examples: ["memory budget claude append-only --bytes 64MiB --count 100000"],
  async run(powers, args) {
    const agent = readAgent(args.required("AGENT"));
    const what = BUDGETED.find((each) => each === args.required("PLANE"));
    if (what === undefined) throw CliFailure.of("usage", `"${args.required("PLANE")}" is not ${BUDGETED.join(", ")}`);
    const [size, number] = [args.value("bytes"), args.value("count")];
    return await signing({ powers, args }, async (client) => {
      const { planes } = await client.request("memory-planes", {});
      const now = planes.find((each) => each.agent === agent && each.what === what);
      const bytes = size === null ? now?.mostBytes : (parseSize(size) ?? undefined);
      const count =
        number === null
          ? now?.mostCount
          : readInteger(number, { name: "--count", min: 0, max: isOfContext(what) ? 1_000_000_000 : 10_000_000 });
      if (bytes === undefined || count === undefined)
        throw CliFailure.of(
          "usage",
          "Both --bytes SIZE and --count N are needed here",
          "for example --bytes 16MiB --count 20000",
        );
      const unit = isOfContext(what) ? "tokens" : "entries";
      const before = now === undefined ? "" : ` (now ${showBytes(now.mostBytes)}, ${now.mostCount})`;
      return {
        purpose: "set-memory-budget",
        document: { agent, what, bytes, count },
        shown: [line(`${what} of ${agent}: at most ${showBytes(bytes)} (${bytes}) in ${count} ${unit}${before}`)],
        question: "Set this budget?",
        done: `set the budget of ${agent}`,
      };
    });
  },
};

/** `aios memory release`. */
export const memoryRelease: Command = {
  path: ["memory", "release"],
  summary: "take a quarantine back; you sign it",
  positionals: [
    { name: "BY", required: true, help: "as aios memory planes shows it: source" },
    { name: "VALUE", required: true, help: "as aios memory planes shows it" },
  ],
  rest: null,
  flags: [HOME],
  details: ["From then on agents get again what came from there, with its labels."],
  examples: ["memory release source web/fetch"],
  async run(powers, args) {
    const { by, value } = readQuarantine(args.required("BY"), args.required("VALUE"));
    return await signing({ powers, args }, async () => ({
      purpose: "release-memory",
      document: { by, value },
      shown: [line(`${by} ${makeVisible(value)}`)],
      question: plainQuestion({ purpose: "release-memory", value: `${by} ${value}` }),
      done: `released ${by} ${makeVisible(value)}`,
    }));
  },
};

interface Asked {
  readonly purpose: Purpose;
  readonly document: JsonObject;
  readonly shown: readonly Line[];
  readonly question: string;
  readonly done: string;
}

/** Shows what is to be signed, asks, signs and says what came of it. What cannot be taken is refused before anybody reads it. */
export async function signing(
  { powers, args }: { readonly powers: CliPowers; readonly args: Arguments },
  ask: (client: MonitorClient) => Promise<Asked>,
): Promise<ExitCode> {
  return await withMonitor({ powers, args }, async (client, home) => {
    const { purpose, document, shown, question, done } = await ask(client);
    await client.request("prepare", { purpose, document });
    writeLines(powers.err, shown);
    await insist(powers, question);
    const session = openSigningSession(powers, { home, keep: "once" });
    const seq = await prepareAndSign({ powers, client, session }, { purpose, document });
    writeLines(powers.out, [join(["good", done], ` (record ${seq})`)]);
    return EXIT.ok;
  });
}

/** Texts of the owner's own: nothing is known of where they come from, and whoever signs them vouches for them. */
async function filesOf(powers: CliPowers, args: Arguments): Promise<readonly FrozenItem[]> {
  return await Promise.all(
    args.values("file").map(async (file) => {
      const path = file.split("/").at(-1) ?? "";
      if (!isItemPath(path)) throw CliFailure.of("usage", `"${path}" cannot be the name of a text in a snapshot`);
      return { path, text: await powers.files.read(file, MAXIMUM_BYTES), from: null };
    }),
  );
}
