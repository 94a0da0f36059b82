import { execFile, execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer as createHttpsServer } from "node:https";
import { createServer, type AddressInfo, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { networkEnvironment } from "../../src/monitor/network-environment.ts";
import { createInstanceCa } from "../../src/platform/instance-ca.ts";
import { startEgressStage, type EgressStage } from "../fakes/egress-stage.ts";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";

/*
 * Programs as people have them, with the variables that an agent's programs find: each speaks TLS with an origin by way of
 * the proxy, where it ends under the authority of the instance. Go compiles its own library first, which takes longer than all
 * else here: `npm run proof:clients` has it.
 */
const HOST = "service.example"; // Go asks no proxy for localhost
const REF = "1234567890123456789012345678901234567890";
const authority = createInstanceCa(Date.now);
const folder = makeTemporaryFolder();
const ca = join(folder, "ca.pem");
const goProgram = join(folder, "client");
let origin: Server;
let proxy: Server;
let stage: EgressStage;

const port = (server: Server): number => (server.address() as AddressInfo).port;
const url = (path: string): string => `https://${HOST}:${port(origin)}${path}`;

beforeAll(async () => {
  stage = await startEgressStage({ authorities: authority.certificate, local: true });
  writeFileSync(ca, stage.ca);
  origin = createHttpsServer(authority.leafFor(HOST), ({ url: path }, response) => {
    // What git asks for first, as a plain server of files has it.
    if (path?.startsWith("/repo/info/refs") === true) response.end(`${REF}\trefs/heads/main\n`);
    else if (path === "/hello") response.end("hello over TLS");
    else response.writeHead(404).end();
  });
  proxy = createServer((socket) => {
    const over = stage.connect();
    socket.on("error", () => over.destroy()).pipe(over);
    over.on("close", () => socket.destroy()).pipe(socket);
  });
  for (const server of [origin, proxy]) await once(server.listen(0, "127.0.0.1"), "listening");
  if (GO) buildGo();
}, 300_000);
afterAll(async () => {
  await stage?.stop();
  origin?.close();
  proxy?.close();
});

const GO = process.env["AIOS_GO_CLIENT"] === "1";

interface Client {
  readonly name: string;
  readonly command: () => readonly [string, ...string[]];
  readonly says: string;
  readonly is: boolean;
}
const isHere = (program: string): boolean => spawnSync(program, ["--version"]).error === undefined;
const clients: readonly Client[] = [
  {
    name: "Node's fetch",
    command: () => [process.execPath, "-e", `fetch("${url("/hello")}").then((r) => r.text()).then(console.log)`],
    says: "hello over TLS",
    is: true,
  },
  {
    name: "curl",
    command: () => ["curl", "-sS", "--max-time", "20", url("/hello")],
    says: "hello over TLS",
    is: isHere("curl"),
  },
  {
    name: "Python's urllib",
    command: () => [
      "/usr/bin/python3",
      "-c",
      `import urllib.request as u; print(u.urlopen("${url("/hello")}", timeout=20).read().decode())`,
    ],
    says: "hello over TLS",
    is: isHere("/usr/bin/python3"),
  },
  { name: "git", command: () => ["git", "ls-remote", url("/repo")], says: "refs/heads/main", is: isHere("git") },
  { name: "Go's net/http", command: () => [goProgram, url("/hello")], says: "hello over TLS", is: GO },
];

const missing = clients.filter(({ is }) => !is).map(({ name }) => name);
if (missing.length > 0)
  process.stderr.write(`NOT TESTED for want of the program (Go's: npm run proof:clients): ${missing.join(", ")}\n`);

/** Variables of an agent's sandbox, with the proxy and the authority where they are here. */
function environment(trusts: boolean): Record<string, string> {
  const named = Object.entries(networkEnvironment("public")).map(([name, value]): [string, string] => [
    name,
    value.replace(/^http:\/\/127\.0\.0\.1:\d+$/u, `http://127.0.0.1:${port(proxy)}`).replace("/run/aios/ca.pem", ca),
  ]);
  const own = { PATH: process.env["PATH"] ?? "/usr/bin:/bin", HOME: folder, GIT_CONFIG_NOSYSTEM: "1" };
  return { ...own, ...Object.fromEntries(named.filter(([, value]) => trusts || value !== ca)) };
}

function run(client: Client, trusts: boolean): Promise<{ readonly ok: boolean; readonly said: string }> {
  const [program, ...words] = client.command();
  return new Promise((resolve) => {
    execFile(program, words, { env: environment(trusts), encoding: "utf8" }, (error, stdout, stderr) =>
      resolve({ ok: error === null, said: `${stdout}${stderr}` }),
    );
  });
}

function buildGo(): void {
  const source = join(folder, "client.go");
  writeFileSync(
    source,
    `package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	answer, err := http.Get(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	body, _ := io.ReadAll(answer.Body)
	fmt.Println(string(body))
}
`,
  );
  const env = { PATH: process.env["PATH"] ?? "/usr/bin:/bin", HOME: folder, GO111MODULE: "off", GOPROXY: "off" };
  execFileSync("go", ["build", "-o", goProgram, source], { env: { ...env, CGO_ENABLED: "0" }, stdio: "pipe" });
}

describe.each(clients)("$name", (client) => {
  test.runIf(client.is)("trusts the authority of its instance by the variables that it finds", async () => {
    const asked = stage.proposed.length;
    expect(await run(client, true)).toMatchObject({ ok: true, said: expect.stringContaining(client.says) });
    expect(stage.proposed.length).toBeGreaterThan(asked);
  });

  test.runIf(client.is)("twin: refuses the same without them", async () => {
    const asked = stage.proposed.length;
    const { ok, said } = await run(client, false);
    expect(ok).toBe(false);
    expect(said).toMatch(/certificate|issuer/iu);
    expect(stage.proposed.length).toBe(asked);
  });
});
