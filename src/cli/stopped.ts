import type { StoppedInstance, StoppedPart, StopReport } from "../protocol/stop-report.ts";
import { CliFailure } from "./failure.ts";
import { join, line, type Line } from "../showing/line.ts";

const NAMES: { readonly [part in StoppedPart["part"]]: readonly [one: string, more: string] } = {
  agent: ["agent", "agents"],
  face: ["face", "faces"],
  driver: ["driver", "drivers"],
  broker: ["broker", "brokers"],
  injector: ["injector", "injectors"],
  courier: ["courier of git", "couriers of git"],
  storage: ["storage device", "storage devices"],
  ports: ["published ports", "published ports"],
};

/** Why a freeze left nothing of an instance that could go on. */
const OVERTAKEN = "it was still starting or ending, so there is nothing that aios thaw lets go on; start it anew";

/** What was confirmed of each instance, one line each, and under it what was not. */
export function describeStopped(word: "frozen" | "ended", instances: readonly StoppedInstance[]): readonly Line[] {
  return instances.flatMap((stopped) => {
    const { instance, agent, confirmed, admission, network, parts, recorded } = stopped;
    const overtaken = word === "frozen" && stopped.life === "ended";
    const now = overtaken ? "ended" : word;
    const done = [
      `admission ${admission} ms`,
      ...(network === null ? [] : [`network ${network} ms`]),
      ...parts.filter(({ state }) => state !== "unconfirmed").map(describePart),
      ...(recorded === null ? [] : [`record ${recorded} ms`]),
    ].join(", ");
    return [
      join(confirmed ? ["good", now] : ["bad", `NOT CONFIRMED ${now}`], ` ${instance} ${agent}  ${done}`),
      ...(overtaken ? [line(`  ended, not frozen (not-started): ${OVERTAKEN}`, "wait")] : []),
      ...missing(stopped).map((what) => line(`  not confirmed: ${what}`, "bad")),
    ];
  });
}

function describePart({ part, state, sandboxes, processes, ms }: StoppedPart): string {
  const [one, more] = NAMES[part];
  const name = sandboxes === 1 ? one : `${sandboxes} ${more}`;
  const word = state === "ending" ? "stopped for good" : "still";
  const found = state === "gone" ? "gone" : `${processes} ${processes === 1 ? "process" : "processes"} ${word}`;
  return `${name} ${found} ${ms} ms`;
}

function missing({ network, parts, starting, recorded }: StoppedInstance): readonly string[] {
  return [
    ...parts
      .filter(({ state }) => state === "unconfirmed")
      .map(({ part, processes, ms }) => `${NAMES[part][0]}, ${processes} processes after ${ms} ms`),
    ...(network === null ? ["network: its connections were not seen to be closed"] : []),
    ...(starting === 0 ? [] : [`${starting} sandboxes that were being made`]),
    ...(recorded === null ? ["record: the log cannot be written, so a crash would forget this"] : []),
  ];
}

/** Throws `CliFailure` `not-stopped` when anything was not confirmed; `everything`: a freeze of everything was asked for. */
export function refuseUnconfirmed({ instances, all }: StopReport, everything: boolean): void {
  const open = instances.filter(({ confirmed }) => !confirmed).map(({ instance }) => instance);
  if (open.length > 0)
    throw CliFailure.of(
      "not-stopped",
      `Of ${open.length} of ${instances.length} instances not all was confirmed: ${open.slice(0, 8).join(", ")}`,
      "aios kill ends them; aios serve --stop ends everything with the monitor",
    );
  if (everything && all === null)
    throw CliFailure.of(
      "not-stopped",
      "Everything is frozen, and the log cannot be written, so a crash would forget that",
      "aios doctor says what is wrong with it",
    );
}
