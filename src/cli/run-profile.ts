import type { Grant } from "../kernel/grant.ts";
import type { GrantView } from "../protocol/requests.ts";
import type { Profile } from "../protocol/profile.ts";
import type { Arguments } from "./arguments.ts";
import { confirm } from "./confirm.ts";
import { CliFailure } from "./failure.ts";
import { freeId } from "./free-id.ts";
import { signGrant } from "./grant-file.ts";
import { line, writeLines } from "../showing/line.ts";
import type { CliPowers, MonitorClient } from "./powers.ts";
import type { SigningSession } from "./signing-session.ts";
import { makeVisible } from "../showing/visible.ts";
import { MAXIMUM_YAML_BYTES } from "./yaml-bytes.ts";

/**
 * Programs that are recognised by their name, and the profiles that come with the substrate for each: the first is what is
 * offered, any other is taken while a grant of it is in force.
 */
const KNOWN: ReadonlyMap<string, { readonly profiles: readonly [string, ...string[]]; readonly title: string }> =
  new Map([
    ["claude", { profiles: ["claude-code", "claude-code-key"], title: "Claude Code" }],
    ["openclaw", { profiles: ["openclaw"], title: "OpenClaw" }],
  ]);
const SHIPPED_NAME = /^[a-z][a-z0-9-]{0,62}$/u;

/** A profile and where it came from, for messages. */
export interface NamedProfile {
  readonly profile: Profile;
  readonly source: string;
}

/** Reads a profile by the name of one that is shipped, or by its file. Throws `CliFailure` (`bad-profile`, `file-unreadable`). */
export async function loadProfile(powers: CliPowers, named: string): Promise<NamedProfile> {
  const { readProfile } = await import("./propose.ts");
  if (powers.profiles.list().includes(named)) {
    return { profile: readProfile(await powers.profiles.read(named), `profile ${named}`), source: `profile ${named}` };
  }
  if (SHIPPED_NAME.test(named) && !(await powers.files.exists(named))) {
    throw CliFailure.of(
      "bad-profile",
      `There is no profile "${named}", and no file of that name`,
      `those that come with aios: ${powers.profiles.list().join(", ")}`,
    );
  }
  return { profile: readProfile(await powers.files.read(named, MAXIMUM_YAML_BYTES), named), source: named };
}

/** The profile that a command line names, for the agent that it names. */
export async function findProfile(powers: CliPowers, args: Arguments): Promise<NamedProfile | null> {
  const named = args.value("profile");
  if (named === null) return null;
  const found = await loadProfile(powers, named);
  return { ...found, profile: { ...found.profile, agent: args.value("agent") ?? found.profile.agent } };
}

/**
 * The folder that an agent works in: the one that was named or, for a profile that works in one and a person at a
 * terminal, the one where they stand; it is named in what they sign.
 */
export function chooseWorkspace(powers: CliPowers, args: Arguments, profile: Profile | null): string | null {
  const named = args.value("workspace");
  if (named !== null) return powers.resolve(named);
  if (powers.person === null || profile === null || profile.sandbox.workspace === "none") return null;
  const standing = powers.standing();
  if (standing !== null) return standing;
  throw CliFailure.of(
    "usage",
    "You stand in your home folder or above it, which is no folder to hand to an agent",
    "go to a project's folder, or name one: --workspace DIR",
  );
}

export interface ProfileParts {
  readonly powers: CliPowers;
  readonly client: MonitorClient;
  readonly signing: SigningSession;
  readonly workspace: string | null;
}

/**
 * Offers what a profile asks for to be signed, when no grant of it is in force for this folder and a person is there. A
 * request, never authority. Gives the id of the grant that was signed, or null.
 */
export async function grantProfile(parts: ProfileParts, named: NamedProfile): Promise<string | null> {
  const { powers, client, signing, workspace } = parts;
  const { profile, source } = named;
  if (powers.person === null || (await isGranted(parts, profile))) return null;
  const { grants } = await client.request("grants", {});
  const folder = profile.sandbox.workspace === "none" ? profile.sandbox.folder : workspace;
  const asked = { ...profile, sandbox: { ...profile.sandbox, folder } };
  const { proposeGrant } = await import("./propose.ts");
  const proposed = await proposeGrant(
    { powers, client },
    { profile: asked, source, workspace, id: freeId(profile.profile, grants) },
  );
  await signGrant({ powers, client, session: signing }, proposed.grant);
  return proposed.grant.id;
}

/**
 * The profile that comes with the substrate for a program, when the person at the terminal wants it: asked once, and not
 * again while its grant is in force.
 */
export async function offerKnown(
  parts: Omit<ProfileParts, "workspace">,
  call: { readonly args: Arguments; readonly program: string },
): Promise<NamedProfile | null> {
  const { powers } = parts;
  const { args, program } = call;
  const known = KNOWN.get(program.slice(program.lastIndexOf("/") + 1));
  if (known === undefined || powers.person === null || args.values("grant").length > 0) return null;
  const named = await Promise.all(known.profiles.map((name) => loadProfile(powers, name)));
  const found = named.map(({ profile, source }) => ({
    source,
    profile: { ...profile, agent: args.value("agent") ?? profile.agent },
  }));
  for (const each of found) {
    const workspace = chooseWorkspace(powers, args, each.profile);
    if (await isGranted({ ...parts, workspace }, each.profile)) return each;
  }
  writeLines(powers.err, [line(`${makeVisible(program)} is ${known.title}; aios has a profile for it.`)]);
  const wanted = await confirm(powers, "See what it would be granted, to sign or not?");
  return wanted ? (found[0] ?? null) : null;
}

/** States of a grant in which nobody is asked for another one: what waits for its hours is signed for already. */
const SIGNED: ReadonlySet<GrantView["state"]> = new Set(["active", "not-yet", "outside-hours"]);

/** Whether a grant that was made from this profile is in force for this agent and folder, or will be. */
async function isGranted(parts: Omit<ProfileParts, "signing">, profile: Profile): Promise<boolean> {
  const { client, workspace } = parts;
  const { grants } = await client.request("grants", {});
  for (const view of grants) {
    if (!SIGNED.has(view.state) || !isOf(profile, view.id) || !view.agents.includes(profile.agent)) continue;
    if (covers((await client.request("grant-show", { id: view.id })).grant, workspace)) return true;
  }
  return false;
}

function covers({ sandbox: { folder } }: Grant, workspace: string | null): boolean {
  return folder === null || (workspace !== null && `${workspace}/`.startsWith(`${folder}/`));
}

function isOf(profile: Profile, id: string): boolean {
  return (
    id === profile.profile ||
    (id.startsWith(`${profile.profile}-`) && /^[0-9]+$/u.test(id.slice(profile.profile.length + 1)))
  );
}
