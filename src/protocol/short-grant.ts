import { RISKS, type Allow, type Label, type SandboxGrant, type ToolClass, type Workspace } from "../kernel/grant.ts";
import type { Hours } from "../kernel/hours.ts";
import { isObject, type JsonValue } from "../kernel/json.ts";
import { DRIVER_NAME } from "../kernel/names.ts";
import { MOST_RESTS, NO_REST } from "../kernel/rest.ts";
import {
  ARGUMENT_NAME,
  commandWord,
  fieldType,
  hostPath,
  recipientKind,
  serverUrl,
  WHERE,
  workspace,
} from "./grant-parts.ts";
import {
  boolean,
  decode,
  integer,
  list,
  names,
  nullable,
  object,
  oneOf,
  record,
  text,
  transform,
  type DecodeResult,
  type Decoder,
  type Fields,
} from "./decode.ts";
import { agentName, digest, grantId, labels } from "./fields.ts";
import { PROMPT_NAME, RESOURCE_URI, TOOL_NAME } from "./offer.ts";
import { Refusal } from "./refusal.ts";
import { BUDGET, INFERENCE, type ShortBudget, type ShortInference } from "./short-inference.ts";
import { HOURS } from "./short-hours.ts";
import { CHANNELS, type ShortChannel } from "./short-channels.ts";
import { GIT, type ShortRepository } from "./short-git.ts";
import { NETWORK, type ShortDestination } from "./short-network.ts";
import { SANDBOX } from "./short-sandbox.ts";
import { parseDuration, parseInstant, parseRate, parseSize, quantity } from "./units.ts";

/** Where a server comes from, as people write it: an installed npm package, the store, a command of their own, an address. */
export type ShortSource =
  | { readonly kind: "package"; readonly name: string }
  | { readonly kind: "command"; readonly command: readonly string[]; readonly code: readonly string[] }
  | { readonly kind: "extension"; readonly extension: string; readonly command: readonly string[] }
  | { readonly kind: "url"; readonly url: string };

export interface ShortServer {
  readonly source: ShortSource;
  /** Appended to the command of a package or command. */
  readonly args: readonly string[];
  readonly workspace: Workspace;
  readonly tools: { readonly [tool: string]: ToolClass };
  readonly resources: readonly string[];
  readonly prompts: readonly string[];
}

/** A moment as people write it: so long after the grant's beginning, or an instant. Milliseconds. */
export type ShortMoment =
  { readonly kind: "after"; readonly span: number } | { readonly kind: "at"; readonly at: number };

export interface ShortLimits {
  readonly uses: number | null;
  readonly rate: { readonly count: number; readonly seconds: number } | null;
  readonly bytes: number | null;
  /** Null: as soon as it is signed. */
  readonly starts: ShortMoment | null;
  readonly expires: ShortMoment;
  /** What models may cost; null is no limit. */
  readonly budget: ShortBudget | null;
  /** Null: at any hour. */
  readonly hours: Hours | null;
}

/** What grants and profiles share. */
export interface ShortRules {
  readonly sandbox: SandboxGrant;
  readonly servers: { readonly [name: string]: ShortServer };
  readonly network: readonly ShortDestination[];
  readonly channels: readonly ShortChannel[];
  readonly git: readonly ShortRepository[];
  readonly inference: readonly ShortInference[];
  readonly allow: readonly Allow[];
  readonly limits: ShortLimits;
  readonly lease: boolean;
}

/** A grant as people write it (docs/formats/grant.md), with every default filled in. */
export interface ShortGrant extends ShortRules {
  readonly grant: string;
  readonly agents: readonly string[];
}

/**
 * Labels of a tool for which none are written. Absence means deny: a result of unknown content counts as words from
 * outside and as private, until its owner writes `labels: []` or less.
 */
const UNSAID: readonly Label[] = ["untrusted", "private"];
const UNCLASSIFIED: ToolClass = { risk: "reserved", labels: UNSAID, fields: {}, recipients: {} };

const fullClass: Decoder<ToolClass> = object<ToolClass>(
  {
    risk: oneOf(RISKS),
    labels,
    fields: record(fieldType, { key: ARGUMENT_NAME, is: "the name of an argument", max: 64 }),
    recipients: record(recipientKind, { key: ARGUMENT_NAME, is: "the name of an argument", max: 16 }),
  },
  { defaults: UNCLASSIFIED },
);

const moment: Decoder<ShortMoment> = quantity<ShortMoment>(
  parseMoment,
  "a duration (90s, 15min, 8h, 3d) or an instant (2026-12-01T08:00:00Z)",
);

const rate = quantity(parseRate, "a rate (10/s, 60/min, 1/30min, 500/d)");
const size = quantity(parseSize, "a size (500kB, 10MB, 1GiB)");

