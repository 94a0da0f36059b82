import { isObject, type JsonObject, type JsonValue } from "../../kernel/json.ts";
import { lineOf, tableAt, textAt, textsAt, valueAt } from "./configuration.ts";
import type { Finding, RuleId } from "./finding.ts";
import { hideSecrets, isSecretInClear } from "./secret-like.ts";

/** One configuration as it was read. */
export interface Configuration {
  /** Id of the client. */
  readonly client: string;
  /** `~/…`, for people. */
  readonly path: string;
  readonly from: "person" | "folder";
  readonly text: string;
  readonly table: JsonObject;
}

/** How an agent is held by its own program; `unknown` where what could say so was not read. */
export type OwnSandbox = "none" | "workspace" | "unknown";

/** The same for people. */
export const HELD_WORDS: { readonly [sandbox in OwnSandbox]: string } = {
  none: "runs with everything you have",
  workspace: "its own sandbox keeps commands to the folder",
  unknown: "what it is kept to could not be read",
};

type Find = (rule: RuleId, message: string, names: readonly string[]) => void;

/** What a client's settings let an agent do without a question, and what runs by itself. */
export function judgeSettings(configuration: Configuration): readonly Finding[] {
  const { client, path, text, table } = configuration;
  const findings: Finding[] = [];
  const find: Find = (rule, message, names) => {
    findings.push({ rule, client, subject: path, message, place: { path, line: lineOf(text, names) } });
  };
  JUDGES.get(client)?.(configuration, find);
  for (const [name, value] of Object.entries({ ...tableAt(table, ["env"]), ...tableAt(table, ["env", "vars"]) })) {
    if (typeof value === "string" && isSecretInClear(name, value))
      find("key-in-clear", `${name} stands in clear text in the environment that ${path} sets`, ["env", name]);
  }
  return findings;
}

const JUDGES: ReadonlyMap<string, (configuration: Configuration, find: Find) => void> = new Map([
  ["claude-code", judgeClaude],
  ["codex", judgeCodex],
  ["opencode", judgeOpenCode],
  ["cursor", judgeCursor],
  ["vscode", judgeCode],
  ["gemini", judgeGemini],
  ["openclaw", judgeOpenClaw],
]);

