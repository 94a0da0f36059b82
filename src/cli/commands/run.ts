import { STAGES, type Stage } from "../../kernel/codes.ts";
import { AGENT_NAME } from "../../kernel/names.ts";
import type { Grant } from "../../kernel/grant.ts";
import { decode } from "../../protocol/decode.ts";
import { ENVIRONMENT_NAME, environment } from "../../protocol/launch.ts";
import type { Profile } from "../../protocol/profile.ts";
import type { HeldView } from "../../protocol/held-view.ts";
import type { LogRecord } from "../../protocol/record.ts";
import type { GrantView, RunRequest } from "../../protocol/requests.ts";
import { openAgentSession } from "../agent-session.ts";
import { alertPerson } from "../alert.ts";
import type { Arguments } from "../arguments.ts";
import { tellBrought, tellUnread } from "../brought.ts";
import { HOME, QUIET, type Command } from "../command.ts";
import { confirm } from "../confirm.ts";
import { withMonitor } from "../connection.ts";
import { describeGrant } from "../../showing/describe-grant.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { refuseEnded } from "../ended-agent.ts";
import { FROZEN_SECONDS, followFreezes } from "../frozen.ts";
import { signGrantFile } from "../grant-file.ts";
import { readInteger } from "../integer.ts";
import { createHoldBell } from "../hold-bell.ts";
import { explainLoss } from "../lost-monitor.ts";
import { line, writeLines } from "../../showing/line.ts";
import { showMoment } from "../../showing/moment.ts";
import type { CliPowers, Home, MonitorClient } from "../powers.ts";
import { chooseWorkspace, findProfile, grantProfile, offerKnown, type NamedProfile } from "../run-profile.ts";
import { openSigningSession, type SigningSession } from "../signing-session.ts";
import { makeVisible } from "../../showing/visible.ts";

/** Why an instance ended whose effects could not be recorded. */
const LOG_UNAVAILABLE = "log-unavailable";
const HOLD_SECONDS = { terminal: 600, unattended: 60 };

/** `aios run`: starts an agent in its sandbox under the grants in force and lends it this process's streams. */
export const run: Command = {
  path: ["run"],
  summary: "run an agent in a sandbox, under the grants in force",
  positionals: [],
  rest: "CMD…",
  flags: [
    { name: "agent", value: "NAME", help: "name that grants use (default: the name of the command)" },
    { name: "profile", value: "FILE", help: "what the agent asks for, or a shipped one by name; you sign" },
    { name: "grant", value: "FILE", help: "a grant to show and sign first", repeats: true },
    { name: "workspace", value: "DIR", help: "folder that agent and tools see as /workspace" },
    { name: "task", value: "TEXT", help: "your own words; recipients in them count as named by you" },
    { name: "strict", value: null, help: "the first denied action freezes the instance" },
    { name: "parent", value: "ID", help: "run as a delegate of this instance; never more than it may" },
    { name: "hold-at", value: "STAGE", help: `hold every action at a stage: ${STAGES.join(", ")}`, repeats: true },
    { name: "hold-seconds", value: "N", help: "how long a held action waits (default: 600, without a terminal 60)" },
    { name: "verbose", value: null, help: "without a terminal too: show in full what it may do" },
    QUIET,
    { name: "env", value: "NAME=VALUE", help: "a value for the agent's environment; never a secret", repeats: true },
    HOME,
  ],
  details: [
    "A program that aios knows (claude) is offered its profile at a terminal, which you read and sign. A profile that works in a folder gets the one where you stand unless --workspace names another; what you sign names it.",
    "Without a grant the agent runs and can do nothing outside its sandbox. Held actions are announced here; Ctrl-] shows them, and you answer with y or n and the passphrase, which is asked for once and kept in memory only while this command runs. Without a terminal nobody can approve: what is held expires and is denied.",
    `When the instance is frozen this command says so and waits: Ctrl-] asks whether it goes on, which you sign, or ends. Without a terminal it is ended unless aios thaw lets it go on within ${FROZEN_SECONDS} seconds.`,
    "The exit code is the agent's own, or 6 when the substrate ended it.",
  ],
  examples: [
    "run -- claude",
    "run --profile generic --agent fixer -- ./agent.sh",
    'run --agent notes --workspace . --task "Summarise notes.txt" -- node agent.js',
  ],
  async run(powers, args) {
    const named = await findProfile(powers, args);
    const typed = args.rest.length > 0 ? args.rest : (named?.profile.command ?? []);
    const [program] = typed;
    if (program === undefined) {
      throw CliFailure.of("usage", "aios run needs a command after --", "for example: aios run -- claude");
    }
    readName(args.value("agent") ?? named?.profile.agent ?? nameAgent(program));
    readFlags(powers, { args, profile: null });
    // Before anything is asked, read or signed for it.
    const found = await powers.agents.findProgram(typed);
    await confirmCode(powers, named?.profile ?? null);
    return await withMonitor({ powers, args }, async (client, home) => {
      const signing = openSigningSession(powers, { home, keep: "session" });
      const known = named ?? (await offerKnown({ powers, client, signing }, { args, program }));
      const profile = known?.profile ?? null;
      const agent = readName(args.value("agent") ?? profile?.agent ?? nameAgent(program));
      const [path = program, ...words] = found.command;
      const command = [path, ...(profile?.arguments ?? []), ...words];
      const flags = readFlags(powers, { args, profile });
      const workspace = chooseWorkspace(powers, args, profile);
      return await start({
        powers,
        args,
        flags,
        client,
        home,
        signing,
        agent,
        program: { ...found, command },
        named: known,
        workspace,
      });
    });
  },
};

