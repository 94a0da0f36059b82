import { canBeQuarantined, QUARANTINES, type Quarantine } from "../../kernel/memory-quarantine.ts";
import { describeSources } from "../../kernel/memory-sources.ts";
import { isOfContext } from "../../kernel/memory-budget.ts";
import { AGENT_NAME } from "../../kernel/names.ts";
import { PLANES, type Plane } from "../../kernel/memory.ts";
import type { EntryView, TakenCount, Unreadable } from "../../protocol/memory-table.ts";
import { join, line, writeLines, type Line } from "../../showing/line.ts";
import { showBytes, showMoment } from "../../showing/moment.ts";
import { makeVisible } from "../../showing/visible.ts";
import type { Arguments } from "../arguments.ts";
import { HOME, JSON_OUTPUT, type Command, type Positional } from "../command.ts";
import { withMonitor, writeJson } from "../connection.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { readInteger } from "../integer.ts";
import { meantBy } from "../meant-source.ts";
import type { CliPowers } from "../powers.ts";
import { shellWord } from "../shell-word.ts";
import { layOutTable } from "../table.ts";
import {
  describeProposed,
  describeSnapshot,
  describeStanding,
  QUARANTINED,
  readSnapshotName,
} from "./memory-frozen.ts";

export const AGENT: Positional = { name: "AGENT", required: true, help: "the agent's name, as grants use it" };
export const PLANE: Positional = { name: "PLANE", required: true, help: "append-only or ephemeral" };
const BY: Positional = { name: "BY", required: true, help: "instance, source, entry, instance-alone or entry-alone" };
const VALUE: Positional = { name: "VALUE", required: true, help: "its id, a tool as driver/tool, or a number" };

/** `aios memory planes`. */
export const memoryPlanes: Command = {
  path: ["memory", "planes"],
  summary: "list what agents keep in memory, and how much they may",
  positionals: [],
  rest: null,
  flags: [JSON_OUTPUT, HOME],
  details: [
    "The working set is what one instance may load of memory into its context: bytes, and tokens by estimate.",
    "The context is what one of its requests to a model may hold in all.",
  ],
  examples: ["memory planes"],
  async run(powers, args) {
    return await withMonitor({ powers, args }, async (client) => {
      const answer = await client.request("memory-planes", {});
      const { proposals, more: older } = await client.request("memory-proposals", {});
      if (args.has("json")) {
        writeJson(powers, { ...answer, proposals, moreProposals: older });
        return EXIT.ok;
      }
      if (answer.planes.length === 0) writeLines(powers.out, [line("No agent keeps anything in memory.")]);
      else {
        const rows = answer.planes.map(({ agent, what, bytes, count, mostBytes, mostCount }) => [
          agent,
          what,
          isOfContext(what) ? "" : showBytes(bytes),
          isOfContext(what) ? "" : String(count),
          showBytes(mostBytes),
          `${mostCount}${isOfContext(what) ? " tokens" : ""}`,
        ]);
        writeLines(powers.out, layOutTable(["AGENT", "PLANE", "SIZE", "ENTRIES", "AT MOST", ""], rows));
      }
      const more = [
        ...answer.snapshots.map(describeStanding),
        ...proposals.map(describeProposed),
        ...(older ? [line("there may be older proposals: aios log show --kind memory-proposed", "faint")] : []),
        ...answer.quarantines.map(({ by, value }) => line(`in quarantine: ${by} ${makeVisible(value)}`, "wait")),
        ...describeDamage(answer.damage),
        ...(answer.waits
          ? [line("what is past its end waits: say that the time is right (aios doctor --set-clock)", "wait")]
          : []),
      ];
      writeLines(powers.out, more);
      return EXIT.ok;
    });
  },
};

function describeDamage(damage: keyof typeof DAMAGE | null): readonly Line[] {
  return damage === null ? [] : [line(`${DAMAGE[damage].found}: ${DAMAGE[damage].hint}`, "bad")];
}

/** What is said of a home whose entries do not open, and what helps. */
export const DAMAGE = {
  index: {
    found: "entries of memory do not open where they are read from (index/memory.db), and do from the log",
    hint: "nothing is lost: aios serve --stop, then aios doctor --rebuild makes that file anew",
  },
  keys: {
    found: "entries of memory do not open: a file of keys/memory is gone or was changed",
    hint: "before anything new is kept: aios serve --stop, move keys/memory aside, put back that of a copy made since the last entry ended; aios memory verify names what stays lost, and aios memory erase puts its end on record",
  },
} as const;

