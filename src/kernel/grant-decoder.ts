import type { Decoded } from "./decoded.ts";
import { deviceKind, MOST_DEVICES } from "./devices.ts";
import {
  allowParts,
  FIELD_TYPES,
  LABELS,
  PROGRAMS,
  RECIPIENT_KINDS,
  RISKS,
  WORKSPACES,
  type Allow,
  type AllowParts,
  type Condition,
  type DriverSource,
  type DriverSpec,
  type FieldType,
  type Grant,
  type Limits,
  type PortGrant,
  type SandboxGrant,
  type ToolClass,
} from "./grant.ts";
import { chatPlacesOf } from "./chat.ts";
import { forwardsOf } from "./forwards.ts";
import { GIT_DRIVER, gitPlacesOf, MOST_GIT_PLACES } from "./git-ssh.ts";
import { readHome } from "./home-grant.ts";
import { parseHttpUrl } from "./hosts.ts";
import { deepFreeze, type JsonValue } from "./json.ts";
import {
  AGENT_NAME,
  CLIENT_KEY,
  CONTROL_NAME,
  DRIVER_NAME,
  GRANT_ID,
  PORT_NAME,
  RESERVED_DRIVER,
  SHA256,
} from "./names.ts";
import { readHours } from "./hours.ts";
import { INFER_DRIVER, readBudget } from "./infer.ts";
import { MEMORY_DRIVER } from "./memory.ts";
import { NET_DRIVER } from "./net.ts";
import { MOST_RESTS } from "./rest.ts";
import { isCanonicalUri, pathSegments } from "./paths.ts";
import { Place, quote, readDocument } from "./reading.ts";
import { readSecretUses } from "./secrets.ts";
import { readNamedLimits } from "./sandbox-limits.ts";

/** Longest life of a lease, from its beginning to its end, in milliseconds: seven days. */
export const MAX_LEASE_MS = 604_800_000;
/** The last moment that a clock of ECMAScript has. */
const MAX_TIME = 8_640_000_000_000_000;
const MAX_RATE_COUNT = 10_000;
const MAX_RATE_SECONDS = 2_678_400;

const ARGUMENT = /^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/;
const TOOL = /^[\x21-\x7e]{1,256}$/;
const PROMPT_NAME = /^[\x21-\x7e](?:[\x20-\x7e]{0,254}[\x21-\x7e])?$/;
const COMMAND_WORD = /^[^\p{Cc}\p{Cs}]{1,4096}$/u;
const CONDITION_TEXT = /^\P{Cs}{0,4096}$/u;

/**
 * Decodes the document that an owner signs. Beyond its shape a grant must make sense: it names no driver of the
 * substrate, allows nothing prohibited, has conditions that can hold, and ends; a lease is counted, short, and says
 * something about every call that reaches others or is reserved. A refusal names the path (`limits.expires: …`).
 */
export function decodeGrant(value: JsonValue): Decoded<Grant> {
  return readDocument(value, readGrant);
}

function readGrant(place: Place): Grant {
  const at = place.fields("v", "id", "agents", "drivers", "allow", "limits", "lease", "sandbox");
  if (at("v").value !== 1) at("v").fail("not 1");
  const drivers = at("drivers").map({ key: DRIVER_NAME, max: 32 }, readDriver);
  if (Object.hasOwn(drivers, RESERVED_DRIVER)) at("drivers").fail(`"${RESERVED_DRIVER}" is the substrate itself`);
  const lease = at("lease").bool();
  const agents = at("agents").names(64, (agent) => agent.text(AGENT_NAME, "an agent name"));
  if (agents.length === 0) at("agents").fail("no agent is named");
  const allow = at("allow").list(512, (each) => readAllow(each, { drivers, lease }));
  const sandbox = readSandbox(at("sandbox"));
  const forwards = forwardsOf(
    allow,
    sandbox.ports.map(({ inside }) => inside),
  );
  if (forwards.kind === "refused") at("allow").fail(forwards.why);
  if (chatPlacesOf(allow) === null)
    at("allow").fail("a chat service is allowed with chat, scheme, host, port and account exactly, and its methods");
  if (gitPlacesOf(allow) === null)
    at("allow").fail(`git over SSH names host, port and user exactly and a path, ${MOST_GIT_PLACES} places at most`);
  return deepFreeze({
    v: 1,
    id: at("id").text(GRANT_ID, "a grant id"),
    agents,
    drivers,
    allow,
    limits: readLimits(at("limits"), lease),
    lease,
    sandbox,
  });
}

