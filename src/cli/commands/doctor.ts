import { checkSecondScreen } from "./owners-second-screen.ts";
import { DAMAGE } from "./memory.ts";
import { checkTelemetry } from "./telemetry.ts";
import { checkWitnesses } from "./witness-list.ts";
import { HOME, JSON_OUTPUT, type Command } from "../command.ts";
import { insist } from "../confirm.ts";
import { describeLimits } from "../limit-check.ts";
import { findHome, withMonitor, writeJson } from "../connection.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure, type FailureCode } from "../failure.ts";
import { join, line, writeLines, type Line } from "../../showing/line.ts";
import { tellDays } from "../../showing/describe-retention.ts";
import { showMoment } from "../../showing/moment.ts";
import type { LogTrouble } from "../../protocol/log-trouble.ts";
import type { CliRequests } from "../../protocol/requests.ts";
import type { Check, CliPowers, Home, MonitorClient } from "../powers.ts";
import { prepareAndSign } from "../sign.ts";
import { openSigningSession } from "../signing-session.ts";
import { makeVisible } from "../../showing/visible.ts";
import { padText } from "../../showing/width.ts";

const SIGNS = {
  ok: ["good", "ok     "],
  missing: ["bad", "missing"],
  fault: ["bad", "fault  "],
  note: ["wait", "note   "],
} as const;

/** `aios doctor`: what this machine and this home have of what the substrate needs. */
export const doctor: Command = {
  path: ["doctor"],
  summary: "check this machine and the home; rebuild the index",
  positionals: [],
  rest: null,
  flags: [
    { name: "rebuild", value: null, help: "delete the index and the kept state and make them again from the log" },
    {
      name: "replay",
      value: null,
      help: "read the whole log again and compare what is kept of it, so that starts are short",
    },
    { name: "set-clock", value: null, help: "after a clock jump: say that the present time is right; you sign it" },
    JSON_OUTPUT,
    HOME,
  ],
  details: [
    "Exit code 3 when something is missing, 1 when the log is not the one that others have seen, or the monitor is there and does not answer. The log is the source of truth: what --rebuild deletes can always be made again.",
    "A start takes grants and everything else that an owner signed from the log itself, and the rest from a state that is kept. --replay finds one that was forged by somebody with the keys of the home; it takes about a minute for a million records, and exit code 1 says that something differs.",
  ],
  examples: ["doctor", "doctor --rebuild"],
  async run(powers, args) {
    if (args.has("rebuild")) return await rebuild(powers, await findHome(powers, args));
    if (args.has("replay")) return await withMonitor({ powers, args }, (client) => replay(powers, client));
    if (args.has("set-clock")) {
      return await withMonitor({ powers, args }, async (client, home) => {
        const at = powers.now();
        await insist(powers, `Is it now ${showMoment(at, powers.offset(at))}?`);
        const session = openSigningSession(powers, { home, keep: "once" });
        const seq = await prepareAndSign({ powers, client, session }, { purpose: "set-clock", document: { at } });
        writeLines(powers.out, [line(`the clock is set (record ${seq})`, "good")]);
        return EXIT.ok;
      });
    }
    const home = powers.home(args.value("home"));
    const machine = await powers.probe((await home.exists()) ? home.path : null);
    const unusable = machine.some((check) => check.name === "home");
    const refused = machine.some(({ name, state }) => name === "log" && state === "missing");
    const own = unusable ? [] : await checkHome(powers, home, refused);
    // Of what both say something, the monitor that runs knows it of itself.
    const checks = [...machine.filter(({ name }) => !own.some((check) => check.name === name)), ...own];
    if (args.has("json")) writeJson(powers, { checks });
    else writeLines(powers.out, checks.flatMap(showCheck));
    if (checks.some(({ state }) => state === "missing")) return EXIT.setup;
    return checks.some(({ state }) => state === "fault") ? EXIT.no : EXIT.ok;
  },
};

