import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { until } from "../fakes/busy-instances.ts";
import { NO_REST } from "../../src/kernel/rest.ts";
import type { CliEvents, HeldView } from "../../src/protocol/requests.ts";
import { scriptSource } from "./sources.ts";
import { asJson, startSubstrate, type Ran, type Substrate } from "./substrate.ts";

/* What becomes of held actions when nobody answers them one by one: floods, changes of the rules, leases. */
let aios: Substrate;
const records: CliEvents["record"]["record"][] = [];
const TOOL = { risk: "reserved", fields: { text: "string" } } as const;

beforeAll(async () => {
  aios = await startSubstrate();
  aios.client.onRecord(({ record }) => void records.push(record));
  await aios.client.request("watch", { instance: null });
  await grantNotes("notes", ["worker", "flooder"], ["notes/add", "notes/burn"]);
});
afterAll(() => aios.stop());

const grantNotes = (
  id: string,
  agents: readonly string[],
  allow: Parameters<Substrate["grant"]>[0]["allow"],
  more = {},
) =>
  aios.grant({
    id,
    agents,
    drivers: {
      notes: {
        source: scriptSource("test/fakes/notes-server.ts", { args: ["/tmp/notes.txt"], workspace: "none" }),
        tools: { add: TOOL, burn: TOOL },
      },
    },
    allow,
    ...more,
  });

const call = (name: string, text: string) => ({
  method: "tools/call",
  params: { name: `notes__${name}`, arguments: { text } },
});
const add = (text: string) => call("add", text);

async function heldOf(count: number): Promise<readonly HeldView[]> {
  await until(async () => (await aios.held()).length === count, `${count} held actions`);
  return aios.held();
}
const isDone = ({ answers }: Ran): readonly boolean[] =>
  answers.map(({ result, error }) => error === undefined && result?.isError !== true);
const codesOf = (instance: string, kind: string): readonly string[] =>
  records.flatMap((record) =>
    record.kind === kind && "instance" in record && record.instance === instance && "code" in record
      ? [String(record.code)]
      : [],
  );

describe("a change of the rules", () => {
  test("ends what is held and not allowed any more, with a record, and leaves the rest to people", async () => {
    const running = aios.follow("worker", [{ together: [add("one"), call("burn", "two")] }]);
    await heldOf(2);
    await aios.sign("set-policy", { text: 'forbid (principal, action == Action::"notes/burn", resource);' });
    const [left] = await heldOf(1);
    expect(left?.what).toBe("notes/add");
    // Its statement is another now: the one that was made for the policy before is refused (attacks in test/model).
    await aios.answer(left?.request ?? "", "allow");
    const ran = await running;
    expect(isDone(ran)).toEqual([true, false]);
    expect(codesOf(ran.instance, "denied")).toEqual(["forbidden"]);
    await aios.sign("set-policy", { text: "" });
  });

  test("lets nothing run that was held: neither a policy without rules nor a plain grant answers", async () => {
    const running = aios.follow("worker", [add("three")]);
    const [held] = await heldOf(1);
    await aios.sign("set-policy", { text: "" });
    await grantNotes("plain", ["worker"], [{ what: "notes/add", where: { text: { equals: "three" } } }]);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await aios.held()).map(({ request }) => request)).toEqual([held?.request]);
    // Twin: a lease that names exactly this call is a human's yes to it.
    await grantNotes("lease", ["worker"], [{ what: "notes/add", where: { text: { equals: "three" } } }], {
      lease: true,
      limits: { uses: 1 },
    });
    expect(isDone(await running)).toEqual([true]);
    await heldOf(0);
    expect((await aios.client.request("grant-show", { id: "lease" })).view.uses).toBe(1);
  });

  test("ends what is held when the grant that it rests on is revoked", async () => {
    await grantNotes("short", ["other"], ["notes/add"]);
    const running = aios.follow("other", [add("four")], { holdSeconds: 20 });
    await heldOf(1);
    await aios.sign("revoke-grant", { grant: "short" });
    await heldOf(0);
    expect(isDone(await running)).toEqual([false]);
  });
});

