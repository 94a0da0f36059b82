import type { JsonValue } from "../kernel/json.ts";
import { commandWord, hostPath } from "./grant-parts.ts";
import { boolean, decode, list, names, nullable, object, type DecodeResult, type Decoder } from "./decode.ts";
import { agentName, grantId } from "./fields.ts";
import { command, environment, task } from "./launch.ts";
import { RULE_DEFAULTS, RULES, type ShortGrant, type ShortLimits, type ShortRules } from "./short-grant.ts";

/**
 * What an agent asks for: a request, never authority. It is the short form of a grant with `profile` in the place of
 * `grant`, one `agent`, and how to start it. With every default filled in.
 */
export interface Profile extends ShortRules {
  /** Name of the profile, and of the grant that is proposed from it. */
  readonly profile: string;
  readonly agent: string;
  /** argv of the agent, or null: then the command line must say it. */
  readonly command: readonly string[] | null;
  /** Words between the program and what the command line says after it: what the program must be told to work here. */
  readonly arguments: readonly string[];
  /** Host paths of the agent's own program, mounted read-only at the same place. */
  readonly code: readonly string[];
  /** Extra variables for the agent; never secrets. */
  readonly environment: { readonly [name: string]: string };
  /** Whether the first denial freezes the instance. */
  readonly strict: boolean;
  /**
   * What the agent is to do. Words from a file are not words that AIOS took from the human: they endorse nobody until a
   * person at the terminal has confirmed them (DESIGN 5).
   */
  readonly task: string | null;
}

/** A profile only asks; the end that it asks for when it names none is a working day. The owner sees it before signing. */
const DAY_OF_WORK: ShortLimits = {
  uses: null,
  rate: null,
  bytes: null,
  starts: null,
  expires: { kind: "after", span: 8 * 3_600_000 },
  budget: null,
  hours: null,
};

const PROFILE: Decoder<Profile> = object<Profile>(
  {
    profile: grantId,
    agent: agentName,
    command: nullable(command),
    arguments: list(commandWord, { max: 64 }),
    code: names(hostPath, { max: 64 }),
    environment,
    strict: boolean(),
    task: nullable(task),
    ...RULES,
  },
  {
    defaults: {
      command: null,
      arguments: [],
      code: [],
      environment: {},
      strict: false,
      task: null,
      limits: DAY_OF_WORK,
      ...RULE_DEFAULTS,
    },
  },
);

/** Decodes a profile from the JSON value of its YAML. Unknown fields are refused with their path. */
export function decodeProfile(value: JsonValue): DecodeResult<Profile> {
  return decode(PROFILE, value);
}

/** The grant that an owner would have to sign for a profile to get what it asks for. */
export function grantAskedFor(profile: Profile, id: string = profile.profile): ShortGrant {
  const { agent, sandbox, servers, network, channels, git, inference, allow, limits, lease } = profile;
  return { grant: id, agents: [agent], sandbox, servers, network, channels, git, inference, allow, limits, lease };
}
