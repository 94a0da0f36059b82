import { decodeStartedWith, type StartedWith } from "../../protocol/started-with.ts";
import type { InstanceView } from "../../protocol/requests.ts";
import { describeCause } from "../cause.ts";
import { HOME, type Command } from "../command.ts";
import { insist } from "../confirm.ts";
import { withMonitor } from "../connection.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { line, writeLines, type Line } from "../../showing/line.ts";
import type { MonitorClient } from "../powers.ts";
import { prepareAndSign } from "../sign.ts";
import { openSigningSession } from "../signing-session.ts";
import { makeVisible } from "../../showing/visible.ts";
import { runInstance } from "./run.ts";

/** `aios restart`: shows what stopped an instance and, when a person says that it was a false alarm, starts it again. */
export const restart: Command = {
  path: ["restart"],
  summary: "show what stopped an instance; start it again, signed",
  positionals: [{ name: "INSTANCE", required: true, help: "its id, from aios ps --all" }],
  rest: null,
  flags: [HOME],
  details: [
    "The same command starts in the same folder, with the same environment, as a new instance at this terminal, under the grants in force. What the agent keeps between runs it finds again. A frozen instance goes on where it stands instead.",
    "You sign for an instance that is frozen or that became terminal; one that just ended is started again without a signature, as aios run does.",
  ],
  examples: ["restart i-0123456789abcdef"],
  async run(powers, args) {
    const instance = args.required("INSTANCE");
    return await withMonitor({ powers, args }, async (client, home) => {
      const { view, allFrozen } = await findStopped(client, instance);
      const signing = openSigningSession(powers, { home, keep: "session" });
      const parts = { powers, client, session: signing };
      writeLines(powers.err, [
        line(`instance ${view.instance} of agent ${view.agent} is ${view.state}`, "strong"),
        ...(await describeCause(client, view)),
      ]);
      // Before anything is asked: nothing goes on or starts then, whatever is signed.
      if (allFrozen !== null)
        throw CliFailure.of(
          "frozen",
          `Everything is frozen (record ${allFrozen}), so nothing starts or goes on`,
          "aios thaw --all lifts that, and you sign for it; then this command again",
        );
      if (view.state === "frozen") {
        await insist(powers, "Let it go on?");
        await prepareAndSign(parts, { purpose: "thaw-instance", document: { instance: view.instance } });
        writeLines(powers.out, [line(`${view.instance} goes on where it was started`)]);
        return EXIT.ok;
      }
      const before = await findStart(client, view.instance);
      writeLines(powers.err, describeStart(before));
      await insist(powers, "Start it again?");
      if (view.state === "terminal") await liftTombstone(parts, view);
      return await runInstance(
        { powers, client, home, signing, quiet: false },
        {
          agent: view.agent,
          command: before.command,
          code: before.code,
          workspace: before.workspace,
          task: before.words[0] ?? null,
          strict: before.strict,
          parent: view.ancestry[0] ?? null,
          environment: before.environment,
          holdAt: before.holdAt,
          streams: powers.random.hex(16),
          holdSeconds: before.holdSeconds,
        },
      );
    });
  },
};

async function findStopped(
  client: MonitorClient,
  instance: string,
): Promise<{ readonly view: InstanceView; readonly allFrozen: number | null }> {
  const { instances, allFrozen } = await client.request("ps", { all: true });
  const view = instances.find((each) => each.instance === instance);
  if (view === undefined)
    throw CliFailure.of("not-found", `There is no instance "${instance}"`, "aios ps --all lists them");
  if (view.state === "running")
    throw CliFailure.of(
      "not-found",
      `Instance ${instance} runs: there is nothing to start again`,
      `aios kill ${instance} ends it`,
    );
  // A signature lifts what another instance of the same agent did as well; the person must have seen that one.
  const { entries } = await client.request("log-show", { from: 0, limit: 10_000, instance: null, kinds: ["terminal"] });
  const last = entries.findLast(({ record }) => record.kind === "terminal" && record.agent === view.agent)?.record;
  if (view.state === "terminal" && last?.kind === "terminal" && last.instance !== instance)
    throw CliFailure.of(
      "not-found",
      `Agent ${view.agent} was ended for good by ${last.instance} since`,
      `aios restart ${last.instance} shows why`,
    );
  return { view, allFrozen };
}

async function findStart(client: MonitorClient, instance: string): Promise<StartedWith> {
  const kinds = ["instance-started"];
  const { entries } = await client.request("log-show", { from: 0, limit: 1, instance, kinds });
  const decoded = decodeStartedWith(entries[0]?.payload ?? null);
  if (decoded.kind === "ok") return decoded.value;
  throw CliFailure.of(
    "not-found",
    `What instance ${instance} was started with is not in the log any more`,
    "start it with aios run",
  );
}

function describeStart({ command, workspace, environment }: StartedWith): readonly Line[] {
  return [
    line(`command    ${command.map(makeVisible).join(" ")}`),
    line(`workspace  ${workspace === null ? "none" : makeVisible(workspace)}`),
    ...Object.entries(environment).map(([name, value]) => line(`variable   ${makeVisible(`${name}=${value}`)}`)),
  ];
}

/** An owner may have let the agent start again already: then there is nothing to sign. */
async function liftTombstone(parts: Parameters<typeof prepareAndSign>[0], view: InstanceView): Promise<void> {
  try {
    await prepareAndSign(parts, { purpose: "restart-agent", document: { agent: view.agent } });
  } catch (error) {
    if (!(error instanceof CliFailure && error.code === "unknown-instance")) throw error;
  }
}
