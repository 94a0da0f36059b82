import type { DriverSource, Grant } from "../kernel/grant.ts";
import { decodeGrant } from "../kernel/grant-decoder.ts";
import { asJson } from "../protocol/as-json.ts";
import type { ProbedServer } from "./probe-servers.ts";
import { CliFailure } from "./failure.ts";

/** The one server of a grant that is from the store. */
export interface StoredServer {
  readonly name: string;
  readonly source: Extract<DriverSource, { readonly kind: "ext" }>;
}

/** Finds it. Throws `CliFailure` (`bad-grant`) when there is none, or more than one. */
export function storedServer(grant: Grant): StoredServer {
  const found = Object.entries(grant.drivers).flatMap(([name, { source }]) =>
    source.kind === "ext" ? [{ name, source }] : [],
  );
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  throw CliFailure.of(
    "bad-grant",
    `Grant "${grant.id}" uses ${found.length === 0 ? "no extension" : `${found.length} extensions`}`,
    "aios ext trust makes a grant of one",
  );
}

/**
 * A grant over another version of an extension that gives no more than the one before: the same agents, limits, end and
 * conditions; tools that are offered still keep their class, what is new is reserved and not allowed, and what is gone is
 * allowed no more. Throws `CliFailure` (`bad-grant`).
 */
export function updatedGrant(
  old: Grant,
  next: { readonly id: string; readonly server: string; readonly source: DriverSource; readonly probed: ProbedServer },
): Grant {
  const { id, server, source, probed } = next;
  const before = old.drivers[server];
  if (before === undefined) throw CliFailure.of("bad-grant", `Grant "${old.id}" has no server ${server}`);
  const offered = new Set(probed.offer.tools.map(({ name }) => name));
  const kept = Object.entries(before.tools).filter(([name]) => offered.has(name));
  const fresh = [...offered].filter((name) => !Object.hasOwn(before.tools, name));
  const unclassified = { risk: "reserved", labels: ["untrusted", "private"], fields: {}, recipients: {} };
  const tools = Object.fromEntries([...kept, ...fresh.map((name) => [name, unclassified] as const)]);
  const gone = new Set(
    Object.keys(before.tools)
      .filter((name) => !offered.has(name))
      .map((name) => `${server}/${name}`),
  );
  const drivers = { ...old.drivers, [server]: { ...before, source, pin: probed.pin, tools } };
  const allow = old.allow.filter(({ what }) => !gone.has(what));
  const decoded = decodeGrant(asJson({ ...old, id, drivers, allow }));
  if (decoded.kind === "ok") return decoded.value;
  throw CliFailure.of("bad-grant", `Cannot grant the new version: ${decoded.message}`);
}

/** What of a server's tools is new and what is gone, in words. */
export function describeTools(old: Grant, now: Grant, server: string): readonly string[] {
  const [before, after] = [old, now].map(({ drivers }) => Object.keys(drivers[server]?.tools ?? {}));
  return [
    ...(after ?? [])
      .filter((name) => before?.includes(name) !== true)
      .map((name) => `+ tool ${name}, which is not allowed`),
    ...(before ?? []).filter((name) => after?.includes(name) !== true).map((name) => `- tool ${name}`),
  ];
}
