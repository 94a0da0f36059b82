import { Document } from "yaml";
import { isObject } from "../kernel/json.ts";
import type { OpenClawPlan } from "../extensions/adopt/openclaw.ts";
import type { ProviderFile } from "../extensions/adopt/openclaw-models.ts";
import { grantAskedFor, type Profile } from "../protocol/profile.ts";
import { readProfile } from "./propose.ts";
import { shellWord } from "./shell-word.ts";
import { writeShortGrant } from "./write-short-grant.ts";
import { readYaml } from "./yaml.ts";

/** Files by their names below the folder; those in `keys/` hold values, and no other does. */
export type DraftFiles = ReadonlyMap<string, string>;

/** The shipped profile with what a configuration needs besides. */
export function profileOf(shipped: Profile, plan: OpenClawPlan): Profile {
  const priced = plan.providers.every(({ models }) => Object.values(models).every(({ price }) => price !== undefined));
  const { budget } = shipped.limits;
  return {
    ...shipped,
    network: plan.destinations.map((each) => ({ ...each, pass: false, forward: null })),
    channels: plan.channels,
    inference: plan.providers.map(({ provider, models }) => ({
      provider,
      models: Object.keys(models),
      context: shipped.inference[0]?.context ?? null,
      output: Math.max(...Object.values(models).map(({ output }) => output)),
      features: [],
    })),
    // What a model without a price costs nobody knows; tokens are counted.
    limits: { ...shipped.limits, budget: budget === null || priced ? budget : { ...budget, cost: null } },
    // What opens the socket of a channel while nobody is there.
    lease: plan.destinations.length > 0,
  };
}

/** Everything that is written but the manifest and the backup. Throws `CliFailure` `bad-profile` when it would be none. */
export function draftFiles(shipped: Profile, plan: OpenClawPlan): DraftFiles {
  const profile = profileOf(shipped, plan);
  const grant = writeShortGrant(grantAskedFor(profile), {
    heading: [
      "Prepared by aios adopt openclaw. Nothing is granted yet.",
      "Read it, change it, then: aios grants sign FILE. Or let aios run --profile offer it.",
    ],
    servers: {},
  });
  const profileText = writeProfile(profile, grant);
  readProfile(profileText, "the profile that was prepared");
  return new Map([
    ["openclaw.json", `${JSON.stringify(plan.configuration, null, 2)}\n`],
    ["profile.yaml", profileText],
    ["grant.yaml", grant],
    ...plan.providers.map((each): [string, string] => [`provider-${each.provider}.yaml`, writeProvider(each)]),
    ...plan.keys.map(({ secret, value }): [string, string] => [`keys/${secret}`, `${value}\n`]),
  ]);
}

/** A profile is its grant with another head. */
function writeProfile({ profile, agent, environment }: Profile, grant: string): string {
  const read = readYaml(grant, "the grant that was prepared");
  const { grant: _id, agents: _agents, ...rules } = isObject(read) ? read : {};
  return yaml({ profile, agent, environment, ...rules }, [
    "OpenClaw as your configuration has it. A request: it grants nothing until you sign it.",
  ]);
}

function writeProvider(provider: ProviderFile): string {
  return yaml(provider, [
    "Prepared by aios adopt openclaw. Read who runs it (tier), what it may see (class), and set prices where they are missing.",
    "See docs/formats/provider.md, then: aios providers add FILE",
  ]);
}

function yaml(value: object, heading: readonly string[]): string {
  const document = new Document(value, { aliasDuplicateObjects: false });
  document.commentBefore = heading.map((row) => ` ${row}`).join("\n");
  return document.toString({ lineWidth: 110, flowCollectionPadding: true });
}

/** What only a person knows of a key that is bound to nothing. */
const UNKNOWN = "--to https://HOST --method METHOD --as header:NAME";

/** What the person types afterwards, in order. `steering`: files of theirs by where they belong in the agent's home. */
export function nextCommands(
  folder: string,
  plan: OpenClawPlan,
  steering: readonly (readonly [path: string, file: string])[],
): readonly string[] {
  const at = (name: string): string => shellWord(`${folder}/${name}`);
  const keys = plan.keys.flatMap(({ secret, binding }) => {
    const set = `aios secrets set ${secret} --file ${at(`keys/${secret}`)}`;
    // Many need none: only whoever knows where it goes can say. A comment, so that the rest can be pasted as it is.
    if (binding === null)
      return [`# ${secret} goes nowhere; if it must: ${set}, then aios secrets bind ${secret} ${UNKNOWN}`];
    const { to, methods } = binding;
    const sent = methods.map((method) => `--method ${method}`).join(" ");
    const bind = `aios secrets bind ${secret} --to ${shellWord(to)} ${sent}`;
    if ("after" in binding)
      return [set, `${bind} ${binding.after.map((path) => `--path ${shellWord(path)}`).join(" ")} --as path`];
    const { path, header, scheme } = binding;
    const as = shellWord(`header:${header}${scheme === null ? "" : `=${scheme}`}`);
    return [set, `${bind} --path ${shellWord(path)} --as ${as}`];
  });
  return [
    ...keys,
    ...plan.providers.map(({ provider }) => `aios providers add ${at(`provider-${provider}.yaml`)}`),
    `aios home put openclaw .openclaw/openclaw.json ${at("openclaw.json")}`,
    ...steering.map(([path, file]) => `aios home put openclaw ${shellWord(path)} ${shellWord(file)}`),
    `aios run --profile ${at("profile.yaml")} -- openclaw gateway`,
  ];
}
