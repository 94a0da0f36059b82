import {
  FIELD_TYPES,
  RECIPIENT_KINDS,
  WORKSPACES,
  type Allow,
  type Condition,
  type DriverSource,
  type FieldType,
  type GrantProposal,
  type RecipientKind,
  type Workspace,
} from "../kernel/grant.ts";
import { parseHttpUrl } from "../kernel/hosts.ts";
import { pathSegments } from "../kernel/paths.ts";
import {
  list,
  literal,
  names,
  number,
  object,
  oneOf,
  record,
  refine,
  scalar,
  sole,
  text,
  union,
  type Decoder,
} from "./decode.ts";
import { agentName, digest } from "./fields.ts";

// Decoders of the parts of a grant that others than owners are told of, too: faces and drivers load no more than these.

export const workspace: Decoder<Workspace> = oneOf(WORKSPACES);
export const fieldType: Decoder<FieldType> = oneOf(FIELD_TYPES);
export const recipientKind: Decoder<RecipientKind> = oneOf(RECIPIENT_KINDS);

/** Name of an argument that rules may name. */
export const ARGUMENT_NAME: RegExp = /^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/;

/** An absolute path of the host with one reading: no dot segments, no empty ones, no control characters. */
export const hostPath: Decoder<string> = refine(
  text({ max: 4096, pattern: /^\/[^\p{Cc}\p{Cs}]*$/u, is: "an absolute path" }),
  (path) => (pathSegments(path) === null ? "is a path with more than one reading" : null),
);

/** One word of a command line. */
export const commandWord: Decoder<string> = text({ min: 1, max: 4096, pattern: /^[^\p{Cc}\p{Cs}]+$/u, is: "a word" });

/** An address of an MCP server: one origin and path; `http:` only on this machine. */
export const serverUrl: Decoder<string> = refine(text({ max: 2048, pattern: /^[!-~]+$/, is: "a URL" }), (url) =>
  parseHttpUrl(url) === null ? "is neither https to a host name, nor http to this machine" : null,
);

type SourceOf<Kind extends DriverSource["kind"]> = Extract<DriverSource, { readonly kind: Kind }>;

/** Reads where a driver's server comes from. */
export const SOURCE: Decoder<DriverSource> = union<DriverSource, "kind">("kind", {
  stdio: object<SourceOf<"stdio">>({
    kind: literal("stdio"),
    command: list(commandWord, { min: 1, max: 256 }),
    code: names(hostPath, { max: 512 }),
    workspace,
  }),
  ext: object<SourceOf<"ext">>({
    kind: literal("ext"),
    extension: digest,
    command: list(commandWord, { min: 1, max: 256 }),
    workspace,
  }),
  http: object<SourceOf<"http">>({ kind: literal("http"), url: serverUrl }),
  net: object<SourceOf<"net">>({ kind: literal("net") }),
  infer: object<SourceOf<"infer">>({ kind: literal("infer") }),
  "git-ssh": object<SourceOf<"git-ssh">>({ kind: literal("git-ssh") }),
  memory: object<SourceOf<"memory">>({ kind: literal("memory") }),
});

const conditionText = text({ max: 4096 });

/** Reads a condition on one argument. */
export const CONDITION: Decoder<Condition> = sole<Condition>({
  equals: scalar({ max: 4096 }),
  in: names(conditionText, { min: 1, max: 256 }),
  under: hostPath,
  max: number(),
});

/** Reads the conditions of an allowance, by argument. */
export const WHERE: Decoder<Allow["where"]> = record(CONDITION, { key: ARGUMENT_NAME, max: 32 });

/** Reads one allowance as an agent is told of it: nothing there is bound by a digest. */
const ALLOW = object<Pick<Allow, "what" | "where">>({
  what: text({ min: 3, max: 300, pattern: /^[ -~]+$/, is: "what is allowed" }),
  where: WHERE,
});

/** Reads what a human is asked to sign for an action that was denied. */
export const GRANT_PROPOSAL: Decoder<GrantProposal> = object<GrantProposal>({
  agents: names(agentName, { max: 64 }),
  allow: list(ALLOW, { max: 512 }),
  lease: literal(false),
});
