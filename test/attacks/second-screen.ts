import { beforeAll, describe, expect, test } from "vitest";
import type { Role } from "../../src/kernel/owner-roles.ts";
import type { CliRequests } from "../../src/protocol/requests.ts";
import type { Envelope, Statement } from "../../src/protocol/statement.ts";
import { until } from "../fakes/busy-instances.ts";
import type { Authenticator } from "../fakes/authenticator.ts";
import { scriptSource } from "../e2e/sources.ts";
import type { Ran, Substrate } from "../e2e/substrate.ts";

type Detail = CliRequests["held-show"]["ok"];
type Yes = Partial<Pick<Statement, "second" | "decision">>;

/**
 * A page that was taken over: it shows its person one action and has their passkey sign another. Its person types what the
 * terminal told them about the one that they see.
 */
export function describeSecondScreen(parts: {
  aios(): Substrate;
  enrolPasskey(name: string, roles: readonly Role[]): Promise<[Authenticator, string]>;
  sealBy(made: Authenticator, statement: Statement): Envelope;
}): void {
  describe("a page that shows one action and has another signed", () => {
    let aios: Substrate;
    let authenticator: Authenticator;
    let passkey: string;
    let running: Promise<Ran>;

    // One run of an agent for all of it: what it asks for waits, and each test answers one.
    beforeAll(async () => {
      aios = parts.aios();
      [authenticator, passkey] = await parts.enrolPasskey("mia", ["approve", "administer"]);
      const source = scriptSource("test/fakes/notes-server.ts", { args: ["/tmp/notes.txt"], workspace: "none" });
      await aios.grant({
        id: "burns",
        agents: ["burner"],
        drivers: { notes: { source, tools: { burn: { risk: "reserved" } } } },
        allow: ["notes/burn"],
      });
      const burn = { method: "tools/call", params: { name: "notes__burn", arguments: {} } };
      running = aios.follow("burner", [{ together: [burn, burn, burn, burn] }], { holdSeconds: 600 });
      const over = running.then((ran) => {
        throw new Error(`the agent ended: ${JSON.stringify(ran)}`);
      });
      over.catch(() => {}); // once all waits, its end is what the last test is about
      await Promise.race([over, until(async () => (await held()).length === 4, "all that it asks for is held")]);
    }, 150_000);

    const demand = (what: string) => aios.sign("set-second-screen", { for: what });

    const look = (request: string): Promise<Detail> => aios.client.request("held-show", { request });
    const held = async (): Promise<readonly string[]> => (await aios.held()).map(({ request }) => request);
    /** Two that wait: the one that the page shows, and the one that it is after. */
    async function asked(): Promise<{ readonly shown: Detail; readonly wanted: Detail }> {
      const [shown = "", wanted = ""] = await held();
      return { shown: await look(shown), wanted: await look(wanted) };
    }
    const tell = async ({ request, statement }: Detail): Promise<string | null> =>
      (await aios.client.request("second-code", { request, beside: statement.beside ?? null })).code;
    const sign = ({ action, statement }: Detail, yes: Yes = {}): Promise<unknown> =>
      aios.client.request("submit", {
        envelope: parts.sealBy(authenticator, { ...statement, decision: "allow", ...yes, key: passkey }),
        document: JSON.parse(action),
      });

    test("gets it through while no second screen is demanded", async () => {
      const { shown, wanted } = await asked();
      expect([shown.second, await tell(shown)]).toEqual(["nothing", null]);
      await sign(wanted);
      expect(await held()).not.toContain(wanted.request);
    });

    test("attack: gets nothing through once one is; twin: what its person saw at the terminal runs by its code", async () => {
      const { shown, wanted } = await asked();
      const before = parts.sealBy(authenticator, { ...shown.statement, decision: "allow", key: passkey });
      await demand("reserved");
      const all = await held();
      const told = await tell(shown);
      if (told === null) throw new Error("nothing was told");
      expect(told).toMatch(/^[0-9a-hjkmnp-tv-z]{8}$/);
      expect(await tell(shown)).toBe(told);
      // What it had signed before, nothing typed, and what was told of the other one.
      const submit = { envelope: before, document: JSON.parse(shown.action) };
      await expect(aios.client.request("submit", submit)).rejects.toThrow(/is missing \(second-screen\)/u);
      await expect(sign(wanted)).rejects.toThrow(/is missing \(second-screen\)/u);
      await expect(sign(wanted, { second: told })).rejects.toThrow(/not the one that a terminal tells/u);
      expect(await held()).toEqual(all);
      await sign(shown, { second: told });
      expect(await held()).toEqual(all.filter((request) => request !== shown.request));
      // Its code is good for nothing else afterwards, and no denial takes one.
      await expect(sign(wanted, { second: told })).rejects.toThrow(/not the one/u);
      await sign(wanted, { decision: "deny" });
      expect(await held()).toEqual(all.slice(2));
    });

    test("attack: it may guess three times, and no code helps after that; twin: a terminal answers", async () => {
      const [wanted = ""] = await held();
      const detail = await look(wanted);
      const told = await tell(detail);
      if (told === null) throw new Error("nothing was told");
      const wrong = told === "00000000" ? "11111111" : "00000000";
      for (let guess = 0; guess < 3; guess += 1)
        await expect(sign(detail, { second: wrong })).rejects.toThrow(/not the one that a terminal tells/u);
      await expect(sign(detail, { second: told })).rejects.toThrow(/at a terminal only/u);
      expect(await tell(detail)).toBeNull();
      expect((await look(wanted)).second).toBe("terminal");
      await aios.answer(wanted, "allow");
      expect(await held()).toEqual([]);
      const codes = (await running).answers.map(({ result }) => result?.structuredContent?.["code"] ?? "ran");
      expect(codes.filter((code) => code === "ran").length).toBe(3);
      expect(codes).toContain("denied-by-owner");
    });

    test("attack: its passkey switches nothing off, whatever its owner may sign; twin: a key file does", async () => {
      const document = { for: "nothing" };
      const { statement } = await aios.client.request("prepare", { purpose: "set-second-screen", document });
      const envelope = parts.sealBy(authenticator, { ...statement, decision: "allow", key: passkey });
      await expect(aios.client.request("submit", { envelope, document })).rejects.toThrow(/wrong-role/u);
      expect((await aios.client.request("owners", {})).second).toBe("reserved");
      await expect(aios.sign("set-second-screen", { for: "everything" })).rejects.toThrow(/no setting/u);
      await demand("nothing");
      const { entries } = await aios.client.request("log-show", {
        from: 0,
        limit: 10_000,
        instance: null,
        kinds: ["second-screen-set"],
      });
      expect(entries.map(({ record }) => "demand" in record && record.demand)).toEqual(["reserved", "nothing"]);
      expect((await aios.client.request("owners", {})).second).toBe("nothing");
    });
  });
}
