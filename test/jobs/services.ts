import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A service of this machine, on loopback. */
export interface Service {
  readonly port: number;
  /** Requests so far, `METHOD /path`. */
  readonly seen: readonly string[];
  close(): void;
}

const BIG = Buffer.alloc(3_000_000, "x");

/** Says back what it was asked. */
export async function startApi(): Promise<Service> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      seen.push(`${request.method} ${request.url}`);
      if (request.url === "/big") return void response.end(BIG);
      response.end(`api ${request.method} ${request.url} ${Buffer.concat(parts).toString()}`.trimEnd());
    });
  });
  return serve(server, seen);
}

interface FakePackage {
  readonly name: string;
  readonly version: string;
  readonly main: string;
  readonly dependencies: { readonly [name: string]: string };
}

/** Packages of the registry: one needs the other, which has a scope. */
const PACKAGES: readonly FakePackage[] = [
  {
    name: "left",
    version: "1.0.1",
    main: 'module.exports = (x) => "left of " + require("@scope/right")(x);\n',
    dependencies: { "@scope/right": "~2.0.0" },
  },
  { name: "@scope/right", version: "2.0.3", main: 'module.exports = (x) => "right of " + x;\n', dependencies: {} },
];

/**
 * A registry as npm knows them: packuments at `/name` and `/@scope%2fname`, tarballs with their SHA-512, and the bulk
 * advisories that `npm install` asks for. The tarballs are made here.
 */
export async function startRegistry(): Promise<Service> {
  const seen: string[] = [];
  const tarballs = new Map(PACKAGES.map((each) => [tarballPath(each), makeTarball(each)]));
  const server = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? "").split("?", 1)[0] ?? "");
    seen.push(`${request.method} ${path}`);
    request.resume();
    const json = (status: number, value: object): void => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(value));
    };
    if (request.method === "POST") return json(path === "/-/npm/v1/security/advisories/bulk" ? 200 : 404, {});
    const tarball = tarballs.get(path);
    if (tarball !== undefined) {
      response.writeHead(200, { "content-type": "application/octet-stream" });
      return void response.end(tarball);
    }
    const found = PACKAGES.find(({ name }) => path === `/${name}`);
    if (found === undefined) return json(404, { error: "Not found" });
    json(200, packument(found, `http://${request.headers.host}`, tarballs.get(tarballPath(found)) ?? Buffer.alloc(0)));
  });
  return serve(server, seen);
}

function tarballPath({ name, version }: FakePackage): string {
  return `/${name}/-/${name.slice(name.lastIndexOf("/") + 1)}-${version}.tgz`;
}

function packument(each: FakePackage, base: string, tarball: Buffer): object {
  const { name, version, dependencies } = each;
  const dist = {
    tarball: `${base}${tarballPath(each)}`,
    integrity: `sha512-${createHash("sha512").update(tarball).digest("base64")}`,
    shasum: createHash("sha1").update(tarball).digest("hex"),
  };
  return {
    name,
    "dist-tags": { latest: version },
    versions: { [version]: { name, version, main: "index.js", dependencies, dist } },
  };
}

function makeTarball({ name, version, main, dependencies }: FakePackage): Buffer {
  const folder = mkdtempSync(join(tmpdir(), "aios-package-"));
  try {
    const at = (path: string): string => join(folder, "package", path);
    mkdirSync(dirname(at("index.js")));
    writeFileSync(at("package.json"), JSON.stringify({ name, version, main: "index.js", dependencies }));
    writeFileSync(at("index.js"), main);
    const made = spawnSync("tar", ["-czf", "p.tgz", "package"], { cwd: folder, encoding: "utf8" });
    if (made.status !== 0) throw new Error(`tar failed: ${made.stderr}`);
    return readFileSync(join(folder, "p.tgz"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function serve(server: Server, seen: readonly string[]): Promise<Service> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A TCP server that listens has this kind of address.
  const { port } = server.address() as AddressInfo;
  return {
    port,
    seen,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
