import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { chmodSync, existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NET_TOOLS } from "../../src/kernel/net.ts";
import { startSubstrate, type Ran, type Substrate } from "../e2e/substrate.ts";

/*
 * THREATS "Sandbox and host" and "Egress", from three programs deep in a real agent: what is outside listens, holds a canary
 * or waits to be changed, and none of it is reached. Each try has a harmless twin that works in the same place.
 */
let aios: Substrate;
let outside: string;
let listeners: readonly Server[] = [];
let udp: UdpSocket;
let port = 0;
let udpPort = 0;
const reached: string[] = [];
const CANARY = "canary-1618";

beforeAll(async () => {
  outside = realpathSync(mkdtempSync(join(tmpdir(), "aios-host-")));
  chmodSync(outside, 0o777);
  writeFileSync(join(outside, "secret"), CANARY, { mode: 0o644 });
  process.env["AIOS_TEST_CANARY"] = CANARY; // in this process, whose child the monitor is
  const listen = async (name: string, at: object): Promise<Server> => {
    const server = createServer((socket) => {
      reached.push(name);
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(at, resolve));
    return server;
  };
  const tcp = await listen("tcp", { host: "127.0.0.1", port: 0 });
  port = (tcp.address() as AddressInfo).port;
  listeners = [
    tcp,
    await listen("path", { path: join(outside, "docker.sock") }),
    await listen("abstract", { path: "\0aios-test-abstract" }),
    await listen("ipv6", { host: "::1", port: 0 }).catch(() => tcp),
  ];
  chmodSync(join(outside, "docker.sock"), 0o777);
  udp = createSocket("udp4", () => void reached.push("udp"));
  await new Promise<void>((resolve) => udp.bind(0, "127.0.0.1", resolve));
  udpPort = udp.address().port;
  aios = await startSubstrate();
  await aios.grant({ id: "any", agents: ["deep"], allow: [], workspace: "write", programs: "any" });
  await aios.grant({
    id: "net",
    agents: ["surfer"],
    drivers: { net: { source: { kind: "net" }, tools: NET_TOOLS } },
    allow: [{ what: "net/fetch", where: { host: { equals: "granted.example" } } }],
    programs: "any",
  });
});
afterAll(async () => {
  for (const server of new Set(listeners)) server.close();
  udp.close();
  await aios.stop();
  rmSync(outside, { recursive: true, force: true });
});

const BEGIN = `const fs = require("node:fs"), net = require("node:net"), dgram = require("node:dgram"), dns = require("node:dns").promises;
const out = {}; const note = (name, value) => { out[name] = value; };
const tried = (action) => { try { return String(action()); } catch (error) { return error.code ?? error.message; } };
const connects = (to) => new Promise((done) => { const s = net.connect(to); s.on("connect", () => { s.destroy(); done("open"); }); s.on("error", (e) => done(e.code)); s.setTimeout(3000, () => { s.destroy(); done("timeout"); }); });
const sends = (port, host) => new Promise((done) => { const s = dgram.createSocket("udp4"); s.on("error", (e) => { done(e.code); s.close(); }); s.send("x", port, host, (e) => { done(e ? e.code : "sent"); s.close(); }); });
(async () => {`;
const END = `})().then(() => console.log(JSON.stringify(out)), (e) => console.log(JSON.stringify({ failed: String(e) })));`;

/** Runs a script of Node three programs deep and gives what it noted. */
async function deep(
  agent: string,
  body: string,
): Promise<{ readonly ran: Ran; readonly found: Record<string, string> }> {
  const command = ["sh", "-c", `sh -c '"$@"; :' sh "$@"; :`, "sh", "/aios/node", "-e", `${BEGIN}${body}${END}`];
  const ran = await aios.run({ agent, command, workspace: agent === "deep" ? aios.workspace : null });
  const line = ran.stdout.trim().split("\n").at(-1) ?? "";
  return { ran, found: line.startsWith("{") ? JSON.parse(line) : {} };
}

describe("what other processes hold", () => {
  test("is out of reach: environments, memory, descriptors, folders; one's own is not", async () => {
    const { ran, found } = await deep(
      "deep",
      `note("own", tried(() => fs.readdirSync("/proc/self/fd").map((fd) => tried(() => fs.readlinkSync("/proc/self/fd/" + fd)))));
       const pids = fs.readdirSync("/proc").filter((n) => /^[0-9]+$/.test(n));
       note("processes", pids.length);
       note("environs", pids.map((p) => tried(() => fs.readFileSync("/proc/" + p + "/environ", "latin1"))).join("\\n"));
       note("lines", pids.map((p) => tried(() => fs.readFileSync("/proc/" + p + "/cmdline", "latin1"))).join("\\n"));
       note("first memory", tried(() => fs.openSync("/proc/1/mem", "r+")));
       // Their numbers can be listed by whoever has the same id; what they are cannot be told, nor can they be opened.
       const first = tried(() => fs.readdirSync("/proc/1/fd")).split(",");
       note("first links", first.map((fd) => tried(() => fs.readlinkSync("/proc/1/fd/" + fd))).join());
       note("first files", first.map((fd) => tried(() => fs.openSync("/proc/1/fd/" + fd))).join());
       const child = require("node:child_process").spawn("sleep", ["5"]);
       note("a child's links", tried(() => fs.readlinkSync("/proc/" + child.pid + "/fd/0"))); child.kill();
       note("first root", tried(() => fs.readdirSync("/proc/1/root/tmp")));
       note("first folder", tried(() => fs.readdirSync("/proc/1/cwd")));
       note("own memory", tried(() => fs.closeSync(fs.openSync("/proc/self/mem", "r")) ?? "open"));`,
    );
    expect(Number(found["processes"])).toBeLessThan(12);
    expect(JSON.stringify(found)).not.toContain(CANARY);
    expect(found["lines"]).not.toContain(aios.home);
    for (const name of ["first memory", "first links", "first files", "first root", "first folder"]) {
      expect(found[name], name).toMatch(/^(?:(?:EACCES|EPERM),?)+$/);
    }
    expect(found["own"]).not.toMatch(/aios-|socket:/);
    expect(found["own memory"]).toBe("open"); // twin
    expect(found["a child's links"]).toMatch(/^(?:\/dev\/null|pipe:|socket:)/); // twin
    expect(ran.state).toBe("ended");
  });
});

describe("what listens on the host", () => {
  test("is not there: sockets by path and by abstract name, TCP, UDP; one's own is", async () => {
    const { found } = await deep(
      "deep",
      `note("path", await connects({ path: "${outside}/docker.sock" }));
       note("docker", await connects({ path: "/var/run/docker.sock" }));
       note("bus", await connects({ path: "/run/dbus/system_bus_socket" }));
       note("x11", await connects({ path: "\\0/tmp/.X11-unix/X0" }));
       note("agent", process.env.SSH_AUTH_SOCK ?? "none");
       note("abstract", await connects({ path: "\\0aios-test-abstract" }));
       note("tcp", await connects({ host: "127.0.0.1", port: ${port} }));
       note("ipv6", await connects({ host: "::1", port: ${port} }));
       note("udp", await sends(${udpPort}, "127.0.0.1"));
       const own = net.createServer((s) => s.end()).listen("\\0own"); await new Promise((d) => own.on("listening", d));
       note("own", await connects({ path: "\\0own" })); own.close();`,
    );
    expect(found).toMatchObject({
      path: "ENOENT",
      docker: "ENOENT",
      bus: "ENOENT",
      x11: "ECONNREFUSED",
      agent: "none",
      abstract: "ECONNREFUSED",
      tcp: "ECONNREFUSED",
      own: "open",
    });
    expect(found["ipv6"]).not.toBe("open");
    expect(reached).toEqual([]);
  });
});

describe("files of the host", () => {
  test("are neither read nor written outside the workspace, in which both work", async () => {
    const places = [
      `${outside}/planted`,
      "/etc/planted",
      "/usr/bin/planted",
      "/planted",
      "/run/aios/planted",
      "/aios/planted",
    ];
    const { found } = await deep(
      "deep",
      `note("secret", tried(() => fs.readFileSync("${outside}/secret", "utf8")));
       note("shadow", tried(() => fs.readFileSync("/etc/shadow", "utf8")));
       note("up", tried(() => fs.readFileSync("/workspace/../../../${outside}/secret", "utf8")));
       note("link", tried(() => { fs.symlinkSync("${outside}/secret", "/workspace/link"); return fs.readFileSync("/workspace/link", "utf8"); }));
       for (const place of ${JSON.stringify(places)}) note(place, tried(() => fs.writeFileSync(place, "x")));
       note("twin", tried(() => { fs.writeFileSync("/workspace/twin", "y"); return fs.readFileSync("/workspace/twin", "utf8"); }));`,
    );
    expect(JSON.stringify(found)).not.toContain(CANARY);
    for (const name of ["secret", "up", "link"]) expect(found[name], name).toBe("ENOENT");
    for (const place of places) expect(found[place], place).toMatch(/^(?:ENOENT|EROFS|EACCES)$/);
    expect(existsSync(join(outside, "planted"))).toBe(false);
    expect(found["twin"]).toBe("y");
    expect(readFileSync(join(aios.workspace, "twin"), "utf8")).toBe("y");
  });
});

describe("ways out into the network", () => {
  const body = `
    note("dns", await dns.lookup("example.com").then(() => "resolved", (e) => e.code));
    const resolver = new (require("node:dns").promises.Resolver)({ timeout: 1000, tries: 1 }); resolver.setServers(["1.1.1.1"]);
    note("dns elsewhere", await resolver.resolve4("example.com").then(() => "resolved", (e) => e.code));
    note("udp 53", await sends(53, "1.1.1.1"));
    note("tcp", await connects({ host: "93.184.216.34", port: 80 }));
    note("ipv6", await connects({ host: "2606:4700:4700::1111", port: 443 }));
    note("doh", await connects({ host: "1.1.1.1", port: 443 }));
    note("metadata", await connects({ host: "169.254.169.254", port: 80 }));
    note("private", await connects({ host: "10.0.0.1", port: 80 }));
    const run = (program, ...words) => { const r = require("node:child_process").spawnSync(program, words, { encoding: "utf8", timeout: 5000 }); return String(r.status); };
    note("raw", run("python3", "-c", "import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)"));
    note("packet", run("python3", "-c", "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)"));
    note("vsock", run("python3", "-c", "import socket; socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)"));
    note("plain", run("python3", "-c", "import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM)"));
    const own = net.createServer((s) => s.end()).listen(0, "127.0.0.1"); await new Promise((d) => own.on("listening", d));
    note("own", await connects({ host: "127.0.0.1", port: own.address().port })); own.close();`;

  test.each(["deep", "surfer"])("there is no route, no resolver and no raw socket for %s", async (agent) => {
    const { found, ran } = await deep(agent, body);
    for (const name of ["tcp", "ipv6", "doh", "metadata", "private", "udp 53"]) {
      expect(found[name], name).toMatch(/^(?:ENETUNREACH|EHOSTUNREACH|EADDRNOTAVAIL)$/);
    }
    expect(found["dns"]).toMatch(/^(?:ENOTFOUND|EAI_AGAIN)$/);
    expect(found["dns elsewhere"]).not.toBe("resolved");
    for (const name of ["raw", "packet", "vsock"]) expect(found[name], name).toBe("1");
    expect([found["plain"], found["own"]]).toEqual(["0", "open"]); // twins
    expect(ran.state).toBe("ended");
  });

  test("with its proxy a deep program reaches what is granted and nothing beside it", async () => {
    const { found, ran } = await deep(
      "surfer",
      `const ask = (...words) => { const r = require("node:child_process").spawnSync("curl", ["-s", "-m", "10", "-w", " %{http_code}", ...words], { encoding: "utf8" }); return r.stdout; };
       note("other", ask("http://other.example/"));
       note("suffix", ask("http://granted.example.evil.example/"));
       note("tunnel", ask("-p", "http://other.example/"));
       note("user", ask("http://granted.example@evil.example/"));
       note("literal", ask("http://93.184.216.34/"));
       note("header", ask("-H", "Host: evil.example", "http://granted.example/"));
       note("sent", ask("-d", "x", "http://granted.example/"));
       note("granted", ask("http://granted.example/"));`,
    );
    for (const name of ["other", "suffix", "user", "sent"]) expect(found[name], name).toMatch(/"no-grant".* 403$/);
    expect(found["tunnel"]).not.toMatch(/ 200$/);
    expect(found["literal"]).toMatch(/"not-canonical".* 403$/);
    expect(found["header"]).toMatch(/"malformed".* 400$/);
    // Twin: decided for, and carried out as far as there is such a name.
    expect(found["granted"]).toMatch(/"name-unknown".* 502$/);
    expect(ran.state).toBe("ended");
  });
});
