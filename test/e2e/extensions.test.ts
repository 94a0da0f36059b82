import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DriverSource } from "../../src/kernel/grant.ts";
import { makeVisible } from "../../src/showing/visible.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import { createSigner } from "../../src/platform/keys/signer.ts";
import { toBase64 } from "../../src/protocol/bytes.ts";
import { makeTgz, type TarPart } from "../fakes/archives.ts";
import { signedBy } from "../fakes/published.ts";
import { until } from "../fakes/busy-instances.ts";
import { addArchive } from "./adding.ts";
import { REPO, startSubstrate, type Ran, type Substrate } from "./substrate.ts";

/* A server from the store reaches what its grant names, runs only as long as nobody took that back, and only as it was added. */

const SERVER = readFileSync(join(REPO, "test", "fakes", "store-server.mjs"), "utf8");
const NOTHING = { home: "no: ENOENT", environment: "no", network: "no", workspace: "no: ENOENT", own: "no: EROFS" };
const LOOK = { method: "tools/call", params: { name: "store__look", arguments: {} } };

describe("a server from the store", () => {
  let aios: Substrate;
  let listener: Server;
  let port = 0;
  let outside: string;
  let canary: string;

  beforeAll(async () => {
    outside = mkdtempSync(join(tmpdir(), "aios-outside-"));
    chmodSync(outside, 0o755);
    canary = join(outside, "canary");
    writeFileSync(canary, "a key", { mode: 0o644 });
    listener = createServer((socket) => socket.destroy());
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    ({ port } = listener.address() as AddressInfo); // it listens
    aios = await startSubstrate();
    writeFileSync(join(aios.workspace, "page.html"), "");
  });
  afterAll(async () => {
    await aios?.stop();
    listener?.close();
    rmSync(outside, { recursive: true, force: true });
  });

  async function add(version: string): Promise<string> {
    const manifest = JSON.stringify({ name: "store", version, bin: "./server.mjs" });
    const parts = [
      { name: "package/package.json", body: manifest },
      { name: "package/server.mjs", body: SERVER },
    ];
    return (await addArchive(aios, [makeTgz(parts)], { form: "tgz" })).extension.id;
  }
  const sourceOf = (extension: string, workspace: "none" | "read" = "none"): DriverSource => {
    const command = ["node", "/extension/server.mjs", canary, String(port)];
    return { kind: "ext", extension, command, workspace };
  };
  const trust = (agent: string, source: DriverSource): Promise<unknown> =>
    aios.grant({
      id: `trusts-${agent}`,
      agents: [agent],
      drivers: { store: { source, tools: { look: { risk: "observe" } } } },
      allow: ["store/look"],
    });
  const seen = ({ answers }: Ran): readonly unknown[] =>
    answers.map(({ result, error }) => {
      const text = result?.content?.[0]?.text ?? JSON.stringify(error);
      if (result?.isError === true)
        return /"code":"([a-z-]+)"|\(([a-z-]+)\)/u.exec(text)?.slice(1).find(Boolean) ?? text;
      return JSON.parse(text) as unknown;
    });
  /** Processes that run it: nothing else has the canary in its words. */
  const servers = (): number =>
    readdirSync("/proc").filter((pid) => {
      try {
        return /^\d+$/u.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(`server.mjs\0${canary}`);
      } catch {
        return false;
      }
    }).length;
  const done = async (): Promise<number> => {
    const query = { from: 0, limit: 10_000, instance: null, kinds: ["outcome"] };
    return (await aios.client.request("log-show", query)).entries.length;
  };
  const codeOf = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => "nothing",
      (error: unknown) => (error instanceof Error && "code" in error ? String(error.code) : String(error)),
    );

  test("takes what it can where nothing holds it, which is what the next tests are about", async () => {
    const file = join(outside, "server.mjs");
    writeFileSync(file, SERVER);
    const child = spawn(process.execPath, [file, canary, String(port)], {
      env: { AIOS_TEST_CANARY: "a token" },
      stdio: ["pipe", "pipe", "inherit"],
    });
    child.stdin.end(`${JSON.stringify({ jsonrpc: "2.0", id: 1, ...LOOK })}\n`);
    let said = "";
    child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
    await once(child, "close");
    const { result } = JSON.parse(said) as { result: { content: [{ text: string }] } };
    const taken = { home: "a key", environment: "a token", network: "reached", own: "written" };
    expect(JSON.parse(result.content[0].text)).toMatchObject(taken);
  });

  test("reaches nothing that its grant does not name, and what it names", async () => {
    const id = await add("1.0.0");
    await trust("plain", sourceOf(id));
    await trust("reader", sourceOf(id, "read"));
    expect(seen(await aios.follow("reader", [LOOK], { workspace: aios.workspace }))).toEqual([
      { ...NOTHING, workspace: "page.html" },
    ]);
    const [extension] = (await aios.client.request("extensions", {})).extensions;
    expect(extension).toMatchObject({ id, grants: ["trusts-plain", "trusts-reader"] });
  });

  test("stops when it is put into quarantine, and nothing starts it or grants it again", async () => {
    const [{ id } = { id: "" }] = (await aios.client.request("extensions", {})).extensions;
    const before = await done();
    const running = aios.follow("plain", [LOOK, { until: 1 }, LOOK], { workspace: aios.workspace });
    await until(async () => (await done()) > before, "the first call is done");
    expect(servers()).toBeGreaterThan(0);
    await aios.client.request("extension-quarantine", { id, why: "its author's account was taken over" });
    await until(async () => servers() === 0, "its server is gone");
    aios.release("plain");
    expect(seen(await running)).toEqual([NOTHING, "quarantined"]);
    expect(await codeOf(trust("third", sourceOf(id)))).toBe("extension-quarantined");
    await aios.client.request("extension-remove", { id });
    expect(await codeOf(trust("fourth", sourceOf(id)))).toBe("unknown-extension");
    // Attack: neither is signed, so together they must not bring back what was in quarantine.
    expect(await add("1.0.0")).toBe(id);
    expect(seen(await aios.follow("plain", [LOOK]))).toEqual(["quarantined"]);
    const lapsed = { state: "lapsed", why: "its author's account was taken over" };
    expect((await aios.client.request("extensions", {})).extensions).toMatchObject([lapsed]);
    // The same bytes are the same extension: once an owner has signed for it again, the grants over it are in force.
    await trust("fifth", sourceOf(id));
    expect(seen(await aios.follow("plain", [LOOK]))).toEqual([NOTHING]);
  });

  test("runs by a publisher's signature, where an owner takes no other, and no longer than its publisher is admitted", async () => {
    const acme = createSigner(new Uint8Array(32).fill(1));
    const set = (document: JsonObject): Promise<number> => aios.sign("set-publishers", document);
    const parts: readonly TarPart[] = [
      { name: "package/package.json", body: JSON.stringify({ name: "store", version: "2.0.0", bin: "./server.mjs" }) },
      { name: "package/server.mjs", body: SERVER },
    ];
    const all = signedBy(acme, parts, { kind: "npm", name: "store", version: "2.0.0" });
    const own = (await addArchive(aios, [makeTgz(all)], { form: "tgz" })).extension.id;
    const [unsigned = { id: "" }] = (await aios.client.request("extensions", {})).extensions;
    const file = join(outside, "server.mjs");
    const program: DriverSource = { kind: "stdio", command: ["node", file], code: [file], workspace: "none" };

    await set({ kind: "only", only: true });
    // Nobody is admitted yet, so nothing is granted, whoever signed it, and nothing at all where there is no publisher.
    for (const source of [sourceOf(own), sourceOf(unsigned.id), program])
      expect(await codeOf(trust("published", source))).toBe("publisher-unknown");
    const states = async (): Promise<readonly string[]> =>
      (await aios.client.request("extensions", {})).extensions.map(({ state }) => state);
    expect(await states()).toEqual(["unpublished", "unpublished"]);
    await set({ kind: "admit", name: "acme", key: toBase64(acme.publicKey) });
    expect(await states()).toEqual(["unpublished", "added"]);
    await trust("published", sourceOf(own));
    // What was granted before, and ran above, runs no more, and its agent is told why.
    expect(seen(await aios.follow("plain", [LOOK]))).toEqual(["publisher-unknown"]);

    const before = await done();
    const running = aios.follow("published", [LOOK, { until: 1 }, LOOK]);
    await until(async () => (await done()) > before, "the first call is done");
    await set({ kind: "remove", name: "acme" });
    await until(async () => servers() === 0, "its server is gone");
    aios.release("published");
    expect(seen(await running)).toEqual([NOTHING, "publisher-unknown"]);
    await set({ kind: "only", only: false });
  });

  test("that does not start tells its owner its last words", async () => {
    const noise = `console.error("${"x".repeat(40)}\\n".repeat(1000));`;
    const server = `${noise}\nconsole.error("Cannot find \\u001b[31mgreen\\u202e things\\nset NOTES_KEY");\nprocess.exit(3);\n`;
    const parts = [
      { name: "package/package.json", body: JSON.stringify({ name: "broken", version: "1.0.0", bin: "./server.mjs" }) },
      { name: "package/server.mjs", body: server },
    ];
    const { extension } = await addArchive(aios, [makeTgz(parts)], { form: "tgz" });
    const told = await trust("unlucky", sourceOf(extension.id)).then(String, String);
    expect(told).toMatch(/it ended with code 3; its last words: .*Cannot find .*\| set NOTES_KEY/u);
    expect(told.length).toBeLessThan(2500);
    // As the command line shows it: nothing that moves a cursor or turns a line round.
    expect(makeVisible(told)).toContain("Cannot find ‹U+001B›[31mgreen‹U+202E› things | set NOTES_KEY");
  });

  test("does not start with a changed byte, and is in quarantine from then on", async () => {
    const id = await add("1.0.1");
    await trust("late", sourceOf(id));
    const file = join(aios.home, "extensions", id.slice("sha256:".length), "tree", "server.mjs");
    chmodSync(file, 0o600);
    writeFileSync(file, SERVER.replace("look", "l00k"));
    chmodSync(file, 0o400);
    expect(await codeOf(trust("later", sourceOf(id)))).toBe("extension-damaged");
    expect(seen(await aios.follow("late", [LOOK]))).toEqual(["quarantined"]);
    const found = (await aios.client.request("extensions", {})).extensions.find((each) => each.id === id);
    expect(found?.why).toBe("its files in the store are not those that were added");
  });
});