/** Flags that can be malformed, read before anything is shown, signed or started. */
type Flags = Pick<RunRequest, "environment" | "holdAt" | "holdSeconds">;

function readFlags(
  powers: CliPowers,
  { args, profile }: { readonly args: Arguments; readonly profile: Profile | null },
): Flags {
  const otherwise = powers.person === null ? HOLD_SECONDS.unattended : HOLD_SECONDS.terminal;
  return {
    environment: readEnvironment(args.values("env"), profile?.environment ?? {}),
    holdAt: args.values("hold-at").map(readStage),
    holdSeconds: readInteger(args.value("hold-seconds") ?? String(otherwise), {
      name: "--hold-seconds",
      min: 1,
      max: 86_400,
    }),
  };
}

interface Start {
  readonly powers: CliPowers;
  readonly args: Arguments;
  readonly flags: Flags;
  readonly client: MonitorClient;
  readonly home: Home;
  readonly agent: string;
  readonly program: Pick<RunRequest, "command" | "code">;
  readonly named: NamedProfile | null;
  readonly signing: SigningSession;
  readonly workspace: string | null;
}

async function start(parts: Start): Promise<ExitCode> {
  const { powers, args, flags, client, agent, program, named, signing, workspace } = parts;
  const profile = named?.profile ?? null;
  await refuseEnded(client, agent);
  for (const path of args.values("grant"))
    await signGrantFile({ powers, client, session: signing }, { path, workspace });
  const signed = named === null ? null : await grantProfile(parts, named);
  writeLines(powers.err, await describeAuthority(parts, signed));

  const request: RunRequest = {
    agent,
    command: program.command,
    code: [...program.code, ...(profile?.code ?? [])].filter((path, index, all) => all.indexOf(path) === index),
    workspace,
    task: args.value("task") ?? (await confirmTask(powers, profile)),
    strict: args.has("strict") || profile?.strict === true,
    parent: args.value("parent"),
    environment: flags.environment,
    holdAt: flags.holdAt,
    streams: powers.random.hex(16),
    holdSeconds: flags.holdSeconds,
  };
  return await runInstance({ ...parts, quiet: args.has("quiet") }, request);
}

/**
 * What a profile names as its program's code becomes readable to the agent without any signature, and a profile is often
 * somebody else's file: it is never authority, so a person says yes first. Without a person it is refused (ERRORS-DENY).
 */
async function confirmCode(powers: CliPowers, profile: Profile | null): Promise<void> {
  const code = profile?.code ?? [];
  if (code.length === 0) return;
  writeLines(powers.err, [
    line("The agent's sandbox will also see, read-only:", "wait"),
    ...code.map((path) => line(`  ${makeVisible(path)}`)),
  ]);
  if (!(await confirm(powers, "Show it these?")))
    throw CliFailure.of("not-confirmed", "Nothing was started: you did not say yes");
}

/** Words from a file endorse nobody until a person has said that they are meant (DESIGN 5). */
async function confirmTask(powers: CliPowers, profile: Profile | null): Promise<string | null> {
  const task = profile?.task ?? null;
  if (task === null || powers.person === null) return null;
  const shown = makeVisible(task);
  return (await confirm(powers, `Task from the profile: ${shown}\nAre these your words?`)) ? task : null;
}

/** How long the streams of an instance that ended with its monitor may take to end, milliseconds. */
const LAST_WORDS_MS = 5000;

/** Kinds of record that a person at this command is told of. */
const TOLD: ReadonlySet<LogRecord["kind"]> = new Set([
  "denied",
  "intent",
  "instance-frozen",
  "instance-thawed",
  "instance-resumed",
  "all-thawed",
  "driver-ended",
  "limit-reached",
]);

