import type { Grant } from "../kernel/grant.ts";
import type { QuarantinedServer } from "../protocol/quarantined-server.ts";
import { CliFailure } from "./failure.ts";
import type { MonitorClient } from "./powers.ts";

/** All servers that are in quarantine, each once, by the grants over them, those that are over too. */
export async function listQuarantined(client: MonitorClient): Promise<readonly QuarantinedServer[]> {
  const { grants } = await client.request("grants", {});
  const found = grants.flatMap(({ quarantined }) => quarantined);
  return [...new Map(found.map((server) => [server.pin, server])).values()];
}

/** Those that a signature over this grant would take out of quarantine, by the names that it gives them. */
export async function quarantinedIn(client: MonitorClient, grant: Grant): Promise<readonly QuarantinedServer[]> {
  const found = new Map((await listQuarantined(client)).map((server) => [server.pin, server]));
  return Object.entries(grant.drivers).flatMap(([driver, { pin }]) => {
    const server = found.get(pin);
    return server === undefined ? [] : [{ ...server, driver }];
  });
}

/** Nobody ends a quarantine that they were not told of. Throws `CliFailure` `changed-on-the-way`. */
export async function requireSeen(
  client: MonitorClient,
  grant: Grant,
  seen: readonly QuarantinedServer[],
): Promise<void> {
  const records = new Set(seen.map(({ record }) => record));
  const unseen = (await quarantinedIn(client, grant)).find(({ record }) => !records.has(record));
  if (unseen === undefined) return;
  throw CliFailure.of(
    "changed-on-the-way",
    `Nothing was signed: server ${unseen.driver} went into quarantine while you read`,
    "look at it again",
  );
}
