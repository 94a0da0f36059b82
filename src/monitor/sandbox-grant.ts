import { PROGRAMS, WORKSPACES, type Grant, type SandboxGrant } from "../kernel/grant.ts";
import { givesLess, leastHome, type HomeGrant } from "../kernel/home-grant.ts";
import type { InstanceState, State } from "./state.ts";
import { usableGrants } from "./visible.ts";

/** What the sandbox of an instance gets: of everything that its grants say, what is in force for it. */
export interface InstanceSandbox {
  readonly mode: SandboxGrant["workspace"];
  readonly programs: SandboxGrant["programs"];
  readonly home: HomeGrant | null;
  /** Control files that it may change in its workspace, by name. */
  readonly open: readonly string[];
}

/** An instance, or one that is asked for. */
type Acting = Pick<InstanceState, "agent" | "ancestry" | "workspace">;

/**
 * The least that the acting agent and everyone above it were granted (CHILD-LESS).
 * An ancestor that is not known has granted nothing.
 */
export function leastSandbox(state: State, acting: Acting, now: number): InstanceSandbox {
  const { workspace } = acting;
  const granted = agentsOf(state, acting).map((agent) =>
    agent === null ? [] : usableGrants(state, agent, now).map(({ sandbox }) => sandbox),
  );
  const least = (rank: (sandbox: SandboxGrant) => number): number =>
    Math.min(...granted.map((sandboxes) => Math.max(0, ...sandboxes.map(rank))));
  const mode = least((sandbox) => (isAbout(sandbox, workspace) ? WORKSPACES.indexOf(sandbox.workspace) : 0));
  return {
    mode: WORKSPACES[mode] ?? "none",
    programs: PROGRAMS[least(({ programs }) => PROGRAMS.indexOf(programs))] ?? "none",
    home: leastHome(granted.map((sandboxes) => sandboxes.map(({ home }) => home))),
    open: leastOpen(granted.map((sandboxes) => sandboxes.filter((sandbox) => isAbout(sandbox, workspace)))),
  };
}

/** Whether one sandbox gives less than another: neither a mount nor leave to start programs can be taken from one that runs. */
export function isLess(less: InstanceSandbox, than: InstanceSandbox): boolean {
  return (
    WORKSPACES.indexOf(less.mode) < WORKSPACES.indexOf(than.mode) ||
    PROGRAMS.indexOf(less.programs) < PROGRAMS.indexOf(than.programs) ||
    givesLess(less.home, than.home) ||
    than.open.some((name) => !less.open.includes(name))
  );
}

/**
 * The folder that a driver sees as its workspace, or null when the grants of the agent that declare it, or those of
 * somebody above it, are about another one.
 */
export function driverWorkspace(state: State, driver: string, acting: Acting): string | null {
  const { workspace } = acting;
  const declares = (grant: Grant): boolean => Object.hasOwn(grant.drivers, driver);
  const covered = agentsOf(state, acting).every((agent, index) =>
    [...(state.byAgent.get(agent ?? "")?.values() ?? [])].some(
      (grant) => (index > 0 || declares(grant)) && isAbout(grant.sandbox, workspace),
    ),
  );
  return covered ? workspace : null;
}

/** What some grant of everybody in a chain opens. */
function leastOpen(chain: readonly (readonly SandboxGrant[])[]): readonly string[] {
  const [own = [], ...above] = chain.map((sandboxes) => sandboxes.flatMap(({ open }) => open ?? []));
  return [...new Set(own)].filter((name) => above.every((names) => names.includes(name)));
}

/** Names, the acting one first. */
function agentsOf(state: State, { agent, ancestry }: Acting): readonly (string | null)[] {
  return [agent, ...ancestry.map((id) => state.instances.get(id)?.agent ?? null)];
}

/** Whether a grant is about this folder: it names none, the folder itself, or one around it. */
function isAbout({ folder }: SandboxGrant, workspace: string | null): boolean {
  return folder === null || (workspace !== null && `${workspace}/`.startsWith(folder === "/" ? "/" : `${folder}/`));
}