/** Starts an instance with this process's streams and stays with it until it has ended; the exit code says how. */
export async function runInstance(
  parts: Pick<Start, "powers" | "client" | "home" | "signing"> & { readonly quiet: boolean },
  request: RunRequest,
): Promise<ExitCode> {
  const { powers, client, home, signing } = parts;
  const watcher = await home.connect();
  try {
    const early: (LogRecord | HeldView)[] = [];
    let hear = (told: LogRecord | HeldView): void => void early.push(told);
    watcher.onEvent("record", ({ record }) => {
      if (TOLD.has(record.kind)) hear(record);
    });
    watcher.onEvent("held", (event) => hear(event.held));
    await watcher.request("watch", { instance: null });
    const session = await openAgentSession({ powers, client, signing }, { home: home.path, ticket: request.streams });
    const { instance, output, overruled } = await client.request("run", request);
    if (overruled.length > 0) writeLines(powers.err, [line(tellOverruled(overruled), "wait")]);
    session.onStarted(instance, output);
    const ring = createHoldBell(powers, parts);
    const freezes = followFreezes({ powers, client, listener: session }, instance);
    hear = (told) => {
      if (!("kind" in told)) {
        if (told.instance !== instance) return;
        session.onHeld(told);
        ring(told);
      } else if (told.kind === "denied" || told.kind === "intent") {
        session.onAnswered(told.action, told.kind === "denied" ? told.code : null);
      } else if (told.kind === "driver-ended") {
        if (told.instance === instance) session.onServerEnded(told);
      } else if (told.kind === "limit-reached") {
        if (told.instance === instance && told.driver !== undefined) session.onServerLimit(told.driver, told.limit);
      } else freezes.hear(told);
    };
    for (const told of early) hear(told);
    // Ctrl-C at the terminal goes to the agent as a key; this is the signal, from outside.
    void powers.interrupted().then(() => client.request("kill", { instance }).catch(() => undefined));
    const ended = await client
      .request("wait", { instance })
      .finally(async () => {
        freezes.stop();
        await session.endQuestions("This run is over, so nothing is asked any more");
      })
      .catch(async (error: unknown) => {
        const { agent, workspace } = request;
        const lost = await explainLoss(error, home, { instance, agent, workspace });
        // The last that it said is shown, and the terminal is the person's again.
        if (lost?.gone === true) await Promise.race([session.close(), elapsed(powers, LAST_WORDS_MS)]);
        throw lost?.failure ?? error;
      });
    await session.close();
    if (request.workspace !== null) await sayWritten({ powers, client }, instance);
    if (ended.state === "ended" && ended.exit !== null) return ended.exit;
    const state = ended.state === "terminal" ? "terminal" : "stopped";
    powers.err.write(
      `aios: instance ${instance} is ${state}: ${makeVisible(ended.why ?? "no reason given")} (${state})\n`,
    );
    powers.err.write(
      // What the log could not take it has nothing to show of.
      ended.why === LOG_UNAVAILABLE
        ? "hint: what it does could not be recorded: aios doctor says why, a full disk for one\n"
        : `hint: aios log show --instance ${instance} says what it did\nhint: aios restart ${instance} shows what caused it and starts it again\n`,
    );
    if (ended.why !== "killed") alertPerson(powers, { instance, state, code: ended.why ?? "no reason given" });
    return EXIT.stopped;
  } finally {
    signing.forget();
    watcher.close();
  }
}

function elapsed({ timer }: Pick<CliPowers, "timer">, ms: number): Promise<void> {
  return new Promise((resolve) => void timer.after(ms, resolve));
}

function tellOverruled(names: readonly string[]): string {
  const shown = names.map(makeVisible).join(", ");
  return `Its environment has another value of ${shown} than you named: that is how it finds what its grant gives it.`;
}

/** One line on what can be taken back; a run whose files nobody kept has none. */
async function sayWritten({ powers, client }: Pick<Start, "powers" | "client">, instance: string): Promise<void> {
  const say = (lines: readonly string[]): void => {
    for (const told of lines) powers.err.write(told.startsWith("hint:") ? `${told}\n` : `aios: ${told}\n`);
  };
  try {
    const report = await client.request("undo", { instance, how: "dry" });
    if (report.changed === 0) return;
    const changes = report.changed === 1 ? "1 change" : `${report.changed} changes`;
    say([
      `${changes} in the workspace; aios undo ${instance} takes them back`,
      ...tellBrought(report.brought, instance),
    ]);
  } catch (error) {
    if (!(error instanceof CliFailure)) throw error;
    // That the monitor is gone is told anyway.
    if (error.code !== "monitor-lost") say(tellUnread(error.message, instance));
  }
}

