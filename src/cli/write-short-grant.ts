import { Document, isCollection, isMap, isScalar } from "yaml";
import type { Allow, PortGrant, ToolClass } from "../kernel/grant.ts";
import { NO_REST } from "../kernel/rest.ts";
import type { ShortGrant, ShortMoment, ShortServer } from "../protocol/short-grant.ts";
import type { ShortRepository } from "../protocol/short-git.ts";
import type { ShortBudget, ShortInference } from "../protocol/short-inference.ts";
import { writeHours } from "../protocol/short-hours.ts";
import { writeRate } from "../protocol/units.ts";
import { USUAL, type ShortChannel } from "../protocol/short-channels.ts";
import type { ShortDestination } from "../protocol/short-network.ts";

const UNCLASSIFIED = "nobody classified this: it is reserved";

/** What stands as a comment at a server and its tools; the comments are for people and mean nothing. */
export interface ServerNote {
  /** Lines above the server. */
  readonly lines: readonly string[];
  /** Tools that nobody has classified. */
  readonly unclassified: readonly string[];
}

/**
 * Writes a short grant as YAML: what reads back to the same value, with every class in full. Pure.
 * `heading` becomes comments at the top.
 */
export function writeShortGrant(
  short: ShortGrant,
  notes: { readonly heading: readonly string[]; readonly servers: { readonly [name: string]: ServerNote } },
): string {
  const document = new Document(
    {
      grant: short.grant,
      agents: short.agents,
      sandbox: writeSandbox(short.sandbox),
      servers: Object.fromEntries(Object.entries(short.servers).map(([name, server]) => [name, writeServer(server)])),
      ...(short.network.length === 0 ? {} : { network: short.network.map(writeDestination) }),
      ...(short.channels.length === 0 ? {} : { channels: short.channels.map(writeChannel) }),
      ...(short.git.length === 0 ? {} : { git: short.git.map(writeRepository) }),
      ...(short.inference.length === 0 ? {} : { inference: short.inference.map(writeInference) }),
      allow: short.allow.map(writeAllow),
      limits: writeLimits(short),
      lease: short.lease,
    },
    // A value that occurs twice is written twice: what is read stands where it is read, and aliases are refused.
    { aliasDuplicateObjects: false },
  );
  document.commentBefore = notes.heading.map((row) => ` ${row}`).join("\n");
  for (const path of ["agents", "sandbox", "limits"]) putOnOneLine(document.get(path, true));
  short.allow.forEach((_, index) => {
    const allow: unknown = document.getIn(["allow", index], true);
    if (isMap(allow)) for (const { value } of allow.items) putOnOneLine(value);
  });
  for (const [name, note] of Object.entries(notes.servers)) {
    comment(document.getIn(["servers", name], true), note.lines);
    const tools: unknown = document.getIn(["servers", name, "tools"], true);
    if (!isMap(tools)) continue;
    for (const pair of tools.items) {
      putOnOneLine(pair.value);
      const tool = isScalar(pair.key) ? pair.key.value : null;
      if (typeof tool === "string" && note.unclassified.includes(tool)) comment(pair.key, [UNCLASSIFIED]);
    }
  }
  return document.toString({ lineWidth: 110, flowCollectionPadding: true });
}

function writePort({ name, inside, outside, keys }: PortGrant): readonly [string, object] {
  return [name, { inside, ...(outside === inside ? {} : { outside }), ...(keys.length === 0 ? {} : { keys }) }];
}

/** What gives nothing is left out but for the two that everybody looks for. */
function writeSandbox({
  workspace,
  folder,
  programs,
  home,
  secrets,
  ports,
  limits,
  devices,
  open,
}: ShortGrant["sandbox"]): object {
  return {
    workspace,
    ...(folder === null ? {} : { folder }),
    programs,
    ...(home === null ? {} : { home: { ...home, bytes: writeSize(home.bytes) } }),
    ...(secrets === undefined ? {} : { secrets }),
    ...(ports.length === 0 ? {} : { ports: Object.fromEntries(ports.map(writePort)) }),
    ...(open === undefined ? {} : { open }),
    ...(devices === undefined ? {} : { devices }),
    ...(limits === undefined
      ? {}
      : { limits: Object.fromEntries(Object.entries(limits).map(([name, value]) => [name, writeLimit(name, value)])) }),
  };
}

function writeAllow({ what, where, rest }: Allow): unknown {
  if (rest !== undefined) return { [what]: where, rest: rest.every((each) => each === NO_REST) ? "none" : rest };
  return Object.keys(where).length === 0 ? what : { [what]: where };
}

