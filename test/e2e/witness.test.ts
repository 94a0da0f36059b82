import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkWitnesses } from "../../src/cli/commands/witness-list.ts";
import { createLogVerifier } from "../../src/main/log-verifier.ts";
import { createWitness } from "../../src/main/witness.ts";
import { createClock } from "../../src/platform/clock.ts";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import { createSigner } from "../../src/platform/keys/signer.ts";
import { serveWitness, type WitnessServer } from "../../src/platform/log/witness-server.ts";
import { openWitnessStore } from "../../src/platform/log/witness-store.ts";
import { noteKeyText, type NoteKey } from "../../src/protocol/note.ts";
import { MAX_WITNESS_REQUEST } from "../../src/protocol/witness.ts";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";
import { packageSource } from "./sources.ts";
import { startSubstrate, type Ran, type Substrate } from "./substrate.ts";

/* The monitor's log and two witnesses: what is reserved runs only when they have cosigned that it was intended. */

const crypto = createCrypto();
const sha256 = (data: Uint8Array): Uint8Array => crypto.sha256(data);

interface Witness {
  readonly key: string;
  readonly server: WitnessServer;
  readonly said: string[];
}

let aios: Substrate;
let log: NoteKey;
let witnesses: Witness[] = [];
let count = 0;

async function startWitness(name: string, port = 0, folder = join(makeTemporaryFolder(), "witness")): Promise<Witness> {
  const store = openWitnessStore(folder, name);
  const said: string[] = [];
  const parts = { store, logs: [log], crypto, clock: createClock(), report: (words: string) => void said.push(words) };
  const server = await serveWitness(createWitness(parts), { port, most: MAX_WITNESS_REQUEST });
  const key = noteKeyText(sha256, { name, publicKey: store.signer.publicKey }, "cosignature");
  return { key, server, said };
}

function demand(before: "nothing" | "reserved", quorum: number, asked = witnesses): Promise<number> {
  const set = asked.map(({ key, server }) => ({ key, at: `http://127.0.0.1:${server.port}` }));
  return aios.sign("set-witnesses", { witnesses: set, quorum, before });
}

/** Lets the agent write a file, which is reserved and under a lease; whether it is there afterwards. */
async function write(): Promise<{ readonly written: boolean; readonly ran: Ran }> {
  count += 1;
  const name = `file-${count}.txt`;
  const args = { path: `/workspace/${name}`, content: "yes" };
  const ran = await aios.follow(
    "writer",
    [{ method: "tools/call", params: { name: "files__write_file", arguments: args } }],
    {
      workspace: aios.workspace,
    },
  );
  return { written: existsSync(join(aios.workspace, name)), ran };
}

beforeAll(async () => {
  aios = await startSubstrate();
  const source = await packageSource("@modelcontextprotocol/server-filesystem", {
    args: ["/workspace"],
    workspace: "write",
  });
  const tools = {
    write_file: { risk: "reserved", fields: { path: "path" } },
    read_text_file: { risk: "observe", fields: { path: "path" } },
  } as const;
  await aios.grant({
    id: "files",
    agents: ["writer"],
    drivers: { files: { source, tools } },
    allow: ["files/write_file", "files/read_text_file"].map((what) => ({
      what,
      where: { path: { under: "/workspace" } },
    })),
    lease: true,
    limits: { uses: 50 },
  });
  const { note } = await aios.client.request("checkpoint", {});
  const { publicKey } = createSigner(readFileSync(join(aios.home, "keys", "log-signing")));
  log = { name: note.split("\n")[0] ?? "", publicKey };
  witnesses = [await startWitness("witness.test/one"), await startWitness("witness.test/two")];
});
afterAll(async () => {
  for (const { server } of witnesses) await server.close();
  await aios.stop();
});

