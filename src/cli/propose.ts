import type { ToolClass } from "../kernel/grant.ts";
import { decodeProfile, grantAskedFor, type Profile } from "../protocol/profile.ts";
import type { ShortServer } from "../protocol/short-grant.ts";
import { CliFailure } from "./failure.ts";
import { showMoment } from "../showing/moment.ts";
import { probeServers, type ProbedGrant, type ProbeParts } from "./probe-servers.ts";
import { makeVisible } from "../showing/visible.ts";
import { writeShortGrant, type ServerNote } from "./write-short-grant.ts";
import { readYaml } from "./yaml.ts";

/** A tool that nobody classified: reserved, and its results count as words from outside and as private. */
const UNCLASSIFIED: ToolClass = { risk: "reserved", labels: ["untrusted", "private"], fields: {}, recipients: {} };
const TOOL_NAME = /^[A-Za-z0-9_.-]{1,128}$/u;

/** Reads a profile from its YAML. Throws `CliFailure` (`bad-yaml`, `bad-profile`). */
export function readProfile(text: string, source: string): Profile {
  const decoded = decodeProfile(readYaml(text, source));
  if (decoded.kind === "ok") return decoded.value;
  throw CliFailure.of(
    "bad-profile",
    `Cannot use ${source}: ${decoded.path || "/"} ${decoded.message}`,
    "examples/files.yaml is one that works",
  );
}

/**
 * The grant that a profile asks for, completed from what its servers really offer. A tool that the profile does not
 * classify is listed as reserved, so that whoever reads the grant sees everything that the server can do.
 */
export async function proposeGrant(
  parts: ProbeParts,
  asked: {
    readonly profile: Profile;
    readonly source: string;
    readonly workspace: string | null;
    /** Of the grant; the profile's name when left out. */
    readonly id?: string;
  },
): Promise<ProbedGrant> {
  const first = await probeServers(parts, { ...asked, short: grantAskedFor(asked.profile, asked.id) });
  const servers = Object.fromEntries(
    Object.entries(first.short.servers).map(([name, server]) => [name, complete(server, offered(first, name))]),
  );
  const drivers = Object.fromEntries(
    Object.entries(first.grant.drivers).map(([name, driver]) => [
      name,
      { ...driver, tools: servers[name]?.tools ?? driver.tools },
    ]),
  );
  return { ...first, short: { ...first.short, servers }, grant: { ...first.grant, drivers } };
}

/** A proposal as a file to read, change and sign. */
export function writeProposal(
  proposed: ProbedGrant,
  about: { readonly profile: Profile; readonly source: string; readonly at: string },
): string {
  const heading = [
    `Asked for by ${makeVisible(about.source)}, completed ${about.at}. Nothing is granted yet.`,
    "Read it, change it, then: aios grants sign FILE",
  ];
  return writeShortGrant(proposed.short, { heading, servers: notesOf(proposed, about.profile) });
}

/** Completes a profile and writes the proposal. */
export async function proposeFromProfile(
  parts: ProbeParts,
  asked: { readonly profile: Profile; readonly source: string; readonly workspace: string | null },
): Promise<string> {
  const { powers } = parts;
  const proposed = await proposeGrant(parts, asked);
  const now = powers.now();
  return writeProposal(proposed, { ...asked, at: showMoment(now, powers.offset(now)) });
}

function offered(probed: ProbedGrant, server: string): readonly string[] {
  return (probed.servers[server]?.offer.tools ?? []).map((tool) => tool.name).filter((name) => TOOL_NAME.test(name));
}

function complete(server: ShortServer, names: readonly string[]): ShortServer {
  const missing = names.filter((name) => !Object.hasOwn(server.tools, name));
  return { ...server, tools: { ...server.tools, ...Object.fromEntries(missing.map((name) => [name, UNCLASSIFIED])) } };
}

function notesOf(proposed: ProbedGrant, profile: Profile): { readonly [server: string]: ServerNote } {
  return Object.fromEntries(
    Object.entries(proposed.servers).map(([name, { pin, offer }]) => {
      const said = profile.servers[name]?.tools ?? {};
      const absent = Object.keys(said).filter((tool) => !offer.tools.some((found) => found.name === tool));
      const server = `${makeVisible(offer.server.name)} ${makeVisible(offer.server.version)}`;
      const lines = [`${server}, ${offer.tools.length} tools`, `pin ${pin}`];
      if (absent.length > 0) lines.push(`it does not offer: ${absent.join(", ")}`);
      return [name, { lines, unclassified: offered(proposed, name).filter((tool) => !Object.hasOwn(said, tool)) }];
    }),
  );
}
