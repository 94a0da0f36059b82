import type { DriverSource, Grant } from "../kernel/grant.ts";
import { driverSources, expandGrant, type ResolvePackage } from "../protocol/expand-grant.ts";
import type { CliRequests } from "../protocol/requests.ts";
import type { ShortGrant } from "../protocol/short-grant.ts";
import { CliFailure } from "./failure.ts";
import type { CliPowers, MonitorClient } from "./powers.ts";

export interface ProbeParts {
  readonly powers: CliPowers;
  readonly client: MonitorClient;
}

/** What a server said when it was asked. */
export type ProbedServer = CliRequests["probe"]["ok"]["drivers"][string];

/** A short grant with everything that only this machine can say: where its packages lie, what its servers offer, their pins. */
export interface ProbedGrant {
  readonly short: ShortGrant;
  readonly grant: Grant;
  readonly servers: CliRequests["probe"]["ok"]["drivers"];
}

/**
 * Finds the packages of a short grant, starts each of its servers in a sandbox to ask what it offers, and expands it.
 * Nothing is granted by this. Throws `CliFailure` (`unknown-package`, `bad-grant`) and what the monitor refuses.
 */
export async function probeServers(
  parts: ProbeParts,
  asked: { readonly short: ShortGrant; readonly source: string; readonly workspace: string | null },
): Promise<ProbedGrant> {
  const { powers, client } = parts;
  const { short, source, workspace } = asked;
  const works = Object.entries(short.servers).find(([, server]) => server.workspace !== "none");
  if (works !== undefined && workspace === null) {
    throw CliFailure.of(
      "usage",
      `Cannot ask the server ${works[0]} of ${source} what it offers: it works in a folder`,
      "name one with --workspace DIR",
    );
  }
  const resolve = await findPackages(powers, short);
  const sources = driverSources(short, resolve);
  if (sources.kind === "refused") throw refuse(source, sources);
  const servers =
    Object.keys(sources.value).length === 0
      ? {}
      : (await client.request("probe", { drivers: sources.value, workspace })).drivers;
  const pins = Object.fromEntries(Object.entries(servers).map(([name, { pin }]) => [name, pin]));
  const grant = expandGrant(short, { now: powers.now(), resolve, pins });
  if (grant.kind === "refused") throw refuse(source, grant);
  return { short, grant: grant.value, servers };
}

async function findPackages(powers: CliPowers, short: ShortGrant): Promise<ResolvePackage> {
  const found = new Map<string, DriverSource>();
  for (const { source } of Object.values(short.servers)) {
    if (source.kind !== "package" || found.has(source.name)) continue;
    const { entry, code } = await powers.packages.find(source.name);
    found.set(source.name, { kind: "stdio", command: ["node", entry], code, workspace: "none" });
  }
  return (name) => found.get(name) ?? null;
}

function refuse(source: string, refusal: { readonly path: string; readonly message: string }): CliFailure {
  return CliFailure.of(
    "bad-grant",
    `Cannot use ${source}: ${refusal.path === "" ? "" : `${refusal.path} `}${refusal.message}`,
  );
}
