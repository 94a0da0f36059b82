import { type Allow, type DriverSource, type DriverSpec, type Grant, type Limits } from "../kernel/grant.ts";
import { decodeGrant } from "../kernel/grant-decoder.ts";
import { GIT_DRIVER, GIT_TOOLS } from "../kernel/git-ssh.ts";
import { INFER_DRIVER, INFER_TOOLS } from "../kernel/infer.ts";
import { MEMORY_DRIVER, MEMORY_TOOLS } from "../kernel/memory.ts";
import { NET_DRIVER, NET_TOOLS } from "../kernel/net.ts";
import { asJson } from "./as-json.ts";
import type { DecodeResult } from "./decode.ts";
import type { ShortGrant, ShortLimits, ShortRules, ShortServer } from "./short-grant.ts";
import { gitAllows } from "./short-git.ts";
import { inferenceAllows } from "./short-inference.ts";
import { channelAllows, channelSecrets } from "./short-channels.ts";
import { networkAllows } from "./short-network.ts";

/** What finds the command and the code of an installed npm package: null when it is not installed. */
export type ResolvePackage = (name: string) => DriverSource | null;

/** Where the drivers of a short grant or profile come from, which is what the monitor must know to probe them. */
export function driverSources(
  {
    servers,
    network,
    channels,
    git,
    inference,
    allow,
  }: Pick<ShortRules, "servers" | "network" | "channels" | "git" | "inference" | "allow">,
  resolve: ResolvePackage,
): DecodeResult<{ readonly [driver: string]: DriverSource }> {
  const sources: { [driver: string]: DriverSource } = Object.create(null);
  for (const [name, server] of Object.entries(servers)) {
    const source = sourceOf(server, resolve);
    if (source === null) return refused(`/servers/${name}/package`, "is not installed, or is no server to start here");
    sources[name] = source;
  }
  if (Object.hasOwn(servers, NET_DRIVER)) return refused(`/servers/${NET_DRIVER}`, "is the name of the network device");
  if (Object.hasOwn(servers, INFER_DRIVER))
    return refused(`/servers/${INFER_DRIVER}`, "is the name of the inference device");
  if (Object.hasOwn(servers, GIT_DRIVER)) return refused(`/servers/${GIT_DRIVER}`, "is the name of git over SSH");
  if (network.length + channels.length > 0) sources[NET_DRIVER] = { kind: "net" };
  if (Object.hasOwn(servers, MEMORY_DRIVER))
    return refused(`/servers/${MEMORY_DRIVER}`, "is the name of the memory device");
  if (allow.some(isMemoryAllow)) sources[MEMORY_DRIVER] = { kind: "memory" };
  if (git.length > 0) sources[GIT_DRIVER] = { kind: "git-ssh" };
  if (inference.length > 0) sources[INFER_DRIVER] = { kind: "infer" };
  return { kind: "ok", value: sources };
}

/**
 * The grant that a short one means, ready to be shown and signed. Pure: `now` is milliseconds since 1970 UTC, `pins` are
 * what the monitor found when it probed the servers. Whatever the kernel would refuse is refused here.
 */
export function expandGrant(
  short: ShortGrant,
  given: {
    readonly now: number;
    readonly resolve: ResolvePackage;
    readonly pins: { readonly [server: string]: string };
  },
): DecodeResult<Grant> {
  const sources = driverSources(short, given.resolve);
  if (sources.kind === "refused") return sources;
  const drivers: { [driver: string]: DriverSpec } = Object.create(null);
  for (const [name, { tools, resources, prompts }] of Object.entries(short.servers)) {
    const source = sources.value[name];
    const pin = Object.hasOwn(given.pins, name) ? given.pins[name] : undefined;
    if (source === undefined || pin === undefined) return refused(`/servers/${name}`, "has no pin: it was not probed");
    drivers[name] = { source, pin, tools, resources, prompts };
  }
  if (short.network.length + short.channels.length > 0) {
    const pin = given.pins[NET_DRIVER];
    if (pin === undefined) return refused("/network", "has no pin: it was not probed");
    drivers[NET_DRIVER] = { source: { kind: "net" }, pin, tools: NET_TOOLS, resources: [], prompts: [] };
  }
  if (short.git.length > 0) {
    const pin = given.pins[GIT_DRIVER];
    if (pin === undefined) return refused("/git", "has no pin: it was not probed");
    drivers[GIT_DRIVER] = { source: { kind: "git-ssh" }, pin, tools: GIT_TOOLS, resources: [], prompts: [] };
  }
  if (short.inference.length > 0) {
    const pin = given.pins[INFER_DRIVER];
    if (pin === undefined) return refused("/inference", "has no pin: it was not probed");
    drivers[INFER_DRIVER] = { source: { kind: "infer" }, pin, tools: INFER_TOOLS, resources: [], prompts: [] };
  }
  const { grant: id, agents, lease } = short;
  const secrets = channelSecrets(short.channels, short.sandbox.secrets ?? {});
  if (secrets === null) return refused("/channels", "two secrets are wanted in one variable: name another (variable)");
  const sandbox = Object.keys(secrets).length === 0 ? short.sandbox : { ...short.sandbox, secrets };
  if (short.allow.some(isMemoryAllow)) {
    const pin = given.pins[MEMORY_DRIVER];
    if (pin === undefined) return refused("/allow", "memory has no pin: it was not probed");
    drivers[MEMORY_DRIVER] = { source: { kind: "memory" }, pin, tools: MEMORY_TOOLS, resources: [], prompts: [] };
  }
  const allow = [
    ...short.allow,
    ...short.network.flatMap(networkAllows),
    ...short.channels.flatMap(channelAllows),
    ...short.git.flatMap(gitAllows),
    ...short.inference.flatMap(inferenceAllows),
  ];
  const limits = limitsOf(short.limits, given.now);
  const decoded = decodeGrant(asJson({ v: 1, id, agents, drivers, allow, limits, lease, sandbox }));
  return decoded.kind === "ok" ? decoded : refused("", `the grant is refused: ${decoded.message}`);
}

function isMemoryAllow({ what }: Allow): boolean {
  return what.startsWith(`${MEMORY_DRIVER}/`) || what.startsWith(`${MEMORY_DRIVER}#`);
}

function sourceOf(server: ShortServer, resolve: ResolvePackage): DriverSource | null {
  const { source, args, workspace } = server;
  if (source.kind === "url") return { kind: "http", url: source.url };
  if (source.kind === "extension") {
    const { extension, command } = source;
    return { kind: "ext", extension, command: [...command, ...args], workspace };
  }
  const found = source.kind === "package" ? resolve(source.name) : { ...source, kind: "stdio" as const };
  if (found?.kind !== "stdio") return null;
  return { kind: "stdio", command: [...found.command, ...args], code: found.code, workspace };
}

/** A span counts from the beginning of the grant. */
function limitsOf(short: ShortLimits, now: number): Limits {
  const { uses, rate, bytes, starts, expires, budget, hours } = short;
  const notBefore = starts === null ? now : starts.kind === "at" ? starts.at : now + starts.span;
  const ends = expires.kind === "at" ? expires.at : notBefore + expires.span;
  return {
    uses,
    rate,
    bytes,
    notBefore,
    expires: ends,
    ...(budget !== null && { budget }),
    ...(hours !== null && { hours }),
  };
}

function refused(
  path: string,
  message: string,
): { readonly kind: "refused"; readonly path: string; readonly message: string } {
  return { kind: "refused", path, message };
}
