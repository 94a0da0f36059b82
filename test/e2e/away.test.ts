import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Grant } from "../../src/kernel/grant.ts";
import { createSigner } from "../../src/platform/keys/signer.ts";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import { sealEnvelope } from "../../src/protocol/dsse.ts";
import { keyId, type Statement } from "../../src/protocol/statement.ts";
import { until } from "../fakes/busy-instances.ts";
import { scriptSource } from "./sources.ts";
import { asJson, startSubstrate, type Ran, type Substrate } from "./substrate.ts";

/* Nobody is there to be asked, in one home with a real monitor: what is asked meanwhile, leases for that stretch, the end. */
let aios: Substrate;
const HOUR = 3_600_000;

beforeAll(async () => {
  aios = await startSubstrate();
  await aios.grant({
    id: "notes",
    agents: ["worker", "other"],
    drivers: {
      notes: {
        source: scriptSource("test/fakes/notes-server.ts", { args: ["/tmp/notes.txt"], workspace: "none" }),
        tools: { add: { risk: "reserved", fields: { text: "string" } } },
      },
    },
    allow: ["notes/add"],
  });
});
afterAll(() => aios.stop());

const add = (text: string) => ({ method: "tools/call", params: { name: "notes__add", arguments: { text } } });
const isDone = ({ answers }: Ran): readonly boolean[] =>
  answers.map(({ result, error }) => error === undefined && result?.isError !== true);
const said = ({ answers }: Ran): string => JSON.stringify(answers);
const stretch = (asked: "wait" | "deny", leases: readonly Grant[] = [], end = Date.now() + HOUR) =>
  asJson({ until: end, asked, leases });

/** The grant as it stands, made a lease for one text. */
async function leaseOver(text: string, id: string, change: Partial<Grant["limits"]> = {}): Promise<Grant> {
  const { grant } = await aios.client.request("grant-show", { id: "notes" });
  const limits = { ...grant.limits, uses: 5, expires: Date.now() + 1_800_000, ...change };
  return { ...grant, id, lease: true, allow: [{ what: "notes/add", where: { text: { equals: text } } }], limits };
}
const back = () => aios.client.request("back", {});

describe("while its owner is away an agent", () => {
  test("is told at once that nobody can be asked, and has what the leases allow; afterwards it waits as ever", async () => {
    await aios.sign("go-away", stretch("deny", [await leaseOver("beat", "beat")]));
    const away = await aios.follow("worker", [add("beat"), add("else")]);
    expect(isDone(away)).toEqual([true, false]);
    expect(said(away)).toContain("owner-away");
    expect(await aios.held()).toEqual([]);
    // Both are in the digest, the lease by its name.
    const { leases, agents } = await aios.client.request("digest", { since: 0 });
    expect(leases).toMatchObject([{ grant: "beat", agent: "worker", times: 1 }]);
    expect(agents).toMatchObject([{ agent: "worker", done: 1, denied: 1 }]);

    expect(await back()).toMatchObject({ record: expect.any(Number) });
    expect((await aios.client.request("away", {})).away).toBeNull();
    // The lease went with it: what it covered is asked about again, and answered by its owner.
    const running = aios.follow("worker", [add("beat")]);
    await until(async () => (await aios.held()).length === 1, "one held action");
    const [held] = await aios.held();
    await aios.answer(held?.request ?? "", "allow");
    expect(isDone(await running)).toEqual([true]);
    expect((await aios.client.request("grant-show", { id: "beat" })).view).toMatchObject({ state: "revoked", uses: 1 });
  });

  test("waits longer than its holds last, over a restart too, and the stretch and its lease are still there after it", async () => {
    const end = Date.now() + HOUR;
    await aios.sign("go-away", stretch("wait", [await leaseOver("beat", "beat-2")], end));
    const running = aios.follow("other", [add("slow")], { holdSeconds: 1 }).catch(() => null);
    await until(async () => (await aios.held()).length === 1, "one held action");
    expect((await aios.held())[0]?.expires).toBe(end + 1000);
    await aios.crash();
    await running;
    await aios.restart();
    expect((await aios.client.request("away", {})).away).toMatchObject({
      until: end,
      asked: "wait",
      leases: ["beat-2"],
    });
    expect(isDone(await aios.follow("worker", [add("beat")]))).toEqual([true]);
    await back();
    expect((await aios.client.request("grant-show", { id: "beat-2" })).view.state).toBe("revoked");
  });
});

describe("attack:", () => {
  const refused = (code: string) => expect.objectContaining({ code });

  test("a stretch that nobody signed, that lasts too long, or whose lease outlives it, is none; its twin is", async () => {
    const crypto = createCrypto();
    const stranger = createSigner(randomBytes(32));
    const document = stretch("deny");
    const { statement } = await aios.client.request("prepare", { purpose: "go-away", document });
    const forged: Statement = { ...statement, decision: "allow", key: keyId(stranger.publicKey, crypto.sha256) };
    const envelope = sealEnvelope(forged, stranger);
    await expect(aios.client.request("submit", { envelope, document })).rejects.toEqual(refused("bad-statement"));
    const tooLong = stretch("deny", [], Date.now() + 8 * 24 * HOUR);
    await expect(aios.sign("go-away", tooLong)).rejects.toEqual(refused("bad-document"));
    const over = stretch("deny", [await leaseOver("x", "over", { expires: Date.now() + 2 * HOUR })]);
    await expect(aios.sign("go-away", over)).rejects.toEqual(refused("bad-document"));
    const plain = stretch("deny", [{ ...(await leaseOver("x", "plain")), lease: false }]);
    await expect(aios.sign("go-away", plain)).rejects.toEqual(refused("bad-document"));
    const again = stretch("deny", [await leaseOver("x", "beat")]);
    await expect(aios.sign("go-away", again)).rejects.toEqual(refused("grant-exists"));
    expect((await aios.client.request("away", {})).away).toBeNull();

    await aios.sign("go-away", document);
    await expect(aios.sign("go-away", stretch("wait"))).rejects.toEqual(refused("away"));
    expect((await aios.client.request("away", {})).away).toMatchObject({ asked: "deny", leases: [] });
    await back();
  });
});