describe("a proposal", () => {
  const terms = { like: null, folders: false, uses: null, span: 3_600_000 } as const;

  test("over what is held, once an owner signed it, lets just that run", async () => {
    const running = aios.follow("worker", [{ together: [add("six"), add("seven"), call("burn", "eight")] }]);
    const [held] = await heldOf(3);
    const instance = held?.instance ?? "";
    const { grant } = await aios.client.request("propose-grant", { ...terms, instance, from: "held" });
    const wanted = [
      { what: "notes/add", where: { text: { in: ["seven", "six"] } }, rest: [NO_REST] },
      { what: "notes/burn", where: { text: { equals: "eight" } }, rest: [NO_REST] },
    ];
    expect([...grant.allow].toSorted((one, other) => (one.what < other.what ? -1 : 1))).toEqual(wanted);
    await aios.sign("sign-grant", asJson({ ...grant, allow: grant.allow.filter(({ what }) => what === "notes/add") }));
    // What the owner took out of the document still waits.
    const [left] = await heldOf(1);
    expect(left?.what).toBe("notes/burn");
    await aios.answer(left?.request ?? "", "deny");
    expect(isDone(await running).filter(Boolean)).toHaveLength(2);
    // Twin: a value that is not in it is held as before.
    const other = aios.follow("worker", [add("nine")]);
    await heldOf(1);
    await aios.client.request("kill", { instance: (await aios.held())[0]?.instance ?? "" });
    await other;
  });

  test("over what was denied is a plain grant, under which a human is still asked", async () => {
    await grantNotes("narrow", ["narrow"], ["notes/add"]);
    const { instance } = await aios.follow("narrow", [call("burn", "ten")]);
    const { grant } = await aios.client.request("propose-grant", { ...terms, instance, from: "denied" });
    expect(grant.allow).toEqual([{ what: "notes/burn", where: { text: { equals: "ten" } } }]);
    await aios.sign("sign-grant", asJson(grant));
    const running = aios.follow("narrow", [call("burn", "ten"), call("burn", "eleven")]);
    const [held] = await heldOf(1);
    await aios.answer(held?.request ?? "", "allow");
    expect(isDone(await running)).toEqual([true, false]);
  });
});

describe("a flood", () => {
  const many = (count: number): object => ({ together: Array.from({ length: count }, (_, index) => add(`n${index}`)) });

  test("of as many questions as may wait is none: each is there to be answered", async () => {
    const running = aios.follow("worker", [many(21)]);
    const held = await heldOf(21);
    // The last of them can be allowed like the first.
    await aios.answer(held.at(-1)?.request ?? "", "allow");
    await heldOf(20);
    await aios.client.request("kill", { instance: held[0]?.instance ?? "" });
    await running;
    const instance = held[0]?.instance ?? "";
    expect(records.filter((record) => record.kind === "outcome" && record.instance === instance)).toHaveLength(1);
  });

  test("freezes its instance, once, with the cause in the record, and leaves nobody anything to answer", async () => {
    const running = aios.follow("flooder", [many(40)]);
    await until(() => records.some((record) => record.kind === "instance-frozen"), "the freeze");
    await heldOf(0);
    const frozen = records.filter((record) => record.kind === "instance-frozen");
    expect(frozen).toMatchObject([{ code: "held-flood", by: { kind: "monitor", why: "a flood of held actions" } }]);
    const [{ instance } = { instance: "" }] = frozen;
    await until(() => codesOf(instance, "denied").filter((code) => code === "held-flood").length === 21, "the denials");
    // Nothing of it ran, and nothing waits.
    expect(records.filter((record) => record.kind === "intent" && record.instance === instance)).toEqual([]);
    await aios.client.request("kill", { instance });
    await running;
  });
});

describe("while what asks is frozen", () => {
  test("a yes is refused and uses nothing up, whoever froze what, and a no is taken", async () => {
    const running = aios.follow("worker", [{ together: [add("yes"), add("no")] }]);
    const [yes, no] = await heldOf(2);
    if (yes === undefined || no === undefined) throw new Error("not two are held");
    const { instance } = yes;
    await aios.client.request("freeze", { instance });
    const frozen = async () => (await aios.client.request("held-show", { request: yes.request })).frozen;
    expect(await frozen()).toBe(`${instance} is frozen`);
    await expect(aios.answer(yes.request, "allow")).rejects.toMatchObject({ code: "frozen" });
    expect(codesOf(instance, "denied")).toEqual([]);
    await aios.answer(no.request, "deny");
    expect((await heldOf(1))[0]?.request).toBe(yes.request);
    const { all } = await aios.client.request("freeze", { instance: null });
    expect(await frozen()).toBe("everything is frozen");
    await expect(aios.answer(yes.request, "allow")).rejects.toMatchObject({ code: "frozen" });
    await aios.sign("thaw-all", { frozen: all ?? -1 });
    expect(await frozen()).toBe(`${instance} is frozen`);
    await aios.sign("thaw-instance", { instance });
    expect(await frozen()).toBe(null);
    await aios.answer(yes.request, "allow");
    expect(isDone(await running).filter((done) => done)).toEqual([true]);
  });
});