/** `aios memory list`. */
export const memoryList: Command = {
  path: ["memory", "list"],
  summary: "list entries of a plane, or those that have some words",
  positionals: [AGENT, PLANE, { name: "WORD", required: false, repeats: true, help: "words that an entry must have" }],
  rest: null,
  flags: [{ name: "before", value: "N", help: "entries below this number" }, JSON_OUTPUT, HOME],
  details: ["What is in quarantine is listed too, and says so; agents do not get it."],
  examples: ["memory list claude append-only", "memory list claude ephemeral cheese cellar"],
  async run(powers, args) {
    return await showEntries(powers, args);
  },
};

/** `aios memory search`. */
export const memorySearch: Command = {
  path: ["memory", "search"],
  summary: "find entries of a plane by words that they have",
  positionals: [AGENT, PLANE, { name: "WORD", required: true, repeats: true, help: "words that an entry must have" }],
  rest: null,
  flags: [JSON_OUTPUT, HOME],
  details: [
    "An entry is found that has all of the words, whole and in any order; the 50 newest are shown. What is in quarantine is found too, and says so; agents do not get it.",
  ],
  examples: ["memory search claude append-only cheese cellar"],
  run: showEntries,
};

/** The newest entries of a plane, or those with the words that are named. */
async function showEntries(powers: CliPowers, args: Arguments): Promise<ExitCode> {
  const [agent, plane] = [readAgent(args.required("AGENT")), readPlane(args.required("PLANE"))];
  const words = args.list("WORD").join(" ");
  const before = words === "" ? args.value("before") : null;
  return await withMonitor({ powers, args }, async (client) => {
    const { entries, unreadable } = await client.request("memory-entries", {
      agent,
      plane,
      before: before === null ? null : readEntry(before),
      query: words === "" ? null : words,
    });
    if (args.has("json")) writeJson(powers, { entries, unreadable: { code: "memory-damaged", ...unreadable } });
    else if (entries.length === 0 && unreadable.count === 0) {
      const which = words === "" ? "" : " with these words";
      writeLines(powers.out, [line(`The ${plane} plane of ${agent} has no entry${which}.`)]);
    } else {
      const rows = entries.map((each) => [
        String(each.entry),
        showMoment(each.at, powers.offset(each.at)),
        each.by,
        each.labels.join(" "),
        each.quarantined === null ? "" : each.quarantined === "named" ? "quarantine" : "quarantine (sources cut)",
        each.text.slice(0, 60).toWellFormed(),
      ]);
      if (rows.length > 0) writeLines(powers.out, layOutTable(["ENTRY", "SINCE", "BY", "LABELS", "", "TEXT"], rows));
      writeLines(powers.out, [...describeUnreadable(unreadable, words !== ""), ...describeHidden(entries)]);
    }
    return EXIT.ok;
  });
}

/** What should be there and is not shown, each by its number as far as they were named. */
function describeUnreadable({ count, entries, before }: Unreadable, bySearch: boolean): readonly Line[] {
  if (count === 0) return [];
  const may = bySearch ? "may have these words and does not open" : "does not open";
  const more = count - entries.length;
  return [
    ...entries.map((entry) => line(`entry ${entry} ${may} (memory-damaged)`, "bad")),
    ...(more === 0 ? [] : [line(`and ${more} more that do not open (memory-damaged)`, "bad")]),
    ...(before === null
      ? []
      : [line(`nothing below entry ${before} was looked at${bySearch ? "" : `: --before ${before}`}`, "wait")]),
    line("aios memory verify says of each what is wrong with it, and what helps", "faint"),
  ];
}

/** `aios memory show`. */
export const memoryShow: Command = {
  path: ["memory", "show"],
  summary: "show an entry or a snapshot, and where it comes from",
  positionals: [
    { name: "ENTRY", required: true, help: "its number, or the agent of a snapshot" },
    { name: "NAME", required: false, help: "name of a snapshot" },
  ],
  rest: null,
  flags: [JSON_OUTPUT, HOME],
  details: [
    "The text is an agent's; its controls are shown as what they are. Of a snapshot the newest version is shown, as it was signed.",
  ],
  examples: ["memory show 12", "memory show claude identity"],
  async run(powers, args) {
    const name = args.optional("NAME");
    if (name !== null) return await showSnapshot(powers, args, name);
    const entry = readEntry(args.required("ENTRY"));
    return await withMonitor({ powers, args }, async (client) => {
      const found = await client.request("memory-entry", { entry });
      if (args.has("json")) writeJson(powers, found);
      else writeLines(powers.out, describeEntry(found, powers));
      return EXIT.ok;
    });
  },
};

