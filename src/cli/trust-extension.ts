import { EXTENSION_PLACE, RISKS, type Grant, type Risk, type ToolClass } from "../kernel/grant.ts";
import { decodeGrant } from "../kernel/grant-decoder.ts";
import { asJson } from "../protocol/as-json.ts";
import { decode } from "../protocol/decode.ts";
import { EXTENSION_ENTRY, type ExtensionManifest } from "../protocol/extension.ts";
import { decodeShortGrant, type ShortGrant } from "../protocol/short-grant.ts";
import { wordsOf } from "./extension-settings.ts";
import { CliFailure } from "./failure.ts";
import type { ProbedGrant } from "./probe-servers.ts";

/** What a person gives an extension, as they typed it. */
export interface Trust {
  readonly agents: readonly string[];
  /** Name of the server, and id of the grant. */
  readonly server: string;
  readonly grant: string;
  /** A path in its tree in place of the one that it names; null: that one. */
  readonly entry: string | null;
  /** `KEY=VALUE` each, for its own arguments. */
  readonly set: readonly string[];
  /** In the place of its own arguments; empty: its own. */
  readonly args: readonly string[];
  readonly workspace: { readonly folder: string; readonly mode: "read" | "write" } | null;
  /** `TOOL=RISK` each. */
  readonly tools: readonly string[];
  readonly expires: string;
  /** An absolute path of one that the person typed. */
  resolve(path: string): string;
}

const UNCLASSIFIED: ToolClass = { risk: "reserved", labels: ["untrusted", "private"], fields: {}, recipients: {} };
const TOOL_NAME = /^[A-Za-z0-9_.-]{1,128}$/u;

/** A name for a server, made of what an extension calls itself. */
export function serverName(name: string): string {
  const last = name.slice(name.lastIndexOf("/") + 1).toLowerCase();
  const plain = last.replaceAll(/[^a-z0-9]+/gu, "-").replaceAll(/^[^a-z]+|-+$/gu, "");
  return plain.slice(0, 31).replace(/-+$/u, "") || "extension";
}

/** The short grant of an extension, before its server was asked which tools it has. Throws `CliFailure` (`bad-grant`, `usage`). */
export function grantFor(manifest: ExtensionManifest, trust: Trust): ShortGrant {
  const { kind, id } = manifest;
  if (kind === "http")
    throw CliFailure.of(
      "bad-grant",
      `${manifest.name} is a server elsewhere`,
      `name its address in a grant, url: ${manifest.endpoint ?? "ADDRESS"}, and sign that: aios grants sign FILE`,
    );
  if (kind === "skill" && trust.entry === null)
    throw CliFailure.of(
      "bad-grant",
      `${manifest.name} is a skill: an agent reads it, and nothing of it is started`,
      "aios home put puts its text into an agent's home; what it has an agent do needs the agent's own grants; --entry FILE if a server lies in it",
    );
  const entry = trust.entry ?? manifest.entry;
  if (entry === null)
    throw CliFailure.of(
      "bad-grant",
      `${manifest.name} names no program that Node could run`,
      "--entry FILE names one in its tree; for another program write a grant with extension: and command:",
    );
  if (decode(EXTENSION_ENTRY, entry).kind !== "ok")
    throw CliFailure.of("usage", `"${entry}" is no path in its tree`, "--entry dist/index.js");
  const { workspace, set, args } = trust;
  const words = wordsOf(manifest, { set, args, folder: workspace?.folder ?? null, resolve: trust.resolve });
  const server = {
    extension: id,
    command: ["node", `${EXTENSION_PLACE}/${entry}`],
    args: words,
    workspace: workspace?.mode ?? "none",
  };
  const decoded = decodeShortGrant(
    asJson({
      grant: trust.grant,
      agents: trust.agents,
      sandbox: { workspace: "none", ...(workspace === null ? {} : { folder: workspace.folder }), programs: "none" },
      servers: { [trust.server]: server },
      limits: { expires: trust.expires },
    }),
  );
  if (decoded.kind === "ok") return decoded.value;
  throw CliFailure.of("usage", `Cannot grant this: ${decoded.path || "/"} ${decoded.message}`);
}

/** How the server of a short grant over an extension is started, as the grant that is signed says it. */
export function commandOf({ servers }: ShortGrant, name: string): readonly string[] {
  const server = servers[name];
  return server?.source.kind === "extension" ? [...server.source.command, ...server.args] : [];
}

/**
 * The grant with every tool that its server offers: of the class that the person named, or reserved, whatever the extension
 * says of itself. Throws `CliFailure` (`usage`).
 */
export function withTools(probed: ProbedGrant, trust: Pick<Trust, "server" | "tools">): Grant {
  const { server } = trust;
  const driver = probed.grant.drivers[server];
  const offered = (probed.servers[server]?.offer.tools ?? []).map(({ name }) => name);
  const odd = offered.find((name) => !TOOL_NAME.test(name));
  if (driver === undefined || odd !== undefined)
    throw CliFailure.of("bad-grant", `It offers a tool "${odd ?? ""}", whose name cannot be granted`);
  const risks = readRisks(trust.tools, offered);
  const tools = Object.fromEntries(
    offered.map((name) => [name, { ...UNCLASSIFIED, risk: risks.get(name) ?? UNCLASSIFIED.risk }]),
  );
  const allow = offered
    .filter((name) => tools[name]?.risk !== "prohibited")
    .map((name) => ({ what: `${server}/${name}`, where: {} }));
  const decoded = decodeGrant(asJson({ ...probed.grant, drivers: { [server]: { ...driver, tools } }, allow }));
  if (decoded.kind === "ok") return decoded.value;
  throw CliFailure.of("bad-grant", `Cannot grant this: ${decoded.message}`);
}

function readRisks(written: readonly string[], offered: readonly string[]): ReadonlyMap<string, Risk> {
  const risks = new Map<string, Risk>();
  for (const each of written) {
    const [name = "", word] = each.split("=");
    const risk = RISKS.find((known) => known === word);
    if (risk === undefined || each.split("=").length !== 2)
      throw CliFailure.of("usage", `--tool ${each} is not TOOL=RISK`, `RISK is one of ${RISKS.join(", ")}`);
    if (!offered.includes(name) || risks.has(name))
      throw CliFailure.of("usage", `--tool ${each}: it has no such tool, or it was named twice`, offered.join(", "));
    risks.set(name, risk);
  }
  return risks;
}
