import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { DriverSource, Grant } from "../../src/kernel/grant.ts";
import { readProfile } from "../../src/cli/propose.ts";
import { createPackages } from "../../src/main/package-finder.ts";
import { driverSources, expandGrant } from "../../src/protocol/expand-grant.ts";
import { grantAskedFor, type Profile } from "../../src/protocol/profile.ts";
import { asJson, REPO, type Ran, type Substrate } from "../e2e/substrate.ts";
import { awaitFetched } from "./fetched.ts";

const PROGRAM = join(
  REPO,
  `.cache/agents/claude-code/node_modules/@anthropic-ai/claude-code-linux-${process.arch}/claude`,
);
/** The real program, as `scripts/fetch-agent.cjs claude-code` puts it there; undefined when it is not. */
export const CLAUDE: string | undefined = (await awaitFetched("claude-code", PROGRAM)) ? PROGRAM : undefined;

/** A tool that the owner grants beside what the profile asks for. */
const FILES: Profile["servers"] = {
  files: {
    source: { kind: "package", name: "@modelcontextprotocol/server-filesystem" },
    args: ["/workspace"],
    workspace: "read",
    tools: { read_text_file: { risk: "observe", labels: [], fields: { path: "path" }, recipients: {} } },
    resources: [],
    prompts: [],
  },
};

/** The profile that ships, less what a test on one machine cannot have: its model is a scripted one on loopback. */
export function shippedProfile(model: string): Profile {
  const profile = readProfile(readFileSync(join(REPO, "profiles/claude-code.yaml"), "utf8"), "claude-code");
  return {
    ...profile,
    servers: FILES,
    allow: [{ what: "files/read_text_file", where: { path: { under: "/workspace" } } }],
    network: profile.network.slice(0, 1).map((destination) => ({ ...destination, to: model })),
  };
}

/** Signs what a profile asks for, as `aios run` would: the one prompt that there is. */
export async function signProfile(aios: Substrate, profile: Profile, id: string): Promise<Grant> {
  const short = grantAskedFor({ ...profile, sandbox: { ...profile.sandbox, folder: aios.workspace } }, id);
  const found = await createPackages([REPO]).find("@modelcontextprotocol/server-filesystem");
  const resolve = (): DriverSource => ({
    kind: "stdio",
    command: ["node", found.entry],
    code: found.code,
    workspace: "none",
  });
  const sources = driverSources(short, resolve);
  if (sources.kind !== "ok") throw new Error(sources.message);
  const { drivers } = await aios.client.request("probe", { drivers: sources.value, workspace: aios.workspace });
  const pins = Object.fromEntries(Object.entries(drivers).map(([name, { pin }]) => [name, pin]));
  const expanded = expandGrant(short, { now: Date.now() - 1000, resolve, pins });
  if (expanded.kind !== "ok") throw new Error(expanded.message);
  await aios.sign("sign-grant", asJson(expanded.value));
  return expanded.value;
}

/** Runs it as the profile says, with words of a person at a prompt. */
export function runClaude(aios: Substrate, profile: Profile, words: readonly string[]): Promise<Ran> {
  return aios.run({
    agent: profile.agent,
    workspace: aios.workspace,
    code: [CLAUDE ?? ""],
    command: [CLAUDE ?? "", ...profile.arguments, ...words],
    environment: {
      ...profile.environment,
      ANTHROPIC_BASE_URL: profile.network[0]?.to ?? "",
      ANTHROPIC_API_KEY: "placeholder",
    },
  });
}
