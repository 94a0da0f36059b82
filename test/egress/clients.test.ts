import { execFile, execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { createServer, type AddressInfo, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { networkEnvironment } from "../../src/monitor/network-environment.ts";
import { writeAuthorities } from "../../src/platform/network/authorities.ts";
import { createInstanceCa } from "../../src/platform/network/instance-ca.ts";
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
const goProgram = join(folder, "client");
let origin: Server;
/** Another, whose tunnels are passed through. */
let passed: Server;
let proxy: Server;
let stage: EgressStage;

const port = (server: Server): number => (server.address() as AddressInfo).port;
const url = (server: Server, path: string): string => `https://${HOST}:${port(server)}${path}`;

beforeAll(async () => {
  stage = await startEgressStage({
    authorities: authority.certificate,
    local: true,
    route: (_, to) => (to === port(passed) ? "pass" : "terminate"),
  });
  // The origin's own authority stands for those of this machine.
  const bundle = join(folder, "bundle.crt");
  writeFileSync(bundle, authority.certificate);
  writeAuthorities(folder, stage.ca, [bundle]);
  const serve: RequestListener = ({ url: path }, response) => {
    // What git asks for first, as a plain server of files has it.
    if (path?.startsWith("/repo/info/refs") === true) response.end(`${REF}\trefs/heads/main\n`);
    else if (path === "/hello") response.end("hello over TLS");
    else response.writeHead(404).end();
  };
  origin = createHttpsServer(authority.leafFor(HOST), serve);
  passed = createHttpsServer(authority.leafFor(HOST), serve);
  proxy = createServer((socket) => {
    const over = stage.connect();
    socket.on("error", () => over.destroy()).pipe(over);
    over.on("close", () => socket.destroy()).pipe(socket);
  });
  for (const server of [origin, passed, proxy]) await once(server.listen(0, "127.0.0.1"), "listening");
  if (GO) buildGo();
}, 300_000);
afterAll(async () => {
  await stage?.stop();
  origin?.close();
  passed?.close();
  proxy?.close();
});

const GO = process.env["AIOS_GO_CLIENT"] === "1";

interface Client {
  readonly name: string;
  readonly command: (from: Server) => readonly [string, ...string[]];
  readonly says: string;
  readonly is: boolean;
}
const isHere = (program: string): boolean => spawnSync(program, ["--version"]).error === undefined;
const clients: readonly Client[] = [
  {
    name: "Node's fetch",
    command: (from) => [
      process.execPath,
      "-e",
      `fetch("${url(from, "/hello")}").then((r) => r.text()).then(console.log)`,
    ],
    says: "hello over TLS",
    is: true,
  },
  {
    name: "curl",
    command: (from) => ["curl", "-sS", "--max-time", "20", url(from, "/hello")],
    says: "hello over TLS",
    is: isHere("curl"),
  },
  {
    name: "Python's urllib",
    command: (from) => [
      "/usr/bin/python3",
      "-c",
      `import urllib.request as u; print(u.urlopen("${url(from, "/hello")}", timeout=20).read().decode())`,
    ],
    says: "hello over TLS",
    is: isHere("/usr/bin/python3"),
  },
  {
    name: "git",
    command: (from) => ["git", "ls-remote", url(from, "/repo")],
    says: "refs/heads/main",
    is: isHere("git"),
  },
  { name: "Go's net/http", command: (from) => [goProgram, url(from, "/hello")], says: "hello over TLS", is: GO },
];

const missing = clients.filter(({ is }) => !is).map(({ name }) => name);
if (missing.length > 0)
  process.stderr.write(`NOT TESTED for want of the program (Go's: npm run proof:clients): ${missing.join(", ")}\n`);

/** What the variables name: all that a sandbox has, the instance's authority alone, or nobody. */
type Trust = "all" | "own" | "nobody";

/** Variables of an agent's sandbox, with the proxy and the files where they are here. */
function environment(trust: Trust): Record<string, string> {
  const named = Object.entries(networkEnvironment("public"))
    .filter(([, value]) => trust !== "nobody" || !value.startsWith("/run/aios/"))
    .map(([name, value]): [string, string] => [
      name,
      value
        .replace(/^http:\/\/127\.0\.0\.1:\d+$/u, `http://127.0.0.1:${port(proxy)}`)
        .replace("/run/aios/authorities.pem", join(folder, trust === "all" ? "authorities.pem" : "ca.pem"))
        .replace("/run/aios/", `${folder}/`),
    ]);
  const own = { PATH: process.env["PATH"] ?? "/usr/bin:/bin", HOME: folder, GIT_CONFIG_NOSYSTEM: "1" };
  return { ...own, ...Object.fromEntries(named) };
}

function run(
  client: Client,
  from: Server,
  trust: Trust,
): Promise<{ readonly ok: boolean; readonly said: string; readonly asked: readonly string[] }> {
  const [program, ...words] = client.command(from);
  const before = stage.proposed.length;
  return new Promise((resolve) => {
    execFile(program, words, { env: environment(trust), encoding: "utf8" }, (error, stdout, stderr) => {
      const asked = stage.proposed.slice(before).map(({ name }) => name);
      resolve({ ok: error === null, said: `${stdout}${stderr}`, asked });
    });
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

const REFUSAL = /certificate|issuer/iu;

describe.each(clients)("$name", (client) => {
  test.runIf(client.is)("trusts the authority of its instance by the variables that it finds", async () => {
    const ran = await run(client, origin, "all");
    expect(ran).toMatchObject({ ok: true, said: expect.stringContaining(client.says) });
    expect(ran.asked).toContain("fetch");
    // The twin: without them it refuses, and nothing is asked for.
    const twin = await run(client, origin, "nobody");
    expect(twin).toMatchObject({ ok: false, said: expect.stringMatching(REFUSAL), asked: [] });
  });

  // Node has its own authorities besides, and none of them vouches for a server of ours.
  test.runIf(client.is && client.name !== "Node's fetch")(
    "trusts the machine's own in a tunnel that is passed through",
    async () => {
      const ran = await run(client, passed, "all");
      expect(ran).toMatchObject({ ok: true, said: expect.stringContaining(client.says) });
      expect(ran.asked).toContain("connect");
      expect(await run(client, passed, "own")).toMatchObject({ ok: false, said: expect.stringMatching(REFUSAL) });
    },
  );
});
