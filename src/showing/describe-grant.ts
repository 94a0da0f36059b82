import {
  EXTENSION_PLACE,
  workspaceOf,
  type Allow,
  type Condition,
  type DriverSpec,
  type Grant,
} from "../kernel/grant.ts";
import type { Risk, ToolClass } from "../kernel/grant.ts";
import { deviceKind } from "../kernel/devices.ts";
import { FORWARD } from "../kernel/forwards.ts";
import { INFER_DRIVER } from "../kernel/infer.ts";
import { NET_DRIVER } from "../kernel/net.ts";
import { GIT_DRIVER } from "../kernel/git-ssh.ts";
import { describeGitAllow, isGitAllow } from "./describe-git.ts";
import { describeBudget, describeInferenceAllow, isInferenceAllow } from "./describe-inference.ts";
import { describeHours } from "./describe-hours.ts";
import { describeOpen, describeRest, type OpenArguments } from "./describe-open.ts";
import { describePort } from "./describe-port.ts";
import { describeNamedLimits } from "./describe-limits.ts";
import { describeNetworkAllow, isNetworkAllow } from "./describe-network.ts";
import { join, line, type Line, type Tone } from "./line.ts";
import { showBytes, showMoment, showSpan } from "./moment.ts";
import { makeVisible } from "./visible.ts";
import { cutRows, wrapProse } from "./width.ts";

export interface DescribeOptions {
  readonly now: number;
  /** Minutes that local time is ahead of UTC. */
  readonly offset: number;
  readonly columns: number;
  /** Whether to show where the tools come from, with pins and classes. Never left out where a grant is signed. */
  readonly servers: boolean;
  /** What is known to be left open beside what the grant itself says: of a proposal, whose calls were seen. */
  readonly open?: readonly OpenArguments[];
}

/** What happens to an allowed action of a class, in words. */
const CONSEQUENCES: { readonly [risk in Risk]: { readonly tone: Tone; readonly words: string } } = {
  observe: { tone: "good", words: "runs" },
  stage: { tone: "good", words: "runs" },
  infer: { tone: "good", words: "runs" },
  reach: { tone: "wait", words: "asks, unless you named the recipient" },
  reserved: { tone: "wait", words: "asks you every time" },
  prohibited: { tone: "bad", words: "never runs" },
};

/**
 * A grant as a person decides on it: Can, Cannot, Limits, Risk, and where the tools come from. Every field of the
 * document that is signed occurs (SHOWN-SIGNED-RUN). Pure.
 */
export function describeGrant(grant: Grant, options: DescribeOptions): readonly Line[] {
  return [
    join(
      ["strong", `${grant.lease ? "lease" : "grant"} ${grant.id}`],
      ` for ${grant.agents.map(makeVisible).join(", ")}`,
    ),
    ...section("Can", describeCan(grant, options.open ?? []), options.columns),
    ...section("Cannot", describeCannot(grant), options.columns),
    ...section("Limits", describeLimits(grant, options), options.columns),
    ...section("Risk", describeRisk(grant), options.columns),
    ...(options.servers
      ? Object.entries(grant.drivers).flatMap(([name, driver]) =>
          section(`Server ${name}`, describeDriver(driver), options.columns),
        )
      : []),
  ];
}

interface Item {
  readonly tone: Tone;
  readonly text: string;
}

function section(title: string, items: readonly Item[], columns: number): readonly Line[] {
  return [
    line(title, "strong"),
    ...items.flatMap((item) =>
      wrapProse(item.text, columns - 4)
        .flatMap((text) => cutRows(text, columns - 4))
        .map((text, index) => line(`${index === 0 ? "  " : "    "}${text}`, item.tone)),
    ),
  ];
}