async function rebuild(powers: CliPowers, home: Home): Promise<number> {
  const running = await home.attach();
  if (running !== null) {
    running.close();
    throw CliFailure.of(
      "monitor-running",
      "Cannot rebuild the index while the monitor runs",
      "aios serve --stop ends it",
    );
  }
  const dropped = await home.dropIndex();
  writeLines(
    powers.out,
    dropped.map((path) => line(`deleted ${makeVisible(path)}`)),
  );
  const client = await home.connect();
  try {
    // The index is made when something is asked for that needs it; of a long log it is made beside the answer.
    const { size } = await client.request("log-show", { from: 0, limit: 1, instance: null, kinds: ["start"] });
    writeLines(powers.out, [line(`the index is made again from ${size} records`, "good")]);
    return EXIT.ok;
  } finally {
    client.close();
  }
}

async function replay(powers: CliPowers, client: MonitorClient): Promise<number> {
  const { size, differs } = await client.request("state-compare", {});
  if (differs.length === 0) {
    writeLines(powers.out, [line(`what is kept of ${size} records is what they make`, "good")]);
    return EXIT.ok;
  }
  writeLines(powers.out, [
    join(
      ["bad", "differs"],
      `  what is kept of ${size} records is not what they make: ${differs.map(makeVisible).join(", ")}`,
    ),
    line(
      "what was kept is deleted, but the monitor that runs began with it: aios serve --stop ends it, and the next reads the whole log",
      "faint",
    ),
  ]);
  return EXIT.no;
}

/** `refused`: a start would refuse the log. */
async function checkHome(powers: CliPowers, home: Home, refused: boolean): Promise<readonly Check[]> {
  if (!(await home.exists())) {
    return [{ name: "home", state: "note", found: `none at ${home.path}`, hint: "aios init makes one" }];
  }
  const checks: Check[] = [{ name: "home", state: "ok", found: home.path, hint: null }];
  for (const found of await home.key.damaged())
    checks.push({ name: "owner key", state: "missing", found, hint: "put the file back from a copy, or move it away" });
  try {
    const client = await home.attach();
    if (client === null) return [...checks, await checkStart(home, refused)];
    try {
      for await (const each of askMonitor(powers, client)) checks.push(...each);
    } finally {
      client.close();
    }
  } catch (error) {
    // What needs no monitor is said all the same, and so is what this one said before it stood still.
    if (!(error instanceof CliFailure) || !NO_ANSWER.has(error.code)) throw error;
    const known = checks.filter(({ name }) => name !== "monitor");
    return [...known, { name: "monitor", state: "fault", found: error.message, hint: error.hint }];
  }
  return checks;
}

/** Codes that say that the monitor does not answer. */
const NO_ANSWER: ReadonlySet<string> = new Set<FailureCode>(["monitor-stopped", "monitor-lost", "monitor-unreachable"]);

/** Of a monitor that does not listen. */
async function checkStart(home: Home, refused: boolean): Promise<Check> {
  const starting = await home.starting();
  const [found, hint] =
    starting === null
      ? ["does not run", refused ? "none would start: see log" : "other commands start it when they need it"]
      : [`starts (process ${starting})`, "a long log takes a while; doctor says more when it runs"];
  return { name: "monitor", state: "note", found, hint };
}

/** What a monitor that runs says of itself and of its home, as it answers. */
async function* askMonitor(powers: CliPowers, client: MonitorClient): AsyncGenerator<readonly Check[]> {
  const { version, start, limits } = await client.request("hello", { version: powers.version });
  const found = `runs, version ${version}, start ${start.slice(0, 8)}`;
  yield [{ name: "monitor", state: "ok", found, hint: null }, describeLimits(limits, null)];
  const owned = await client.request("owners", {});
  yield [checkOwners(owned), ...checkSecondScreen(owned)];
  const { log } = await client.request("ps", { all: false });
  yield checkLog(await client.request("log-pace", {}), log);
  yield checkRetention(await client.request("retention", {}));
  yield checkMemory(await client.request("memory-planes", {}));
  yield checkTelemetry(await client.request("telemetry", {}));
  yield checkWitnesses(await client.request("witnesses", {}));
  yield checkAlerts(powers, await client.request("alerts", {}));
}