async function showSnapshot(powers: CliPowers, args: Arguments, name: string): Promise<ExitCode> {
  const of = { agent: readAgent(args.required("ENTRY")), name: readSnapshotName(name) };
  return await withMonitor({ powers, args }, async (client) => {
    const found = await client.request("memory-snapshot", of);
    if (args.has("json")) writeJson(powers, found);
    else writeLines(powers.out, describeSnapshot(found));
    return EXIT.ok;
  });
}

/** `aios memory verify`. */
export const memoryVerify: Command = {
  path: ["memory", "verify"],
  summary: "compare memory with the log, its keys and its index",
  positionals: [],
  rest: null,
  flags: [JSON_OUTPUT, HOME],
  details: [
    "Looks at every entry as it is read from, at the file it is read from (index/memory.db), at what the log has sealed of it, and at every snapshot. Ends with 1 when one is not as it was kept or signed; `aios log verify` is about the records themselves.",
  ],
  examples: ["memory verify"],
  async run(powers, args) {
    return await withMonitor({ powers, args }, async (client) => {
      const { checked, damaged, file, frozen } = await client.request("memory-verify", {});
      const wrong = damaged.length + file.length + frozen.length;
      if (args.has("json")) writeJson(powers, { checked, damaged, file, frozen });
      else {
        const found = [
          ...damaged.map(({ entry, why }) => line(`entry ${entry}: ${why}`, "bad")),
          ...file.map((why) => line(makeVisible(`index/memory.db: ${why}`), "bad")),
          ...frozen.map(({ agent, name, why }) => line(makeVisible(`snapshot ${name} of ${agent}: ${why}`), "bad")),
        ];
        const all = wrong === 0 ? join(["good", "all as it was kept"]) : line(`${wrong} are not as they were`, "bad");
        writeLines(powers.out, [...found, line(`${checked} entries looked at`), all]);
        if (damaged.length + file.length > 0) writeLines(powers.out, WAY_OUT);
      }
      return wrong === 0 ? EXIT.ok : EXIT.no;
    });
  },
};

/** `aios memory quarantine`. */
export const memoryQuarantine: Command = {
  path: ["memory", "quarantine"],
  summary: "take out of agents' reach what came from somewhere",
  positionals: [BY, VALUE],
  rest: null,
  flags: [{ name: "dry-run", value: null, help: "say what would go, and by what path; nothing is taken" }, HOME],
  details: [
    "A source is a tool as records name it (files/read_text_file): out goes everything that an instance wrote after it had read from there. What came by the network names its host (net/fetch example.org); net/fetch is every host. With an instance or an entry goes what others wrote after they were given something of it, however far on; instance-alone and entry-alone leave that. An entry names 64 sources; where it has more it may go without need, and never stays. Nothing is destroyed; `aios memory release` takes it back, signed.",
  ],
  examples: [
    "memory quarantine source web/fetch --dry-run",
    "memory quarantine source web/fetch",
    "memory quarantine instance i-0123456789abcdef",
    "memory quarantine entry-alone 12",
  ],
  async run(powers, args) {
    const quarantine = requireCanBe(readQuarantine(args.required("BY"), args.required("VALUE")));
    return await withMonitor({ powers, args }, async (client) => {
      if (args.has("dry-run")) {
        writeLines(powers.out, describeTaken(await client.request("memory-weigh", quarantine), "would go out of"));
        return EXIT.ok;
      }
      const { seq, ...taken } = await client.request("memory-quarantine", quarantine);
      const since = seq === null ? " already" : ` (record ${seq})`;
      writeLines(powers.out, [
        line(`in quarantine: ${quarantine.by} ${makeVisible(quarantine.value)}${since}`),
        ...describeTaken(taken, "out of"),
      ]);
      return EXIT.ok;
    });
  },
};

