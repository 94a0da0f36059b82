import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DriverSource } from "../../src/kernel/grant.ts";
import type { Watched } from "../../src/main/detonation/made-home.ts";
import { addArchive } from "../e2e/adding.ts";
import { startSubstrate, type Substrate } from "../e2e/substrate.ts";
import { AGENT, look, writeInto, WORKSPACE_FILES, type Outcome, type Scene } from "./bare.ts";
import { leftBehind, listProcesses } from "./left-behind.ts";
import { STATE } from "./machine.ts";
import { archiveOf, type Sample } from "./samples.ts";
import { readUse, unused, type Use } from "./use.ts";

/** A substrate on the machine, and its person's home. */
export interface Sealed {
  /** Uses these at once; an effect is that of each of them, since nobody can tell whose it was. */
  run(samples: readonly Sample[]): Promise<readonly Outcome[]>;
  stop(): Promise<void>;
}

/** What a server and its face have to end when their agent has, milliseconds. */
const ENDING_MS = 15_000;
const PROGRAMS = ["corpus-agent.mjs", "obeying.mjs", "obeyed-words.mjs"];
const SOCKET = "/run/aios/mcp-stdio.sock";

export async function startSealed(scene: Scene): Promise<Sealed> {
  const { person, internet, endpoint } = scene;
  const aios = await startSubstrate();
  const code = join(STATE, "agent");
  mkdirSync(code);
  for (const name of PROGRAMS) cpSync(join(AGENT, "..", name), join(code, name));
  const watched: Watched = person.settle();
  for (const each of [internet, endpoint, scene.strays]) each.take();
  const before = listProcesses();
  let number = 0;

  return {
    async run(samples) {
      const uses = await Promise.all(samples.map((sample) => use(sample, `x${number++}`)));
      const left = await leftBehind(before, ENDING_MS);
      const heard = uses.flatMap((each) => each.heard);
      const effects = look(scene, watched, { left: [...left.values()], heard });
      return uses.map((each) => ({ effects, use: each }));
    },
    async stop() {
      await aios.stop();
      const late = look(scene, watched, { left: [], heard: [] });
      watched.close();
      if (late.length > 0) throw new Error(`something happened when all was over: ${late.join(", ")}`);
    },
  };

  /** As a person does who trusts it: added, granted what it asks for, used by an agent of theirs. */
  async function use(sample: Sample, id: string): Promise<Use> {
    const workspace = join(aios.workspace, id);
    writeInto(workspace, WORKSPACE_FILES);
    if (sample.isRead) writeInto(join(workspace, "skills", "sample"), sample.files);
    let server: { readonly socket: string } | null = null;
    let why = "";
    try {
      server = await trust(aios, sample, id);
    } catch (error) {
      why = error instanceof Error ? error.message : String(error);
      await aios.grant({ id, agents: [id], allow: [], workspace: "write", programs: "any" });
    }
    const plan = join(STATE, `${id}.json`);
    const place = sample.isRead ? "/workspace/skills/sample" : null;
    writeFileSync(plan, JSON.stringify({ place, install: [], words: sample.words, server }));
    const ran = await aios.run({
      agent: id,
      workspace,
      code: [...PROGRAMS.map((name) => join(code, name)), plan],
      command: ["/aios/node", join(code, "corpus-agent.mjs"), plan],
    });
    const used = readUse(ran.stdout);
    if (why !== "") return { ...used, why };
    return used.why === "its agent was ended"
      ? unused(`its agent was ended: ${ran.state} ${ran.why ?? ""} ${ran.stderr}`)
      : used;
  }

  async function trust(on: Substrate, sample: Sample, id: string): Promise<{ readonly socket: string } | null> {
    const source = await sourceOf(on, sample);
    await on.grant({
      id,
      agents: [id],
      workspace: "write",
      programs: "any",
      ...(source === null
        ? { allow: [] }
        : {
            drivers: {
              made: { source, tools: Object.fromEntries(sample.tools.map((tool) => [tool, { risk: "observe" }])) },
            },
            allow: sample.tools.map((tool) => `made/${tool}`),
          }),
    });
    return source === null ? null : { socket: SOCKET };
  }

  async function sourceOf(on: Substrate, sample: Sample): Promise<DriverSource | null> {
    if (sample.offers !== null) return { kind: "http", url: endpoint.offer(sample.name, sample.offers) };
    const { form, bytes } = archiveOf(sample);
    const { extension } = await addArchive(on, [bytes], { form, label: "sample" });
    if (sample.server === null) return null;
    const { manifest } = await on.client.request("extension-show", { id: extension.id });
    const workspace = manifest.asks.files.length > 0 ? "write" : "none";
    return { kind: "ext", extension: extension.id, command: sample.server, workspace };
  }
}
