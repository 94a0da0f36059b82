import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect } from "vitest";
import type { JsonObject } from "../../src/kernel/json.ts";
import type { LogRecord } from "../../src/protocol/record.ts";
import type { CliRequests } from "../../src/protocol/requests.ts";
import { keyId, type Envelope } from "../../src/protocol/statement.ts";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import { scriptSource } from "../e2e/sources.ts";
import { REPO, signed, startSubstrate, type Substrate } from "../e2e/substrate.ts";

type Detail = CliRequests["held-show"]["ok"];

/** An action that waits, and an owner's yes to it that is not handed in yet. */
export interface Signed {
  readonly detail: Detail;
  readonly text: string;
  readonly envelope: Envelope;
  readonly document: JsonObject;
}

/** What the log has of one action, and how often it was done. */
export interface Told {
  readonly approved: number;
  readonly intents: number;
  readonly outcomes: readonly string[];
  readonly effects: number;
  readonly waits: boolean;
}

/** A monitor with an agent that asks for what needs a signature, and a server that writes down everything that it does. */
export interface ApprovalStage {
  readonly aios: Substrate;
  /** One action that waits. `alive`: its agent waits for the answer; else it has ended with a monitor. */
  take(who: "alive" | "gone"): Promise<Signed>;
  look(signed: Signed): Promise<Told>;
  /**
   * What must hold after whatever happened: what has no intent still waits and nobody did it; what has one does not wait, has
   * an outcome, and was done once at most; none ran that was not signed for. Then: what waits runs, once, when it is signed for.
   */
  holds(signed: Signed): Promise<Told>;
  /** Starts the monitor anew after it was killed; those who waited are gone. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** How a program is started so that it kills itself at the moment that is written in this file. */
export function cutFlag(armed: string): string {
  return `--import=${pathToFileURL(join(REPO, "test/fakes/cut-self.ts")).href}?armed=${armed}`;
}

/** One instance may have so many actions waiting, and a few more are asked for at once than are needed. */
const TOGETHER = 8;

export async function startApprovalStage(flags: readonly string[] = []): Promise<ApprovalStage> {
  const aios = await startSubstrate({ flags });
  await aios.grant({
    id: "notes",
    agents: ["worker"],
    drivers: {
      notes: {
        source: scriptSource("test/fakes/notes-server.ts", { args: ["/workspace/effects.txt"], workspace: "write" }),
        tools: { add: { risk: "reserved", fields: { text: "string" } } },
      },
    },
    allow: ["notes/add"],
  });
  const key = keyId(aios.owner.publicKey, createCrypto().sha256);
  let texts = 0;
  /** Requests that wait and were not given out, with their agent and without. */
  const waiting: { alive: string[]; gone: string[] } = { alive: [], gone: [] };

  async function ask(): Promise<void> {
    const calls = Array.from({ length: TOGETHER }, () => ({
      method: "tools/call",
      params: { name: "notes__add", arguments: { text: `text-${texts++}.` } },
    }));
    const known = new Set((await aios.held()).map(({ request }) => request));
    // It ends with the monitor that it runs under.
    void aios
      .follow("worker", [{ together: calls }], { workspace: aios.workspace, holdSeconds: 3600 })
      .catch(() => null);
    const fresh = async () => (await aios.held()).filter(({ request }) => !known.has(request));
    await expect.poll(async () => (await fresh()).length, { timeout: 60_000, interval: 20 }).toBe(TOGETHER);
    waiting.alive.push(...(await fresh()).map(({ request }) => request));
  }

  function effects(text: string): number {
    const path = join(aios.workspace, "effects.txt");
    return existsSync(path) ? readFileSync(path, "utf8").split(`"${text}"`).length - 1 : 0;
  }

  async function look({ detail, text }: Signed): Promise<Told> {
    const kinds: LogRecord["kind"][] = ["approved", "intent", "outcome"];
    const { entries } = await aios.client.request("log-show", { from: 0, limit: 10_000, instance: null, kinds });
    const mine = entries.flatMap(({ record }) =>
      "action" in record && record.action === detail.digest ? [record] : [],
    );
    const waits = (await aios.held()).some(({ request }) => request === detail.request);
    return {
      approved: mine.filter(({ kind }) => kind === "approved").length,
      intents: mine.filter(({ kind }) => kind === "intent").length,
      outcomes: mine.flatMap((record) => (record.kind === "outcome" ? [record.result] : [])),
      effects: effects(text),
      waits,
    };
  }

  const stage: ApprovalStage = {
    aios,
    look,
    async take(who) {
      if (waiting[who].length === 0) await ask();
      if (waiting[who].length === 0) {
        await aios.crash();
        await stage.restart();
      }
      const detail = await aios.client.request("held-show", { request: waiting[who].shift() ?? "" });
      const document: JsonObject = JSON.parse(detail.action);
      const { text } = document["arguments"] as { text: string };
      return { detail, text, document, envelope: signed({ ...detail.statement, decision: "allow", key }, aios.owner) };
    },
    async holds(one) {
      let told = await look(one);
      if (told.waits) {
        // One that was handed in by somebody who is dead now may be under way: then this one is refused.
        const taken = await aios.answer(one.detail.request, "allow").then(
          () => true,
          () => false,
        );
        const now = expect.poll(() => look(one), { timeout: 60_000, interval: 20 });
        await now.toMatchObject({ intents: 1, outcomes: ["ok"], effects: 1, waits: false });
        if (!taken) told = await look(one);
      }
      expect(told.effects).toBeLessThanOrEqual(told.intents);
      expect(told.intents).toBeLessThanOrEqual(Math.min(1, told.approved));
      expect(told.outcomes.length).toBe(told.intents);
      expect(told.waits).toBe(told.intents === 0);
      if (told.outcomes[0] === "ok") expect(told.effects).toBe(1);
      // What was signed before runs nothing more, in no case.
      await expect(
        aios.client.request("submit", { envelope: one.envelope, document: one.document }),
      ).rejects.toMatchObject({ code: "bad-statement" });
      expect((await look(one)).effects).toBe(told.waits ? 1 : told.effects);
      return told;
    },
    async restart() {
      await aios.restart();
      waiting.gone.push(...waiting.alive.splice(0));
    },
    stop: () => aios.stop(),
  };
  return stage;
}