function describeAllow(grant: Grant, allow: Allow, open: readonly OpenArguments[]): Item {
  if (isInferenceAllow(allow)) return describeInferenceAllow(allow, grant.lease);
  if (isNetworkAllow(allow)) return describeNetworkAllow(allow, grant.lease);
  if (isGitAllow(allow)) return describeGitAllow(allow, grant.lease);
  const tool = findTool(grant, allow);
  const { tone, words } = grant.lease
    ? { tone: "good" as const, words: "runs without asking: this is a lease" }
    : CONSEQUENCES[tool?.risk ?? (/[#@]/u.test(allow.what) ? "observe" : "reserved")];
  const fields = Object.entries(allow.where).map(
    ([field, condition]) => `${makeVisible(field)} ${describeCondition(condition)}`,
  );
  const where = fields.length === 0 ? "" : ` where ${fields.join(" and ")}`;
  const left = tool === null ? "" : describeOpen(allow, { lease: grant.lease, open });
  return { tone, text: `${makeVisible(allow.what)}${where}: ${words}${left}` };
}

function describeCan(grant: Grant, open: readonly OpenArguments[]): readonly Item[] {
  const items = grant.allow.map((allow): Item => {
    const { tone, text } = describeAllow(grant, allow, open);
    return { tone, text: `${text}${describeRest(allow)}` };
  });
  const sandbox: Item[] = [];
  const { workspace, folder, home } = grant.sandbox;
  if (workspace !== "none") {
    const how = workspace === "read" ? "read only" : "and may write in it";
    const which = folder === null ? "the workspace folder" : `the folder ${makeVisible(folder)}`;
    sandbox.push({ tone: "plain", text: `the agent itself sees ${which} (${how})` });
  }
  for (const [name, driver] of Object.entries(grant.drivers)) {
    const sees = workspaceOf(driver.source);
    if (sees === "none") continue;
    const which = folder === null ? "the workspace folder" : `the folder ${makeVisible(folder)}`;
    const text = `the server ${makeVisible(name)} ${sees === "read" ? "reads" : "reads and writes"} in ${which} when it is called`;
    sandbox.push({ tone: "plain", text });
  }
  if (grant.sandbox.programs === "any") {
    sandbox.push({ tone: "plain", text: "the agent starts any program inside its sandbox; each is recorded" });
  }
  if (home !== null) sandbox.push({ tone: "plain", text: "the agent keeps a home of its own between runs" });
  for (const [variable, { secret, to }] of Object.entries(grant.sandbox.secrets ?? {})) {
    const text = `requests to ${makeVisible(to)} carry the secret ${makeVisible(secret)}, which it never sees: ${makeVisible(variable)} holds a placeholder`;
    sandbox.push({ tone: "wait", text });
  }
  for (const port of grant.sandbox.ports) sandbox.push({ tone: "plain", text: describePort(port, grant.agents) });
  for (const device of grant.sandbox.devices ?? []) {
    sandbox.push({ tone: "plain", text: `the agent uses the device ${device} (${deviceKind(device) ?? "unknown"})` });
  }
  return items.length + sandbox.length === 0 ? [{ tone: "faint", text: "nothing" }] : [...items, ...sandbox];
}

function describeCannot(grant: Grant): readonly Item[] {
  const allowed = new Set(grant.allow.map((allow) => allow.what));
  const listed = Object.entries(grant.drivers).flatMap(([driver, spec]) =>
    // The tools of built-in devices are no names that a person knows; what may not be reached is said below.
    (driver === NET_DRIVER || driver === INFER_DRIVER || driver === GIT_DRIVER ? [] : Object.keys(spec.tools))
      .map((tool) => `${driver}/${tool}`)
      .filter((what) => !allowed.has(what)),
  );
  const served = Object.values(grant.drivers).some(({ source }) => workspaceOf(source) !== "none");
  const workspace =
    grant.sandbox.workspace !== "none"
      ? "any file of yours outside the workspace"
      : served
        ? "any other file of yours"
        : "any file of yours";
  const programs =
    grant.sandbox.programs === "any"
      ? "programs outside its sandbox"
      : "any program but its own, inside its sandbox too";
  const sealed = grant.sandbox.home?.sealed ?? [];
  return [
    ...(sealed.length === 0
      ? []
      : [{ tone: "plain" as const, text: `change in its home ${sealed.join(", ")}: only what you put there` }]),
    ...(listed.length === 0
      ? []
      : [{ tone: "plain" as const, text: `${listed.map(makeVisible).join(", ")}: not even listed` }]),
    {
      tone: "plain",
      text: `${workspace}, ${grant.allow.some(isNetworkAllow) ? "the rest of the network" : "the network"}, ${programs}, the substrate's own settings, keys and log`,
    },
  ];
}

/** What of its own home an agent cannot change, and how large that may be. */
function describeHome({ sandbox: { home } }: Grant): readonly Item[] {
  return home === null
    ? []
    : [
        {
          tone: "plain",
          text: `a home of at most ${showBytes(home.bytes)} (${home.bytes}) in ${home.entries} entries`,
        },
      ];
}

function describeLimits(grant: Grant, options: DescribeOptions): readonly Item[] {
  const { limits } = grant;
  const ends = `ends ${showMoment(limits.expires, options.offset)} (in ${showSpan(limits.expires - options.now)})`;
  const begins = limits.notBefore > options.now ? `not before ${showMoment(limits.notBefore, options.offset)}; ` : "";
  return [
    { tone: "plain", text: `${begins}${ends}` },
    ...(limits.hours === undefined ? [] : describeHours(limits, { hours: limits.hours, now: options.now })),
    ...describeHome(grant),
    { tone: "plain", text: limits.uses === null ? "any number of uses" : `${limits.uses} uses in all` },
    ...(limits.rate === null
      ? []
      : [
          {
            tone: "plain" as const,
            text: `at most ${limits.rate.count} uses in ${showSpan(limits.rate.seconds * 1000)}`,
          },
        ]),
    ...(limits.bytes === null
      ? []
      : [
          {
            tone: "plain" as const,
            text: `at most ${showBytes(limits.bytes)} (${limits.bytes}) of arguments and results`,
          },
        ]),
    ...describeNamedLimits(grant.sandbox.limits).map((text): Item => ({ tone: "plain", text })),
    ...describeBudget(limits).map((text) => ({ tone: "plain" as const, text })),
  ];
}

function describeRisk(grant: Grant): readonly Item[] {
  const tools = grant.allow.flatMap((allow) => findTool(grant, allow) ?? []);
  const labels = new Set(tools.flatMap((tool) => tool.labels));
  const reaches = tools.some((tool) => tool.risk === "reach" || Object.keys(tool.recipients).length > 0);
  const items: Item[] = [];
  if (grant.lease) {
    items.push({ tone: "wait", text: "a lease: within its limits nobody is asked, not even for reserved actions" });
  }
  if (grant.lease && grant.allow.some((allow) => leavesWritesOpen(grant, allow))) {
    items.push({
      tone: "wait",
      text: "only the values above are fixed: what it writes, runs or sends in arguments that are not declared can be other than what it asked with",
    });
  }
  if (grant.allow.some((allow) => describeRest(allow).includes("sha256:"))) {
    items.push({
      tone: "plain",
      text: "what a digest above stands for is not written here: read it in the action that asked for it before you sign",
    });
  }
  if (labels.has("untrusted")) {
    items.push({ tone: "plain", text: "it reads words from outside; they may try to instruct the agent" });
  }
  if (labels.has("untrusted") && (labels.has("private") || labels.has("secret")) && reaches) {
    items.push({
      tone: "wait",
      text: "it reads words from outside and private data and can reach third parties: once both were read, what leaves is held for you",
    });
  }
  if (tools.some((tool) => tool.risk === "reserved") && !grant.lease) {
    items.push({ tone: "plain", text: "it has reserved tools; each use is held for your signature" });
  }
  if (grant.sandbox.home !== null) {
    items.push({ tone: "plain", text: "what it read or was told in one run can reach the next through its home" });
  }
  if (grant.sandbox.folder !== null && grant.sandbox.workspace === "none") {
    items.push({ tone: "plain", text: `its servers see no folder but ${makeVisible(grant.sandbox.folder)}` });
  }
  if (grant.sandbox.workspace === "write") {
    items.push({
      tone: "wait",
      text: "the agent may change and delete files of the workspace without asking, but for what other tools obey there; aios undo takes it back",
    });
  }
  const writers = Object.entries(grant.drivers).flatMap(([name, { source }]) =>
    workspaceOf(source) === "write" ? [makeVisible(name)] : [],
  );
  if (writers.length > 0) {
    items.push({
      tone: "wait",
      text: `${writers.length === 1 ? `the server ${writers[0]}` : `the servers ${writers.join(", ")}`} may change and delete files of the folder whenever it runs, but for what other tools obey there; aios undo takes it back`,
    });
  }
  if (grant.sandbox.open !== undefined) {
    items.push({
      tone: "wait",
      text: `what it writes into ${grant.sandbox.open.join(", ")} of the workspace is obeyed by your own tools there: git, editors and agents run what it says`,
    });
  }
  if (grant.sandbox.ports.length > 0) {
    items.push({ tone: "wait", text: "what it publishes runs in the visiting browser, as a page of its own" });
  }
  if (grant.sandbox.devices !== undefined) {
    items.push({
      tone: "wait",
      text: "a device's driver is part of the operating system: a flaw in it is a way out of the sandbox",
    });
  }
  if (grant.allow.some(isNetworkAllow)) {
    items.push({ tone: "wait", text: "what it sends to a host of the network has left this machine" });
  }
  if (grant.allow.some(isGitAllow)) {
    items.push({
      tone: "wait",
      text: "git speaks there with a key of yours, which the agent never has: what it pushes has left this machine, and what it fetches are words from outside",
    });
  }
  if (grant.allow.some((allow) => allow.what === `${GIT_DRIVER}/push`)) {
    items.push({
      tone: "wait",
      text: "a push that moves a ref may drop commits that others made: nobody here sees the history behind it",
    });
  }
  if (grant.allow.some(isInferenceAllow)) {
    items.push({ tone: "wait", text: "what it asks a model of another machine has left this one" });
  }
  if (grant.allow.some((allow) => allow.what === `${NET_DRIVER}/connect`)) {
    items.push({ tone: "wait", text: "of what is passed through nobody sees what is asked, sent or answered" });
  }
  if (grant.allow.some((allow) => allow.what === FORWARD)) {
    items.push({
      tone: "wait",
      text: "of what goes through a forwarded port nobody sees anything, nor checks which server answers: the agent does there whatever the service lets it",
    });
  }
  for (const [name, driver] of Object.entries(grant.drivers)) {
    if (driver.source.kind === "http")
      items.push({ tone: "wait", text: `${name} is a server elsewhere: what it is sent has left this machine` });
  }
  return items.length === 0 ? [{ tone: "plain", text: "nothing out of the ordinary" }] : items;
}

function describeDriver(driver: DriverSpec): readonly Item[] {
  const { source } = driver;
  const where =
    source.kind === "http"
      ? [`at ${makeVisible(source.url)}`]
      : source.kind === "stdio" || source.kind === "ext"
        ? [
            `runs ${source.command.map(makeVisible).join(" ")}`,
            ...(source.kind === "ext" ? describeExtension(source.extension) : describeCode(source.code)),
            `workspace: ${source.workspace}`,
          ]
        : ["built into the substrate"];
  const tools = Object.entries(driver.tools).map(([name, tool]) => `${makeVisible(name)}: ${describeTool(tool)}`);
  const resources = driver.resources.map((prefix) => `resources ${makeVisible(prefix)}`);
  const prompts = driver.prompts.map((prompt) => `prompt ${makeVisible(prompt)}`);
  return [...where, `pin ${driver.pin}`, ...tools, ...resources, ...prompts].map((text) => ({
    tone: "faint" as const,
    text,
  }));
}

function describeExtension(id: string): readonly string[] {
  return [`extension ${id}, every byte of it, at ${EXTENSION_PLACE}`, "code: that, and only the system's besides"];
}

/** Every path of the code: those of one node_modules folder after its name, which would otherwise repeat a hundred times. */
function describeCode(code: readonly string[]): readonly string[] {
  if (code.length === 0) return ["code: only the system's"];
  const groups = new Map<string, string[]>();
  for (const path of code) {
    const at = path.lastIndexOf("/node_modules/");
    const folder = at < 0 ? "" : path.slice(0, at + "/node_modules/".length);
    groups.set(folder, [...(groups.get(folder) ?? []), path.slice(folder.length)]);
  }
  return [...groups].map(([folder, names]) => {
    const shown = names.map(makeVisible).join(" ");
    return folder === "" ? `code ${shown}` : `code in ${makeVisible(folder)}: ${shown}`;
  });
}

function describeTool(tool: ToolClass): string {
  const parts: string[] = [tool.risk];
  if (tool.labels.length > 0) parts.push(`labels ${tool.labels.join("+")}`);
  const recipients = Object.entries(tool.recipients).map(([field, kind]) => `${makeVisible(field)} (${kind})`);
  if (recipients.length > 0) parts.push(`recipients ${recipients.join(" ")}`);
  const fields = Object.entries(tool.fields).map(([field, type]) => `${makeVisible(field)} (${type})`);
  if (fields.length > 0) parts.push(`fields ${fields.join(" ")}`);
  return parts.join("; ");
}

/** One condition in words. */
export function describeCondition(condition: Condition): string {
  if ("equals" in condition) return `is ${makeVisible(JSON.stringify(condition.equals))}`;
  if ("in" in condition)
    return `is one of ${condition.in.map((value) => makeVisible(JSON.stringify(value))).join(", ")}`;
  if ("under" in condition) return `is ${makeVisible(condition.under)} or below`;
  return `is at most ${condition.max}`;
}

/** Whether an allowance of a lease is for a server's tool that does more than look, whose undeclared arguments nothing holds. */
function leavesWritesOpen(grant: Grant, allow: Allow): boolean {
  if (isNetworkAllow(allow) || isInferenceAllow(allow) || isGitAllow(allow)) return false;
  const tool = findTool(grant, allow);
  return tool !== null && tool.risk !== "observe" && describeOpen(allow, { lease: true, open: [] }) !== "";
}

function findTool(grant: Grant, allow: Allow): ToolClass | null {
  const slash = allow.what.indexOf("/");
  if (slash < 0 || /[#@]/u.test(allow.what.slice(0, slash))) return null;
  const tools = grant.drivers[allow.what.slice(0, slash)]?.tools;
  const name = allow.what.slice(slash + 1);
  return tools !== undefined && Object.hasOwn(tools, name) ? (tools[name] ?? null) : null;
}