function judgeClaude({ table, from, path }: Configuration, find: Find): void {
  if (textAt(table, ["permissions", "defaultMode"]) === "bypassPermissions")
    find("asks-nobody", `${path} switches every permission question off`, ["defaultMode"]);
  for (const rule of textsAt(table, ["permissions", "allow"])) {
    // What was allowed once is kept as it was typed, keys too.
    const { shown, names } = hideSecrets(rule);
    for (const name of names)
      find("key-in-clear", `a permission rule of ${path} holds ${name} in clear text`, ["allow", rule]);
    if (/^(?:Bash|Bash\(\*(?::\*)?\)|\*)$/u.test(rule))
      find("shell-granted", `the rule ${shown} lets every shell command run without a question`, ["allow", rule]);
    else if (/^Bash\((?:sudo|curl|wget|ssh|python3?|node|npx|bash|sh|env|xargs|find|docker)\b/u.test(rule))
      find("shell-granted", `the rule ${shown} lets a program run that can start any other`, ["allow", rule]);
  }
  if (valueAt(table, ["enableAllProjectMcpServers"]) === true)
    find("project-servers-trusted", `${path} starts whatever servers a folder's .mcp.json names`, [
      "enableAllProjectMcpServers",
    ]);
  for (const [event, entries] of Object.entries(tableAt(table, ["hooks"]))) {
    const commands = commandsIn(entries);
    if (commands === 0) continue;
    const rule = from === "folder" ? "project-hook" : "hook";
    find(rule, `${commands === 1 ? "a command runs" : `${commands} commands run`} by itself at ${event}`, [
      "hooks",
      event,
    ]);
  }
}

/** Commands anywhere below a hook's entry. */
function commandsIn(value: JsonValue): number {
  if (Array.isArray(value)) return value.reduce((sum: number, each: JsonValue) => sum + commandsIn(each), 0);
  if (!isObject(value)) return 0;
  const own = typeof value["command"] === "string" ? 1 : 0;
  return own + Object.values(value).reduce((sum: number, each) => sum + commandsIn(each), 0);
}

function judgeCodex({ table, path }: Configuration, find: Find): void {
  const never = textAt(table, ["approval_policy"]) === "never";
  const open = textAt(table, ["sandbox_mode"]) === "danger-full-access";
  if (never && open) find("asks-nobody", `${path} gives full access and asks about nothing`, ["approval_policy"]);
  else if (open) find("shell-granted", `${path} lets commands run outside of Codex's sandbox`, ["sandbox_mode"]);
}

function judgeOpenCode({ table, path }: Configuration, find: Find): void {
  const bash = valueAt(table, ["permission", "bash"]);
  const all = valueAt(table, ["permission"]);
  const open =
    all === "allow" ||
    bash === "allow" ||
    (isObject(bash ?? null) && valueAt(table, ["permission", "bash", "*"]) === "allow");
  if (open) find("shell-granted", `${path} lets every shell command run without a question`, ["permission"]);
  // OpenCode asks about nothing unless it is told to.
  else if (all === undefined)
    find("shell-granted", `${path} says nothing of permissions, and OpenCode then asks about none`, []);
}

function judgeCursor({ table, path }: Configuration, find: Find): void {
  for (const rule of textsAt(table, ["permissions", "allow"]))
    if (/^Shell\(\*\*?\)$/u.test(rule)) find("shell-granted", `the rule ${rule} lets every shell command run`, [rule]);
  if (textAt(table, ["approvalMode"]) === "unrestricted")
    find("asks-nobody", `${path} switches every question off`, ["approvalMode"]);
}

function judgeCode({ table, path, from }: Configuration, find: Find): void {
  const settings = ["chat.tools.autoApprove", "chat.tools.global.autoApprove"];
  for (const name of settings)
    if (table[name] === true)
      find(
        "asks-nobody",
        `${from === "folder" ? "the folder's settings let" : `${path} lets`} every tool run without a question`,
        [name],
      );
  const terminal = table["chat.tools.terminal.autoApprove"];
  if (
    terminal !== undefined &&
    isObject(terminal) &&
    Object.entries(terminal).some(([rule, on]) => on === true && /^\/\.\*\/?/u.test(rule))
  )
    find("shell-granted", `${path} lets every terminal command run without a question`, [
      "chat.tools.terminal.autoApprove",
    ]);
}

function judgeGemini({ table, path }: Configuration, find: Find): void {
  const mode = textAt(table, ["general", "defaultApprovalMode"]) ?? textAt(table, ["defaultApprovalMode"]);
  if (mode === "yolo" || valueAt(table, ["autoAccept"]) === true || valueAt(table, ["tools", "autoAccept"]) === true)
    find("asks-nobody", `${path} lets tools run without a question`, ["pprovalMode"]);
  for (const rule of [...textsAt(table, ["tools", "allowed"]), ...textsAt(table, ["allowedTools"])])
    if (/^(?:run_shell_command|ShellTool)$/u.test(rule))
      find("shell-granted", `${rule} is allowed as a whole: every shell command runs without a question`, [rule]);
}

function judgeOpenClaw({ table, path }: Configuration, find: Find): void {
  const gateway = tableAt(table, ["gateway"]);
  const mode = textAt(gateway, ["auth", "mode"]);
  const bind = textAt(gateway, ["bind"]);
  const outside = bind !== null && !["loopback", "127.0.0.1", "localhost", "auto"].includes(bind);
  if (mode === "none" || (outside && mode === null && textAt(gateway, ["auth", "token"]) === null))
    find("gateway-unguarded", `${path} lets whoever reaches the gateway in`, ["gateway", "auth"]);
  for (const name of ["allowInsecureAuth", "dangerouslyDisableDeviceAuth"])
    if (valueAt(gateway, ["controlUi", name]) === true)
      find("gateway-unguarded", `${name} lets a page pair itself with the gateway`, ["gateway", name]);
  if (outside)
    find("gateway-open", `the gateway listens on ${bind}, where other machines reach it`, ["gateway", "bind"]);
  if (textAt(table, ["tools", "exec", "security"]) === "full" && textAt(table, ["tools", "exec", "ask"]) !== "always")
    find("asks-nobody", `${path} lets every command run on this machine without a question`, ["exec", "security"]);
  judgeChannels(tableAt(table, ["channels"]), find);
  for (const [place, name, value] of keysIn(table, [], 0))
    if (isSecretInClear(name, value))
      find("key-in-clear", `${[...place, name].join(".")} stands in clear text in ${path}`, [...place, name]);
}

function judgeChannels(channels: JsonObject, find: Find): void {
  for (const [channel, settings] of Object.entries(channels)) {
    const policies = [
      textAt(settings, ["dmPolicy"]),
      textAt(settings, ["dm", "policy"]),
      textAt(settings, ["groupPolicy"]),
    ];
    const anybody = textsAt(settings, ["allowFrom"]).includes("*");
    if (policies.includes("open") || anybody)
      find("channel-open", `anybody who finds it on ${channel} may write to the agent, which then acts for you`, [
        "channels",
        channel,
      ]);
  }
}

/** Every named text of a table. `env` is looked at for every client. */
function* keysIn(
  table: JsonObject,
  place: readonly string[],
  depth: number,
): Generator<readonly [readonly string[], string, string]> {
  if (depth > 8) return;
  for (const [name, value] of Object.entries(table)) {
    if (typeof value === "string") yield [place, name, value];
    else if (isObject(value) && !(depth === 0 && ["env", "mcp", "mcpServers"].includes(name)))
      yield* keysIn(value, [...place, name], depth + 1);
  }
}

/**
 * The sandbox that a client itself puts its agent's commands into, as far as its settings say. `whole`: all of its
 * configurations that are there were read; where one was not, it could say the opposite of the others.
 */
export function ownSandbox(
  client: string,
  { tables, whole }: { readonly tables: readonly JsonObject[]; readonly whole: boolean },
): OwnSandbox {
  const says = (path: readonly string[], values: readonly JsonValue[]): boolean =>
    tables.some((table) => values.some((value) => valueAt(table, path) === value));
  const known = (isOn: boolean): OwnSandbox => (whole ? (isOn ? "workspace" : "none") : "unknown");
  switch (client) {
    // Its commands are kept to the folder unless it is told otherwise.
    case "codex":
      return known(!says(["sandbox_mode"], ["danger-full-access"]));
    case "claude-code":
      return known(says(["sandbox", "enabled"], [true]));
    case "gemini":
      return known(
        says(["tools", "sandbox"], [true, "docker", "podman"]) || says(["sandbox"], [true, "docker", "podman"]),
      );
    case "openclaw":
      return known(says(["agents", "defaults", "sandbox", "mode"], ["all"]));
    // These have none, whatever their settings say.
    default:
      return "none";
  }
}