describe("an owner who demands witnesses", () => {
  test("has what is reserved run once both have cosigned its intent, and a proof that carries them", async () => {
    expect((await write()).written).toBe(true); // nothing is demanded yet, and nobody is asked
    expect(witnesses.flatMap(({ said }) => said)).toEqual([]);
    await demand("reserved", 2);
    const { written, ran } = await write();
    expect(written).toBe(true);
    for (const { said } of witnesses) expect(said.at(-1)).toMatch(/^cosigned /u);
    const query = { from: 0, limit: 1000, instance: ran.instance, kinds: ["intent"] };
    const { entries } = await aios.client.request("log-show", query);
    const seq = entries.at(-1)?.record.seq ?? -1;
    const { proof } = await aios.client.request("log-prove", { seq });
    for (const { key } of witnesses) expect(proof.checkpoint).toContain(key.slice(0, key.indexOf("+")));
    const verifier = createLogVerifier(crypto, { read: (path) => Promise.resolve(readFileSync(path, "utf8")) });
    const verified = await verifier.verify({
      folder: join(aios.home, "log"),
      key: { kind: "text", text: noteKeyText(sha256, log) },
      against: [],
      witnesses: { keys: witnesses.map(({ key }) => key), quorum: 2, since: Date.now() - 60_000 },
    });
    expect(verified.kind === "verified" && verified.facts["witnessed"]).toMatchObject({ by: [{}, {}] });
  });

  test("has nothing reserved run with one of them gone, and other things go on", async () => {
    const [one, two] = witnesses;
    if (one === undefined || two === undefined) throw new Error("there are two");
    await two.server.close();
    const { written, ran } = await write();
    expect(written).toBe(false);
    expect(ran.answers[0]?.result?.structuredContent).toMatchObject({ code: "not-witnessed" });
    const query = { from: 0, limit: 1000, instance: ran.instance, kinds: ["outcome"] };
    expect((await aios.client.request("log-show", query)).entries.at(-1)?.record).toMatchObject({
      result: "failed",
      code: "not-witnessed",
    });
    writeFileSync(join(aios.workspace, "there.txt"), "there");
    const read = { name: "files__read_text_file", arguments: { path: "/workspace/there.txt" } };
    const other = await aios.follow("writer", [{ method: "tools/call", params: read }], { workspace: aios.workspace });
    expect(other.answers[0]?.result?.isError).not.toBe(true);
    // A quorum of one is enough when the owner says so.
    await demand("reserved", 1);
    expect((await write()).written).toBe(true);
    witnesses = [one, await startWitness("witness.test/three")];
    await demand("reserved", 2);
    expect((await write()).written).toBe(true);
  });

  test("is not served by a log that was rolled back, though it is whole and signed", async () => {
    const kept = join(makeTemporaryFolder(), "kept");
    await aios.crash();
    execFileSync("cp", ["-a", aios.home, kept]);
    await aios.restart();
    expect((await write()).written).toBe(true);
    await aios.crash();
    rmSync(aios.home, { recursive: true });
    execFileSync("cp", ["-a", kept, aios.home]);
    await aios.restart();
    const { written, ran } = await write();
    expect(written).toBe(false);
    expect(ran.answers[0]?.result?.structuredContent).toMatchObject({ code: "not-witnessed" });
    expect(aios.errors()).toMatch(/it was (?:rolled back|forked)/u);
    // It is on record, and whoever asks is told; who it is that found it, and that it is a fault.
    const query = { from: 0, limit: 1000, instance: null, kinds: ["witness-refused"] };
    const records = async () => (await aios.client.request("log-show", query)).entries.map(({ record }) => record);
    // A witness is on record once for each way of it: a log that grew again since is forked, before that it is rolled back.
    const told = async () => (await records()).flatMap((record) => (record.kind === "witness-refused" ? [record] : []));
    const names = witnesses.map(({ key }) => key.slice(0, key.indexOf("+"))).toSorted();
    await expect.poll(async () => [...new Set((await told()).map(({ witness }) => witness))].toSorted()).toEqual(names);
    const ways = (await told()).map(({ witness, code }) => `${witness} ${code}`);
    expect(ways.filter((way) => !/ (?:rolled-back|forked)$/u.test(way))).toEqual([]);
    expect(new Set(ways).size).toBe(ways.length);
    const view = await aios.client.request("witnesses", {});
    expect(checkWitnesses(view)).toMatchObject([{ state: "fault", found: expect.stringContaining("it was ") }]);
    // Without the demand the same attack succeeds: the home is as it was, and nobody else is asked.
    await demand("nothing", 2);
    expect((await write()).written).toBe(true);
  });
});

test("witnesses that are none are not signed for", async () => {
  const [one, two] = witnesses.map(({ key, server }) => ({ key, at: `http://127.0.0.1:${server.port}` }));
  if (one === undefined || two === undefined) throw new Error("there are two");
  for (const document of [
    { witnesses: [one], quorum: 2, before: "reserved" },
    { witnesses: [one, one], quorum: 2, before: "reserved" },
    { witnesses: [one, { ...two, key: one.key.replace("/one", "/eins") }], quorum: 2, before: "reserved" },
    { witnesses: [], quorum: 0, before: "reserved" },
    { witnesses: [one], quorum: 0, before: "nothing" },
    { witnesses: [{ ...one, at: "http://witness.example" }], quorum: 1, before: "nothing" },
    { witnesses: [{ ...one, key: noteKeyText(sha256, log) }], quorum: 1, before: "nothing" },
    { witnesses: [one], quorum: 1, before: "everything" },
  ]) {
    await expect(aios.sign("set-witnesses", document), JSON.stringify(document)).rejects.toThrow(/witnesses/u);
  }
});
