import { isObject, type JsonObject, type JsonValue } from "../../kernel/json.ts";
import { decodeBinding, type Binding } from "../../kernel/secrets.ts";
import { tableAt } from "../scan/configuration.ts";
import type { ShortChannel } from "../../protocol/short-channels.ts";
import { takeKeys, type MovedKey } from "./moved-keys.ts";
import { botOf, findChannel, type Channel } from "./openclaw-channels.ts";
import { adoptModels, type ProviderFile } from "./openclaw-models.ts";

/** What becomes of one key. */
export interface AdoptedKey extends MovedKey {
  /** Where it may be sent, null when nobody knows or nothing here can send it. */
  readonly binding: Binding | null;
}

/** What `aios adopt openclaw` would write. Only `keys` holds values. */
export interface OpenClawPlan {
  /** The copy of the configuration, for the agent's home. */
  readonly configuration: JsonObject;
  readonly keys: readonly AdoptedKey[];
  readonly providers: readonly ProviderFile[];
  readonly destinations: Channel["destinations"];
  /** Its bots, with whom their allow-lists name. */
  readonly channels: readonly ShortChannel[];
  /** Sentences on what was changed, and what does not work. */
  readonly notes: readonly string[];
}

/** OpenClaw's state and workspace inside, as the profile `openclaw` has them. */
const WORKSPACE = "/home/agent/.openclaw/workspace";
const SERVERS = { aios: { command: "/aios/node", args: ["/aios/mcp-stdio.js"] } };

/** OpenClaw's own sandbox, of the default agent and of each other. */
const OWN_SANDBOX = { mode: "off" };

/** Plans how a configuration of OpenClaw comes under the substrate. Reads nothing but the table. Pure. */
export function planOpenClaw(original: JsonObject): OpenClawPlan {
  const { table, keys } = takeKeys(original, "OPENCLAW");
  const models = adoptModels(table, keys);
  const settings = tableAt(table, ["channels"]);
  const channels = adoptChannels(settings);
  const notes = [...models.notes, ...channels.notes];
  const servers = [...Object.keys(tableAt(table, ["mcp", "servers"])), ...Object.keys(tableAt(table, ["mcpServers"]))];
  if (servers.length > 0)
    notes.push(`MCP servers are left out, since tools come through a grant: name ${servers.join(", ")} under servers`);
  if (tableAt(table, ["agents"])["list"] !== undefined || tableAt(table, ["agents"])["entries"] !== undefined)
    notes.push("agents beside the default one keep the workspaces that they name, which are not there inside");
  if (JSON.stringify(withoutSandboxes(tableAt(table, ["agents"]))) !== JSON.stringify(tableAt(table, ["agents"])))
    notes.push(
      "OpenClaw's own sandboxes are switched off: no Docker is inside, and what it runs is in a sandbox already",
    );
  if (JSON.stringify(original).includes('"$include"'))
    notes.push("it includes other files ($include), which were not read: their keys are still in them");
  const adopted = keys.map((key): AdoptedKey => {
    const provider = models.used.has(key) ? models.providers.find(({ secret }) => secret === key.secret) : undefined;
    if (provider !== undefined) return { ...key, binding: providerBinding(provider, key) };
    return { ...key, binding: botOf(key, settings)?.binding ?? null };
  });
  const bots = keys.flatMap((key) => botOf(key, settings)?.channel ?? []);
  for (const { kind, secret, to, send } of bots)
    if (send.length > 0 && to.length === 0)
      notes.push(`${kind} names nobody by an id whom ${secret} may answer: you are asked about each`);
  return {
    configuration: rewrite(table, { providers: models.entries, channels: channels.table, keys }),
    keys: adopted,
    providers: models.providers,
    destinations: channels.destinations,
    channels: bots,
    notes,
  };
}