/** What the agent may do, less the grant that the person has read and signed a moment ago. */
async function describeAuthority(parts: Start, signed: string | null): Promise<readonly ReturnType<typeof line>[]> {
  const { powers, args, client, agent, workspace } = parts;
  const { grants } = await client.request("grants", {});
  const its = grants.filter((view) => view.agents.includes(agent));
  const mine = its.filter((view) => view.state === "active");
  const waiting = its.flatMap((view) => describeWaiting(view, powers));
  const hidden =
    workspace === null
      ? []
      : [
          line(
            `The folder ${makeVisible(workspace)} is not shown to it: no grant in force gives its sandbox the workspace.`,
            "wait",
          ),
        ];
  if (mine.length === 0) {
    return [
      line(
        `No grant is in force for ${agent}${waiting.length > 0 ? " now" : ""}: it runs in its sandbox and can do nothing outside it.`,
        "wait",
      ),
      ...waiting,
      ...hidden,
      line("aios grants propose PROFILE prepares one to sign.", "faint"),
    ];
  }
  const shown: Grant[] = [];
  for (const view of mine) shown.push((await client.request("grant-show", { id: view.id })).grant);
  const now = powers.now();
  const inFull = powers.person !== null || args.has("verbose");
  const described = shown.flatMap((grant) => {
    if (grant.id === signed) return [];
    if (!inFull)
      return [line(`Under the grant ${grant.id}; aios grants show ${grant.id} says what it allows.`, "faint")];
    return describeGrant(grant, { now, offset: powers.offset(now), columns: powers.err.columns, servers: false });
  });
  const shows = shown.some(({ sandbox }) => sandbox.workspace !== "none");
  if (workspace === null && shows)
    return [...described, ...waiting, line("No folder is shown to it in this run: --workspace DIR names one.", "wait")];
  return [...described, ...waiting, ...(shows ? [] : hidden)];
}

/** A grant that waits for its time or its hours, and when they begin; nothing for any other. */
function describeWaiting({ id, lease, state, opens }: GrantView, { offset }: CliPowers): ReturnType<typeof line>[] {
  if (state !== "not-yet" && state !== "outside-hours") return [];
  const when = opens === null ? "its hours do not come soon" : `it is from ${showMoment(opens, offset(opens))} on`;
  return [line(`The ${lease ? "lease" : "grant"} ${id} is not in force now: ${when}.`, "wait")];
}

/** An agent's name, or the usage fault that says how one looks. */
function readName(agent: string): string {
  if (AGENT_NAME.test(agent)) return agent;
  throw CliFailure.of(
    "usage",
    `"${agent}" cannot be an agent's name`,
    "a to z, 0 to 9 and -, beginning with a letter: --agent NAME",
  );
}

/** The name of the program without folders, in the letters that agent names have. */
function nameAgent(program: string): string {
  const base = program.slice(program.lastIndexOf("/") + 1).toLowerCase();
  return base.replaceAll(/[^a-z0-9-]/gu, "-").slice(0, 31);
}

/** A stage as a person types it. Throws `CliFailure` `usage`. */
export function readStage(text: string): Stage {
  const stage = STAGES.find((known) => known === text);
  if (stage === undefined) throw CliFailure.of("usage", `there is no stage "${text}"`, `one of: ${STAGES.join(", ")}`);
  return stage;
}

/** A profile's values under those of `--env`. Refuses what the monitor would: it ends the connection over such a request. */
function readEnvironment(
  values: readonly string[],
  under: { readonly [name: string]: string },
): { readonly [name: string]: string } {
  const all: { readonly [name: string]: string } = { ...under, ...Object.fromEntries(values.map(readVariable)) };
  const decoded = decode(environment, all);
  if (decoded.kind === "ok") return decoded.value;
  throw CliFailure.of("usage", `--env: ${decoded.path.slice(1) || "the environment"} ${decoded.message}`);
}

function readVariable(typed: string): readonly [string, string] {
  const at = typed.indexOf("=");
  const name = typed.slice(0, Math.max(at, 0));
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/u.test(name)) throw CliFailure.of("usage", `--env takes NAME=VALUE, not "${typed}"`);
  if (!ENVIRONMENT_NAME.test(name)) {
    throw CliFailure.of(
      "usage",
      `--env cannot set ${name}`,
      "PATH, HOME, names of AIOS itself, of over 64 letters, and those that make programs load code are refused",
    );
  }
  return [name, typed.slice(at + 1)];
}