function writeDestination({ to, allow, pass, forward }: ShortDestination): object {
  if (forward !== null) return { to, forward };
  return { to, ...(pass ? { pass } : { allow }) };
}

function writeChannel({ kind, secret, variable, to, send, read, previews, at }: ShortChannel): object {
  const usual = USUAL[kind];
  return {
    kind,
    secret,
    ...(variable === usual.variable ? {} : { variable }),
    to,
    ...(send.join() === usual.send.join() ? {} : { send }),
    ...(read.length === 0 ? {} : { read }),
    ...(previews ? { previews } : {}),
    ...(at === usual.at ? {} : { at }),
  };
}

function writeRepository({ to, push, remove }: ShortRepository): object {
  return { to, ...(push.length === 0 ? {} : { push }), ...(remove ? { remove } : {}) };
}

function writeLimit(name: string, value: number): string | number {
  if (name === "processes" || name === "files") return value;
  return name === "cpu" || name === "wall" ? writeMoment({ kind: "after", span: value * 1000 }) : writeSize(value);
}

function writeInference({ provider, models, context, output, features }: ShortInference): object {
  return {
    provider,
    models,
    ...(context === null ? {} : { context }),
    ...(output === null ? {} : { output }),
    ...(features.length === 0 ? {} : { features }),
  };
}

function writeServer(server: ShortServer): object {
  const { source, args, workspace, tools, resources, prompts } = server;
  const origin =
    source.kind === "package"
      ? { package: source.name }
      : source.kind === "url"
        ? { url: source.url }
        : source.kind === "extension"
          ? { extension: source.extension, command: source.command }
          : { command: source.command, code: source.code };
  return {
    ...origin,
    ...(args.length === 0 ? {} : { args }),
    ...(workspace === "none" ? {} : { workspace }),
    tools: Object.fromEntries(Object.entries(tools).map(([name, tool]) => [name, writeTool(tool)])),
    ...(resources.length === 0 ? {} : { resources }),
    ...(prompts.length === 0 ? {} : { prompts }),
  };
}

function writeTool({ risk, labels, fields, recipients }: ToolClass): object {
  return {
    risk,
    labels,
    ...(Object.keys(fields).length === 0 ? {} : { fields }),
    ...(Object.keys(recipients).length === 0 ? {} : { recipients }),
  };
}

function writeLimits({ limits }: ShortGrant): object {
  const { uses, rate, bytes, starts, expires, budget, hours } = limits;
  return {
    ...(uses === null ? {} : { uses }),
    ...(rate === null ? {} : { rate: writeRate(rate) }),
    ...(bytes === null ? {} : { bytes: writeSize(bytes) }),
    ...(starts === null ? {} : { starts: writeMoment(starts) }),
    expires: writeMoment(expires),
    ...(budget === null ? {} : { budget: writeBudget(budget) }),
    ...(hours === null ? {} : { hours: writeHours(hours) }),
  };
}

function writeBudget({ input, output, cost }: ShortBudget): object {
  return {
    ...(input === null ? {} : { input }),
    ...(output === null ? {} : { output }),
    ...(cost === null ? {} : { cost: cost / 1_000_000 }),
  };
}

function writeSize(bytes: number): string {
  const units = [
    ["GiB", 1024 ** 3],
    ["GB", 1000 ** 3],
    ["MiB", 1024 ** 2],
    ["MB", 1000 ** 2],
    ["KiB", 1024],
    ["kB", 1000],
  ] as const;
  const [unit, size] = units.find(([, each]) => bytes % each === 0) ?? ["B", 1];
  return `${bytes / size}${unit}`;
}

function writeMoment(moment: ShortMoment): string {
  if (moment.kind === "at") return new Date(moment.at).toISOString().replace(".000Z", "Z");
  const seconds = moment.span / 1000;
  const units = [
    ["d", 86_400],
    ["h", 3600],
    ["min", 60],
  ] as const;
  const [unit, size] = units.find(([, each]) => seconds % each === 0) ?? ["s", 1];
  return `${seconds / size}${unit}`;
}

function putOnOneLine(node: unknown): void {
  if (isCollection(node)) node.flow = true;
}

function comment(node: unknown, rows: readonly string[]): void {
  if (typeof node !== "object" || node === null || rows.length === 0) return;
  // The library's own way to say a comment; every node has this field.
  Object.assign(node, { commentBefore: rows.map((row) => ` ${row}`).join("\n") });
}