function readSandbox(place: Place): SandboxGrant {
  const given = place.given("secrets", "limits", "devices", "open");
  const at = place.fields("workspace", "folder", "programs", "home", "ports", ...given);
  const ports = at("ports").list(16, readPort);
  const again = ports.find(({ name }, index) => ports.findIndex((port) => port.name === name) !== index);
  if (again !== undefined) at("ports").fail(`${quote(again.name)} a second time`);
  return {
    workspace: at("workspace").oneOf(WORKSPACES),
    folder: at("folder").orNull(readPath),
    programs: at("programs").oneOf(PROGRAMS),
    home: at("home").orNull(readHome),
    ports,
    ...(given.includes("secrets") ? { secrets: readSecretUses(at("secrets")) } : {}),
    ...(given.includes("limits") ? { limits: readNamedLimits(at("limits")) } : {}),
    ...(given.includes("open") ? { open: readOpen(at("open")) } : {}),
    ...(given.includes("devices") ? { devices: readDevices(at("devices")) } : {}),
  };
}

function readOpen(place: Place): readonly string[] {
  const open = place.names(16, (name) => name.text(CONTROL_NAME, "a name of a control file, in lower case"));
  return open.length === 0 ? place.fail("no name is given") : open;
}

function readPort(place: Place): PortGrant {
  const at = place.fields("name", "inside", "outside", "keys");
  return {
    name: at("name").text(PORT_NAME, "a name of a port"),
    inside: at("inside").whole(1, 65_535),
    outside: at("outside").whole(1024, 65_535),
    keys: at("keys").names(64, (key) => key.text(CLIENT_KEY, "a raw Ed25519 key in base64url")),
  };
}

function readDevices(place: Place): readonly string[] {
  const devices = place.names(MOST_DEVICES, (device) => {
    const { value } = device;
    return typeof value === "string" && deviceKind(value) !== null
      ? value
      : device.fail("not a device that may be passed");
  });
  return devices.length === 0 ? place.fail("no device is named") : devices;
}

function readDriver(place: Place, name: string): DriverSpec {
  const at = place.fields("source", "pin", "tools", "resources", "prompts");
  const source = readSource(at("source"));
  if ((source.kind === "net") !== (name === NET_DRIVER)) {
    at("source").fail(`"${NET_DRIVER}" is the network device, and nothing else is`);
  }
  if ((source.kind === "infer") !== (name === INFER_DRIVER)) {
    at("source").fail(`"${INFER_DRIVER}" is the inference device, and nothing else is`);
  }
  if ((source.kind === "git-ssh") !== (name === GIT_DRIVER)) {
    at("source").fail(`"${GIT_DRIVER}" is the device for git over SSH, and nothing else is`);
  }
  if ((source.kind === "memory") !== (name === MEMORY_DRIVER)) {
    at("source").fail(`"${MEMORY_DRIVER}" is the memory device, and nothing else is`);
  }
  return {
    source,
    pin: at("pin").text(SHA256, "sha256: and 64 lower-case hex digits"),
    tools: at("tools").map({ key: TOOL, max: 512 }, readTool),
    resources: at("resources").names(256, readUri),
    prompts: at("prompts").names(256, (prompt) => prompt.text(PROMPT_NAME, "a prompt name")),
  };
}

function readSource(place: Place): DriverSource {
  const { value } = place;
  const kind = typeof value === "object" && value !== null && "kind" in value ? value["kind"] : undefined;
  if (kind === "http") {
    const at = place.fields("kind", "url");
    return { kind, url: readUrl(at("url")) };
  }
  if (kind === "net" || kind === "infer" || kind === "git-ssh" || kind === "memory") {
    place.fields("kind");
    return { kind };
  }
  if (kind !== "stdio" && kind !== "ext")
    return place.fail("not a source of kind stdio, ext, http, net, infer, git-ssh or memory");
  const at = place.fields("kind", "command", kind === "ext" ? "extension" : "code", "workspace");
  const command = at("command").list(256, (word) => word.text(COMMAND_WORD, "a word of a command"));
  if (command.length === 0) at("command").fail("no program is named");
  const runs = { command, workspace: at("workspace").oneOf(WORKSPACES) };
  if (kind === "stdio") return { kind, code: at("code").names(512, readPath), ...runs };
  return { kind, extension: at("extension").text(SHA256, "sha256: and 64 lower-case hex digits"), ...runs };
}