const LIMITS: Decoder<ShortLimits> = object<ShortLimits>(
  {
    uses: nullable(integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
    rate: nullable(rate),
    bytes: nullable(size),
    starts: nullable(moment),
    expires: moment,
    budget: nullable(BUDGET),
    hours: nullable(HOURS),
  },
  { defaults: { uses: null, rate: null, bytes: null, starts: null, budget: null, hours: null } },
);

interface WrittenServer {
  readonly package: string | null;
  readonly command: readonly string[] | null;
  readonly code: readonly string[];
  readonly extension: string | null;
  readonly url: string | null;
  readonly args: readonly string[];
  readonly workspace: Workspace;
  readonly tools: { readonly [tool: string]: ToolClass };
  readonly resources: readonly string[];
  readonly prompts: readonly string[];
}

const PACKAGE = /^(?:@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/;

const writtenServer: Decoder<WrittenServer> = object<WrittenServer>(
  {
    package: nullable(text({ max: 214, pattern: PACKAGE, is: "the name of an npm package" })),
    command: nullable(list(commandWord, { min: 1, max: 256 })),
    code: names(hostPath, { max: 64 }),
    extension: nullable(digest),
    url: nullable(serverUrl),
    args: list(commandWord, { max: 256 }),
    workspace,
    tools: record(toolClass, { key: TOOL_NAME, is: "a name of a tool", max: 512 }),
    resources: names(text({ max: 1024, pattern: RESOURCE_URI, is: "a URI of printable ASCII" }), { max: 256 }),
    prompts: names(text({ max: 128, pattern: PROMPT_NAME, is: "a prompt name" }), { max: 256 }),
  },
  {
    defaults: {
      package: null,
      command: null,
      code: [],
      extension: null,
      url: null,
      args: [],
      workspace: "none",
      tools: {},
      resources: [],
      prompts: [],
    },
  },
);

const SERVER_NAME = "a name of a server: a to z, 0 to 9 and -, beginning with a letter";
const SERVER: Decoder<ShortServer> = transform(writtenServer, (written, refusal) => {
  const { args, tools, resources, prompts } = written;
  const source = sourceOf(written, refusal);
  if (source instanceof Refusal) return source;
  if (source.kind === "url" && args.length > 0) return refusal.because("belongs to a package or a command").at("args");
  if (source.kind === "url" && written.workspace !== "none") {
    return refusal.because("a server behind a url sees no workspace").at("workspace");
  }
  if (written.extension !== null && source.kind !== "extension")
    return refusal.because("belongs to a command, which says what of it runs").at("extension");
  if (source.kind !== "command" && written.code.length > 0) return refusal.because("belongs to a command").at("code");
  return { source, args, workspace: written.workspace, tools, resources, prompts };
});

/** The fields that grants and profiles share, and those that may be left out. */
export const RULES: Fields<ShortRules> = {
  sandbox: SANDBOX,
  servers: record(SERVER, { key: DRIVER_NAME, is: SERVER_NAME, max: 32 }),
  network: NETWORK,
  channels: CHANNELS,
  git: GIT,
  inference: INFERENCE,
  allow: list(allowance, { max: 512 }),
  limits: LIMITS,
  lease: boolean(),
};
export const RULE_DEFAULTS: Omit<ShortRules, "limits"> = {
  sandbox: { workspace: "none", folder: null, programs: "none", home: null, ports: [] },
  servers: {},
  network: [],
  channels: [],
  git: [],
  inference: [],
  allow: [],
  lease: false,
};

const SHORT_GRANT: Decoder<ShortGrant> = object<ShortGrant>(
  { grant: grantId, agents: names(agentName, { min: 1, max: 64 }), ...RULES },
  { defaults: RULE_DEFAULTS },
);

/** Decodes a grant as people write it, from the JSON value of its YAML. Unknown fields are refused with their path. */
export function decodeShortGrant(value: JsonValue): DecodeResult<ShortGrant> {
  return decode(SHORT_GRANT, value);
}

const what = text({ min: 3, max: 300, pattern: /^[ -~]+$/, is: "driver/tool, driver#resource or driver@prompt" });

const digests = names(digest, { min: 1, max: MOST_RESTS });

/** `none`, or digests of all arguments that have no condition. */
function restOfArguments(value: JsonValue, refusal: Refusal): readonly string[] | Refusal {
  return value === "none" ? [NO_REST] : digests(value, refusal);
}

/**
 * `driver/tool`, or that with its conditions, `driver/tool: { path: { under: /workspace } }`, and `rest` beside it when they bind
 * all other arguments as well.
 */
function allowance(value: JsonValue, refusal: Refusal): Allow | Refusal {
  if (!isObject(value)) {
    const bare = what(value, refusal);
    return bare instanceof Refusal ? bare : { what: bare, where: {} };
  }
  const [name, ...others] = Object.keys(value).filter((key) => key !== "rest");
  if (name === undefined || others.length > 0) {
    return refusal.because("expected one name with its conditions; start each with a dash of its own");
  }
  const named = what(name, refusal);
  if (named instanceof Refusal) return named.at(name);
  const where = WHERE(value[name] ?? null, refusal);
  if (where instanceof Refusal) return where.at(name);
  if (value["rest"] === undefined) return { what: named, where };
  const rest = restOfArguments(value["rest"], refusal);
  return rest instanceof Refusal ? rest.at("rest") : { what: named, where, rest };
}

/** A class in full, or the risk alone. */
function toolClass(value: JsonValue, refusal: Refusal): ToolClass | Refusal {
  if (typeof value !== "string") return fullClass(value, refusal);
  return fullClass({ risk: value }, refusal);
}

function sourceOf(written: WrittenServer, refusal: Refusal): ShortSource | Refusal {
  const found: ShortSource[] = [];
  if (written.package !== null) found.push({ kind: "package", name: written.package });
  const { command, code, extension } = written;
  if (command !== null)
    found.push(extension === null ? { kind: "command", command, code } : { kind: "extension", extension, command });
  if (written.url !== null) found.push({ kind: "url", url: written.url });
  const [source, ...others] = found;
  if (source === undefined || others.length > 0)
    return refusal.because("expected exactly one of package, command and url");
  return source;
}

function parseMoment(written: string): ShortMoment | null {
  const span = parseDuration(written);
  if (span !== null) return { kind: "after", span };
  const at = parseInstant(written);
  return at === null ? null : { kind: "at", at };
}