/** Who can administer at a terminal; whoever is the last of them and loses the key file loses the home without codes. */
function checkOwners({ owners, recovery }: CliRequests["owners"]["ok"]): Check {
  if (owners.length === 0)
    return { name: "owner", state: "missing", found: "none enrolled", hint: "aios init enrols one" };
  const found = `${owners.length} enrolled`;
  const [administrator, ...others] = owners.filter(
    ({ roles, key }) => key.kind === "ed25519" && roles.includes("administer"),
  );
  const left = recovery.codes.filter((salt) => salt !== null).length;
  if (administrator === undefined || others.length > 0 || left > 0)
    return { name: "owner", state: "ok", found, hint: null };
  return {
    name: "owner",
    state: "note",
    found: `${found}; ${administrator.name} alone can administer at a terminal, and there is no recovery code`,
    hint: "without that key file nobody can: aios owners codes, or aios owners add --key with administer",
  };
}

/** A log that keeps up is nothing to look at. */
function checkLog(pace: CliRequests["log-pace"]["ok"], trouble: LogTrouble | null): readonly Check[] {
  if (trouble !== null)
    return [{ name: "log", state: "missing", found: `${trouble.message} (${trouble.code})`, hint: trouble.hint }];
  const { slow, millis, waiting } = pace;
  if (!slow) return [];
  const found = `slow: ${millis} ms until a record is durable, ${waiting} wait`;
  const hint = "every effect waits for it and nothing is lost; look at the disk that the home is on";
  return [{ name: "log", state: "note", found, hint }];
}

/** A home that keeps all payloads for ever is nothing to look at. */
function checkRetention({ days, waits }: CliRequests["retention"]["ok"]): readonly Check[] {
  if (Object.keys(days).length === 0) return [];
  const found = `${tellDays(days)}; looked for once an hour`;
  if (!waits) return [{ name: "retention", state: "ok", found, hint: null }];
  const hint = "nothing goes since the clock jumped: aios doctor --set-clock says that the time is right";
  return [{ name: "retention", state: "note", found, hint }];
}

/** Memory that opens is nothing to look at. */
function checkMemory({ damage }: CliRequests["memory-planes"]["ok"]): readonly Check[] {
  return damage === null ? [] : [{ name: "memory", state: "missing", ...DAMAGE[damage] }];
}

/** A home that alerts nobody elsewhere is nothing to look at. */
function checkAlerts(powers: CliPowers, { receivers }: CliRequests["alerts"]["ok"]): readonly Check[] {
  return receivers.map(({ to, told, failed, left, fault }) => {
    const at = fault === null ? "" : showMoment(fault.at, powers.offset(fault.at));
    const words = [
      `${to} ${told} told`,
      ...(failed === 0 ? [] : [`${failed} failed`]),
      ...(left === 0 ? [] : [`${left} left out`]),
      ...(fault === null ? [] : [`last at ${at}: ${fault.why}`]),
    ];
    const hint = "nothing waited for it, and the log has what it was about; look at the address in alert-address";
    const well = fault === null;
    return { name: "alerts", state: well ? "ok" : "note", found: words.join(", "), hint: well ? null : hint };
  });
}

function showCheck(check: Check): readonly Line[] {
  const [tone, word] = SIGNS[check.state];
  const first = join([tone, word], `  ${padText(check.name, 14)}  ${makeVisible(check.found)}`);
  return check.hint === null ? [first] : [first, line(`${" ".repeat(25)}→ ${makeVisible(check.hint)}`, "faint")];
}