function adoptChannels(channels: JsonObject): {
  readonly table: JsonObject;
  readonly destinations: Channel["destinations"];
  readonly notes: readonly string[];
} {
  const destinations: Channel["destinations"][number][] = [];
  const notes: string[] = [];
  const table = Object.entries(channels).map(([name, settings]): readonly [string, JsonValue] => {
    if (name === "defaults" || !isObject(settings)) return [name, settings];
    const channel = findChannel(name);
    const missing =
      channel === null ? "its hosts are not known here: name them under network, then set enabled" : channel.missing;
    if (missing === null) {
      destinations.push(...(channel?.destinations ?? []));
      return [name, { ...settings, ...channel?.settings }];
    }
    notes.push(`the channel ${name} is switched off: ${missing}`);
    return [name, { ...settings, enabled: false }];
  });
  return { table: Object.fromEntries(table), destinations, notes };
}

/** The binding that a provider's key needs: as its format sends it. Null when it could not be signed. */
function providerBinding({ format, url }: ProviderFile, { secret }: MovedKey): Binding | null {
  const [, to = "", path = ""] = /^(https?:\/\/[^/]+)(\/.*)?$/u.exec(url) ?? [];
  const header = format === "anthropic" ? "x-api-key" : "authorization";
  const scheme = format === "anthropic" ? null : "Bearer";
  const base = format === "anthropic" ? `${path}/v1` : path;
  const decoded = decodeBinding({ secret, to, methods: ["POST"], path: base === "" ? "/" : base, header, scheme });
  return decoded.kind === "ok" ? decoded.value : null;
}

/** The copy: models from the substrate, tools from its face, and a gateway that nobody reaches but by a paired key. */
function rewrite(
  table: JsonObject,
  {
    providers,
    channels,
    keys,
  }: { readonly providers: JsonObject; readonly channels: JsonObject; readonly keys: readonly MovedKey[] },
): JsonObject {
  const { mcpServers: _servers, ...rest } = table;
  const { controlUi: _page, auth: _auth, remote: _remote, tailscale: _tail, ...gateway } = tableAt(table, ["gateway"]);
  const agents = withoutSandboxes(tableAt(table, ["agents"]));
  return {
    ...rest,
    ...(table["env"] === undefined ? {} : { env: withoutMoved(tableAt(table, ["env"]), keys) }),
    // The gate in front lets in nobody but by a paired key; inside there is nobody else (docs/decisions/published-ports.md).
    gateway: { ...gateway, mode: "local", port: 18_789, bind: "loopback", auth: { mode: "none" } },
    agents: {
      ...agents,
      defaults: {
        ...tableAt(agents, ["defaults"]),
        workspace: WORKSPACE,
        skipBootstrap: true,
        // Said, not left to what a version takes for the default: it starts containers, and nothing inside can.
        sandbox: OWN_SANDBOX,
      },
    },
    models: { ...tableAt(table, ["models"]), providers },
    ...(Object.keys(channels).length === 0 ? {} : { channels }),
    mcp: { ...tableAt(table, ["mcp"]), servers: SERVERS },
  };
}

/** The table of agents with every sandbox that is set in it off: of the default one, and of others in a list or by name. */
function withoutSandboxes(agents: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(agents).map(([name, value]) => {
      if (name === "defaults") return [name, withoutSandbox(value)];
      return [name, name === "list" || name === "entries" ? withoutEach(value) : value];
    }),
  );
}

function withoutEach(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(withoutSandbox);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, agent]) => [name, withoutSandbox(agent)]));
}

function withoutSandbox(agent: JsonValue): JsonValue {
  return isObject(agent) && agent["sandbox"] !== undefined ? { ...agent, sandbox: OWN_SANDBOX } : agent;
}

/** A variable that the configuration sets from itself would stand for nothing: the environment has it. */
function withoutMoved(env: JsonObject, keys: readonly MovedKey[]): JsonObject {
  const moved = new Set(keys.filter(({ place }) => place[0] === "env").map(({ place }) => place.join("\0")));
  const strip = (table: JsonObject, place: readonly string[]): JsonObject =>
    Object.fromEntries(
      Object.entries(table)
        .filter(([name]) => !moved.has([...place, name].join("\0")))
        .map(([name, value]) => [name, isObject(value) ? strip(value, [...place, name]) : value]),
    );
  return strip(env, ["env"]);
}