/** One origin and path: no query, no fragment, no escapes, no dot segments. */
function readUrl(place: Place): string {
  const text = place.text(/^[\x21-\x7e]{1,2048}$/, "a URL");
  const url = parseHttpUrl(text);
  if (url === null) return place.fail("not https to a host name, nor http to this machine");
  if (/[?#%]/.test(url.path)) return place.fail("more than an origin and a path");
  if (url.path !== "" && url.path !== "/" && pathSegments(url.path.replace(/\/$/, "")) === null) {
    return place.fail("a path with more than one reading");
  }
  return text;
}

function readPath(place: Place): string {
  const text = place.text(/^\/[^\p{Cc}\p{Cs}]{0,4095}$/u, "an absolute path");
  return pathSegments(text) === null ? place.fail("a path with more than one reading") : text;
}

function readUri(place: Place): string {
  const text = place.text(/^[\x21-\x7e]{1,1024}$/, "a URI of printable ASCII");
  return isCanonicalUri(text) ? text : place.fail("a URI with more than one reading");
}

function readTool(place: Place): ToolClass {
  const at = place.fields("risk", "labels", "fields", "recipients");
  return {
    risk: at("risk").oneOf(RISKS),
    labels: at("labels").names(LABELS.length, (label) => label.oneOf(LABELS)),
    fields: at("fields").map({ key: ARGUMENT, max: 64 }, (field) => field.oneOf(FIELD_TYPES)),
    recipients: at("recipients").map({ key: ARGUMENT, max: 16 }, (recipient) => recipient.oneOf(RECIPIENT_KINDS)),
  };
}

interface AllowContext {
  readonly drivers: { readonly [driver: string]: DriverSpec };
  readonly lease: boolean;
}

function readAllow(place: Place, context: AllowContext): Allow {
  const given = place.given("rest");
  const at = place.fields("what", "where", ...given);
  const what = at("what").text(/^[\x20-\x7e]{3,300}$/, "what is allowed");
  const parts = allowParts(what);
  if (parts === null) return at("what").fail("not driver/tool, driver#resource or driver@prompt");
  if (parts.driver === RESERVED_DRIVER) at("what").fail(`"${RESERVED_DRIVER}" is the substrate itself`);
  const declared = Object.keys(context.drivers).length > 0;
  const driver = Object.hasOwn(context.drivers, parts.driver) ? context.drivers[parts.driver] : undefined;
  if (declared && driver === undefined) at("what").fail(`this grant declares no driver ${quote(parts.driver)}`);
  const where = at("where").map({ key: ARGUMENT, max: 32 }, readCondition);
  if (parts.verb !== "call" && Object.keys(where).length > 0) at("where").fail("only calls of tools have conditions");
  if (parts.verb === "call") checkTool({ place: at("where"), where, parts, driver, lease: context.lease });
  if (given.length === 0) return { what, where };
  if (parts.verb !== "call") at("rest").fail("only calls of tools have further arguments");
  return { what, where, rest: readRest(at("rest")) };
}

function readRest(place: Place): readonly string[] {
  const rest = place.names(MOST_RESTS, (sum) => sum.text(SHA256, "sha256: and 64 lower-case hex digits"));
  return rest.length === 0 ? place.fail("an empty list, which nothing is in") : rest;
}

/** Whether an allow fits the class of its tool, as far as this grant declares it. */
function checkTool(about: {
  readonly place: Place;
  readonly where: Allow["where"];
  readonly parts: AllowParts;
  readonly driver: DriverSpec | undefined;
  readonly lease: boolean;
}): void {
  const { place, where, parts, driver, lease } = about;
  const tool = driver !== undefined && Object.hasOwn(driver.tools, parts.name) ? driver.tools[parts.name] : undefined;
  if (tool?.risk === "prohibited") place.fail(`the tool ${quote(parts.name)} is prohibited`);
  if (driver !== undefined) {
    for (const [argument, condition] of Object.entries(where)) {
      if (!fits(condition, typesOf(tool, argument))) place.fail(`${argument}: not a condition that its type can meet`);
    }
  }
  if (!lease || tool === undefined) return;
  const reaches = tool.risk === "reach" || tool.risk === "reserved" || Object.keys(tool.recipients).length > 0;
  const says = Object.keys(tool.fields).length + Object.keys(tool.recipients).length > 0;
  if (reaches && says && Object.keys(where).length === 0)
    place.fail("a lease must say which calls of this tool it is for");
}

type ArgumentType = FieldType | "recipient";

function typesOf(tool: ToolClass | undefined, argument: string): ArgumentType | null {
  if (tool === undefined) return null;
  if (Object.hasOwn(tool.fields, argument)) return tool.fields[argument] ?? null;
  return Object.hasOwn(tool.recipients, argument) ? "recipient" : null;
}

const TEXTS: readonly ArgumentType[] = ["string", "path", "strings", "recipient"];

/** Whether a value of a type can meet a condition at all; one that cannot is a mistake that nobody would notice. */
function fits(condition: Condition, type: ArgumentType | null): boolean {
  if (type === null) return false;
  if ("in" in condition) return TEXTS.includes(type);
  if ("under" in condition) return type === "path";
  if ("max" in condition) return type === "long" || type === "decimal";
  const { equals } = condition;
  if (typeof equals === "string") return TEXTS.includes(type);
  if (typeof equals === "boolean") return type === "bool";
  return type === "decimal" || (type === "long" && Number.isSafeInteger(equals));
}

function readCondition(place: Place): Condition {
  const { value } = place;
  const [operator] = typeof value === "object" && value !== null ? Object.keys(value) : [];
  if (operator === "equals") return { equals: readScalar(place.fields("equals")("equals")) };
  if (operator === "under") return { under: readPath(place.fields("under")("under")) };
  if (operator === "in") {
    const list = place.fields("in")("in");
    const texts = list.names(256, (text) => text.text(CONDITION_TEXT, "a text"));
    return texts.length === 0 ? list.fail("an empty list, which nothing is in") : { in: texts };
  }
  if (operator !== "max") return place.fail("not a condition: one of equals, in, under, max");
  const max = place.fields("max")("max");
  return typeof max.value === "number" ? { max: max.value } : max.fail("not a number");
}

function readScalar(place: Place): string | number | boolean {
  if (typeof place.value === "number" || typeof place.value === "boolean") return place.value;
  return place.text(CONDITION_TEXT, "a text, a number, true or false");
}

function readLimits(place: Place, lease: boolean): Limits {
  const given = place.given("budget", "hours");
  const at = place.fields("uses", "rate", "bytes", "notBefore", "expires", ...given);
  const notBefore = at("notBefore").whole(0, MAX_TIME);
  const expires = at("expires").whole(0, MAX_TIME);
  if (expires <= notBefore) at("expires").fail("not after notBefore");
  const uses = at("uses").orNull((count) => count.whole(1, Number.MAX_SAFE_INTEGER));
  if (lease && uses === null) at("uses").fail("a lease is counted");
  if (lease && expires - notBefore > MAX_LEASE_MS) at("expires").fail("a lease lasts at most seven days");
  return {
    uses,
    rate: at("rate").orNull(readRate),
    bytes: at("bytes").orNull((count) => count.whole(1, Number.MAX_SAFE_INTEGER)),
    notBefore,
    expires,
    ...(given.includes("budget") ? { budget: readBudget(at("budget")) } : {}),
    ...(given.includes("hours") ? { hours: readHours(at("hours")) } : {}),
  };
}

function readRate(place: Place): { readonly count: number; readonly seconds: number } {
  const at = place.fields("count", "seconds");
  return { count: at("count").whole(1, MAX_RATE_COUNT), seconds: at("seconds").whole(1, MAX_RATE_SECONDS) };
}