function describeTaken(taken: TakenCount, goes: string): readonly Line[] {
  const { entries, perhaps, frozen, recalling, planes } = taken;
  const also = perhaps === 0 ? "" : `, ${perhaps} of them since they have more sources than they name`;
  const texts = [
    ...(frozen === 0 ? [] : [line(`frozen texts ${goes} agents' reach: ${frozen}`)]),
    ...taken.running.map(({ agent, instance, how }) => {
      const has = how === "named" ? "has read from there" : "may have read from there";
      return line(`${agent} (${instance}) runs, ${has} and keeps that in its context: aios kill ${instance}`, "wait");
    }),
  ];
  if (entries + perhaps === 0) return [line("no entry that is there now comes from there", "wait"), ...texts];
  const paths = [
    ...(recalling.entries === 0
      ? []
      : [line(`  of the ${entries} that name it, ${recalling.entries} recalled others that go`)]),
    ...(recalling.perhaps === 0
      ? []
      : [line(`  of the ${perhaps} that do not name all, ${recalling.perhaps} recalled others that go`, "wait")]),
    ...(planes.length < 2 ? [] : planes.map(({ agent, plane, count }) => line(`  ${count} of ${agent}, ${plane}`))),
  ];
  return [line(`entries ${goes} agents' reach: ${entries + perhaps}${also}`), ...paths, ...texts];
}

function describeHidden(shown: readonly EntryView[]): readonly Line[] {
  const [named, perhaps] = (["named", "perhaps"] as const).map(
    (how) => shown.filter(({ quarantined }) => quarantined === how).length,
  );
  return (named ?? 0) + (perhaps ?? 0) === 0
    ? []
    : describeTaken(
        {
          entries: named ?? 0,
          perhaps: perhaps ?? 0,
          recalling: { entries: 0, perhaps: 0 },
          planes: [],
          frozen: 0,
          running: [],
        },
        "out of",
      );
}

/** What is read from is a copy: all but what the log itself lacks comes back with it. */
const WAY_OUT = [
  line("What memory is read from is made anew from the log: aios serve --stop, then aios doctor --rebuild.", "faint"),
  line("An entry that is named again after that is damaged in the log or has lost its key.", "faint"),
];

/** An entry for people, whole. */
export function describeEntry(found: EntryView, powers: Pick<CliPowers, "offset">): readonly Line[] {
  const { entry, agent, plane, at, expires, by, instance, labels, sources, quarantined } = found;
  const moment = (time: number): string => showMoment(time, powers.offset(time));
  return [
    join(["strong", `entry ${entry}`], ` in the ${plane} plane of ${agent}`),
    line(`  by ${by} (${instance}) at ${moment(at)}${expires === null ? "" : `, until ${moment(expires)}`}`),
    line(`  labels: ${labels.length === 0 ? "none" : labels.join(", ")}`),
    line(`  it had read: ${sources.length === 0 ? "nothing" : describeSources(sources).map(makeVisible).join(", ")}`),
    ...(quarantined === null ? [] : [line(`  ${QUARANTINED[quarantined]}`, "wait")]),
    ...found.text.split("\n").map((row) => line(`  | ${makeVisible(row)}`)),
  ];
}

export function readQuarantine(by: string, value: string): Quarantine {
  const found = QUARANTINES.find((each) => each === by);
  if (found !== undefined) return { by: found, value };
  throw CliFailure.of("usage", `"${by}" is not ${QUARANTINES.join(", ")}`);
}

/** What is on record may be anything, and is taken back as it stands there. */
function requireCanBe({ by, value }: Quarantine): Quarantine {
  if (canBeQuarantined({ by, value })) return { by, value };
  if (by === "source")
    throw CliFailure.of("usage", `"${value}" cannot be a source: no entry ever has it`, hintFor(value));
  const what = by.startsWith("entry") ? "a number of an entry" : "an id of an instance";
  throw CliFailure.of("usage", `"${value}" is not ${what}`, "aios memory list and aios memory show say both");
}

function hintFor(named: string): string {
  const meant = meantBy(named);
  if (meant === null) return "a source is a tool as aios memory show names it: driver/tool, or net/fetch HOST";
  return `aios memory quarantine ${meant.by} ${shellWord(meant.value)}`;
}

export function readAgent(name: string): string {
  if (AGENT_NAME.test(name)) return name;
  throw CliFailure.of(
    "usage",
    `"${name}" cannot be an agent's name`,
    "aios memory planes shows those that keep something",
  );
}

export function readEntry(text: string): number {
  return readInteger(text, { name: "ENTRY", min: 0, max: Number.MAX_SAFE_INTEGER });
}

function readPlane(name: string): Plane {
  const plane = PLANES.find((each) => each === name && each !== "frozen");
  if (plane !== undefined) return plane;
  throw CliFailure.of("usage", `"${name}" is not append-only or ephemeral`, "aios memory planes lists what is frozen");
}
