import { spawnSync } from "node:child_process";
import { chownSync, existsSync, rmSync, writeFileSync } from "node:fs";
import {
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { MONITOR_FLAGS } from "../../src/main/monitor-flags.ts";
import { scriptSource } from "./sources.ts";
import { REPO, startSubstrate, type Substrate } from "./substrate.ts";
import { readUser } from "./user.ts";

/** Alerts to an address that the home names, received on loopback. */
let aios: Substrate;
let receiver: Server;
let status = 204;
/** What came to the webhook, and what came to the topic of a server that speaks as ntfy does, in order. */
const got: { readonly line: string; readonly body: string; readonly headers: object }[] = [];
const pushed: { readonly answered: number; readonly body: string; readonly headers: IncomingHttpHeaders }[] = [];
const TOKEN = "tk_0123456789abcdefghijklmnopqrs";

beforeAll(async () => {
  receiver = createServer((request, response) => {
    let body = "";
    request.on("data", (part: Buffer) => (body += part.toString()));
    request.on("end", () => {
      if (request.url === "/agents") return publish(body, request.headers, response);
      got.push({ line: `${request.method} ${request.url}`, body, headers: request.headers });
      response.writeHead(status, { location: "/elsewhere" }).end("words that nobody reads");
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  aios = await startSubstrate();
  await aios.grant({ id: "work", agents: ["worker", "climber"], allow: [], workspace: "write", programs: "any" });
  await aios.grant({
    id: "notes",
    agents: ["asker"],
    drivers: {
      notes: {
        source: scriptSource("test/fakes/notes-server.ts", { args: ["/tmp/notes.txt"], workspace: "none" }),
        tools: { burn: { risk: "reserved", fields: { text: "string" } } },
      },
    },
    allow: ["notes/burn"],
  });
});
afterAll(async () => {
  receiver.close();
  await aios.stop();
});

/** As ntfy answers to who publishes on a topic that needs a token (docs.ntfy.sh/publish). */
function publish(body: string, headers: IncomingHttpHeaders, response: ServerResponse): void {
  const answered = headers.authorization === `Bearer ${TOKEN}` ? 200 : 403;
  pushed.push({ answered, body, headers });
  const said = answered === 200 ? { id: "sPs71M8A2T", event: "message", topic: "agents" } : { code: 40301, http: 403 };
  response.writeHead(answered, { "content-type": "application/json" }).end(JSON.stringify(said));
}

async function nameAddress(text: string): Promise<void> {
  const file = join(aios.home, "alert-address");
  writeFileSync(file, `${text}\n`, { mode: 0o600 });
  if (process.geteuid?.() === 0) chownSync(file, readUser("aios").uid, readUser("aios").gid);
  await aios.crash();
}
const port = (): number => (receiver.address() as AddressInfo).port;
const hook = (): string => `http://127.0.0.1:${port()}/hook`;
const topic = (): string => `ntfy http://localhost:${port()}/agents secret=push`;
const climb = async (): Promise<string> => {
  const request = `printf 'GET http://169.254.169.254/ HTTP/1.1\\r\\nHost: 169.254.169.254\\r\\n\\r\\n'`;
  const send = `/aios/node -e 'const s = require("node:net").connect("/run/aios/proxy.sock"); process.stdin.pipe(s); s.resume()'`;
  const ran = await aios.run({ agent: "climber", command: ["sh", "-c", `${request} | ${send}; sleep 20`] });
  expect(ran.state).toBe("terminal");
  return ran.instance;
};

test("without an address nobody is told", async () => {
  await climb();
  await aios.sign("restart-agent", { agent: "climber" });
  expect(got).toEqual([]);
});

test("with one, an instance that climbed is told of with instance, agent and code, and no link while no console runs", async () => {
  await nameAddress(`${hook()}\n${topic()}`);
  await aios.restart();
  const instance = await climb();
  await expect.poll(() => got.length).toBe(1);
  expect(got[0]?.line).toBe("POST /hook");
  expect(JSON.parse(got[0]?.body ?? "")).toEqual({ instance, agent: "climber", code: "prohibited", link: null });
  expect(JSON.stringify(got[0]?.headers)).not.toContain(aios.home);
  // What its token may not be sent with is not sent (the secret is not there yet).
  await expect.poll(() => aios.errors()).toContain('there is no secret "push"');
  expect(pushed).toEqual([]);
  await aios.sign("restart-agent", { agent: "climber" });
});

test("twin: an ordinary end and a freeze that a person asked for are not told of", async () => {
  await aios.run({ agent: "worker", command: ["true"] });
  const command = ["sh", "-c", "touch up; sleep 30"];
  const running = aios.run({ agent: "worker", workspace: aios.workspace, command });
  await expect.poll(() => existsSync(join(aios.workspace, "up"))).toBe(true);
  const [view] = (await aios.client.request("ps", { all: false })).instances;
  const { instances } = await aios.client.request("freeze", { instance: view?.instance ?? "" });
  expect(instances).toMatchObject([{ confirmed: true }]);
  await aios.client.request("kill", { instance: view?.instance ?? "" });
  await running;
  expect(got).toHaveLength(1);
});

test("an action that waits is told with who asks and where to look, and to replay what was told answers nothing", async () => {
  await aios.keepSecret("push", TOKEN);
  const bound = { to: `http://localhost:${port()}`, path: "/agents", header: "authorization", scheme: "Bearer" };
  await aios.sign("bind-secret", { secret: "push", methods: ["POST"], ...bound });
  const { origin } = await aios.client.request("console-open", {});
  const burn = { method: "tools/call", params: { name: "notes__burn", arguments: { text: "for nobody else" } } };
  const running = aios.follow("asker", [burn]).catch(() => null);
  await expect.poll(() => got.length).toBe(2);
  const told = got[1] ?? { body: "", headers: {} };
  const link = `${origin}/#inbox`;
  expect(JSON.parse(told.body)).toEqual({ held: 1, agents: ["asker"], what: ["notes/burn"], risk: "reserved", link });
  await expect.poll(() => pushed.length).toBe(1);
  expect(pushed[0]).toMatchObject({
    answered: 200,
    body: "asker: notes/burn (reserved)\nThe link opens the console.",
    headers: { title: "AIOS: an action waits for you", priority: "3", tags: "raised_hand", click: link },
  });
  const [held] = await aios.held();
  expect(JSON.stringify([told, pushed])).not.toMatch(/for nobody else/);
  for (const key of ["request", "digest", "instance"] as const) expect(told.body).not.toContain(held?.[key]);

  const console = new URL(origin);
  const replayed = ["/", "/sign", "/api/submit", "/api/held-show"].map(
    (path) =>
      new Promise<number>((resolve, reject) => {
        const headers = { ...told.headers, host: console.host, origin };
        const sent = httpRequest(
          { host: "127.0.0.1", port: console.port, path, method: "POST", headers },
          (response) => {
            resolve(response.statusCode ?? 0);
            response.destroy();
          },
        );
        sent.on("error", reject).end(told.body);
      }),
  );
  for (const answered of await Promise.all(replayed)) expect(answered).toBeGreaterThanOrEqual(400);
  expect(await aios.held()).toEqual([held]);
  await aios.client.request("kill", { instance: held?.instance ?? "" });
  await running;
  await aios.client.request("console-close", {});
  await expect
    .poll(async () => (await aios.client.request("alerts", {})).receivers)
    .toEqual([
      { to: "127.0.0.1", told: 2, failed: 0, left: 0, fault: null },
      { to: "localhost", told: 1, failed: 1, left: 0, fault: null },
    ]);
  // The token is where it was sent, and nowhere that people or agents look.
  expect(aios.errors()).not.toContain(TOKEN);
  const entries = await aios.client.request("log-show", { from: 0, limit: 1000, instance: null, kinds: [] });
  expect(JSON.stringify(entries)).not.toContain(TOKEN);
});

test("a redirect is not followed and a refusal stops nothing; whoever runs the monitor reads that it failed", async () => {
  status = 302;
  await climb();
  await expect.poll(() => aios.errors()).toContain("the receiver answered 302");
  expect(got.map(({ line }) => line)).toEqual(["POST /hook", "POST /hook", "POST /hook"]);
  const { receivers } = await aios.client.request("alerts", {});
  const why = expect.stringContaining("the receiver answered 302");
  expect(receivers).toMatchObject([{ told: 2, failed: 1, fault: { at: expect.any(Number), why } }, {}]);
  await aios.sign("restart-agent", { agent: "climber" });
  expect(await aios.run({ agent: "worker", command: ["true"] })).toMatchObject({ exit: 0 });
});

// What else is none: src/protocol/alert-setting.test.ts.
test("a monitor does not start with what is no address, and says why", async () => {
  await nameAddress("https://10.0.0.1/");
  const daemon = join(REPO, "src", "main", "aiosd.ts");
  const { status: exit, stderr } = spawnSync(process.execPath, [...MONITOR_FLAGS, daemon, "--home", aios.home], {
    encoding: "utf8",
    timeout: 60_000,
  });
  expect(exit).toBe(1);
  expect(stderr).toMatch(/alert-address": line 1 .* \(bad-alert-address\)\n {2}hint: /);
  rmSync(join(aios.home, "alert-address"));
  await aios.restart();
});
