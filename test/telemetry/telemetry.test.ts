import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { request } from "node:http";
import { createServer, type AddressInfo } from "node:net";
import parsePrometheus from "parse-prometheus-text-format";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Substrate } from "../e2e/substrate.ts";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";
import { checkOcsf } from "./ocsf-check.ts";
import { isPublished } from "./otlp-decoded.ts";
import { readByPrometheus } from "./prometheus-client.ts";
import { checkOtlp } from "./otlp-shape.ts";
import { startReceiver, type Receiver } from "./receiver.ts";
import { readFileAs, startReader, telemetryPids, use } from "./stage.ts";

/* A real monitor, its telemetry in its sandbox, and a receiver that is not always well. */

let aios: Substrate;
let receiver: Receiver;

interface Event {
  readonly class_uid: number;
  readonly metadata: { readonly sequence: number; readonly uid: string };
  readonly activity_name?: string;
  readonly unmapped: { readonly kind: string; readonly why?: string };
}

const eventsIn = (text: string): readonly Event[] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Event);
const posted = (): readonly Event[] => receiver.got.flatMap(({ body }) => eventsIn(body));
const filed = (): string => {
  const folder = join(aios.home, "telemetry", "ocsf");
  return readdirSync(folder)
    .toSorted()
    .map((name) => readFileSync(join(folder, name), "utf8"))
    .join("");
};
const outcomes = (count: number): Promise<void> =>
  receiver.until(() => posted().filter(({ unmapped }) => unmapped.kind === "outcome").length >= count);

/** Asks for the metrics with these headers, which `fetch` would not let be named. */
function ask(port: number, headers: { readonly [name: string]: string }): Promise<{ status: number; body: string }> {
  return new Promise((done, failed) => {
    request({ host: "127.0.0.1", port, path: "/metrics", headers, setHost: false }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (body += chunk));
      response.on("end", () => done({ status: response.statusCode ?? 0, body }));
    })
      .on("error", failed)
      .end();
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}

beforeAll(async () => {
  [aios, receiver] = await Promise.all([startReader(), startReceiver()]);
});
afterAll(async () => {
  await receiver.close();
  await aios.stop();
});

const siem = () => ({ file: { bytes: 65_536, keep: 5 }, to: `${receiver.at}/in` });

describe("events for a SIEM", () => {
  test("say what was done and nothing of its content: no argument, no path, no result", async () => {
    await use(aios, { siem: siem() });
    await readFileAs(aios, "canary-path.txt", "canary-result");
    await outcomes(1);
    // A setting, an instance that started and ended, an action.
    expect(posted().map((event) => event.class_uid)).toEqual(expect.arrayContaining([3004, 6002, 6003]));
    const all = JSON.stringify(receiver.got) + filed();
    expect(all).toContain("read_text_file");
    expect(all).not.toContain("canary");
  });

  test("come in order and all of them, whatever the receiver answers and when it is killed over", async () => {
    receiver.answers.push(429, "close", 500, "silence");
    await readFileAs(aios, "second.txt", "x");
    // It waits for an answer that does not come; the cursor stands before what was sent.
    while (receiver.answers.length > 0) await new Promise((done) => setTimeout(done, 50));
    const [pid] = telemetryPids(aios).slice(-1);
    if (pid === undefined) throw new Error("telemetry does not run");
    process.kill(pid, "SIGKILL");
    await outcomes(2);
    const sequences = posted().map(({ metadata }) => metadata.sequence);
    expect(sequences).toEqual([...sequences].toSorted((one, other) => one - other));
    expect(new Set(sequences).size).toBe((sequences.at(-1) ?? 0) - (sequences[0] ?? 0) + 1);
    // Everything that was sent, whatever of the monitor it is about, fits the published schema.
    expect(posted().flatMap((event) => checkOcsf({ ...event }))).toEqual([]);
    // The file had its own pace: it is whole too.
    const lines = eventsIn(filed()).map(({ metadata }) => metadata.uid);
    expect(posted().every(({ metadata }) => lines.includes(metadata.uid))).toBe(true);
  });

  test("have content and names with the switches on, but no value of a secret", async () => {
    const secret = "sk-0123456789abcdefghij";
    await aios.keepSecret("key", secret);
    receiver.got.length = 0;
    await use(aios, { siem: siem(), names: "shown", content: "scrubbed" });
    await readFileAs(aios, "canary-path.txt", `canary-result ${secret} ${Buffer.from(secret).toString("base64")}`);
    // Of the call before an outcome may come late; what is waited for is this one's.
    const all = (): string => JSON.stringify(receiver.got);
    await receiver.until(() => all().includes("/workspace/canary-path.txt") && all().includes("canary-result **"));
    for (const told of [all(), filed()]) {
      expect(told).not.toContain(secret);
      expect(told).not.toContain(Buffer.from(secret).toString("base64").slice(0, 16));
    }
  });

  test("are beside traces, metrics and log records for OpenTelemetry, and a page for Prometheus", async () => {
    receiver.got.length = 0;
    const port = await freePort();
    await use(aios, {
      otlp: { to: receiver.at, signals: ["traces", "metrics", "logs"] },
      prometheus: { port },
    });
    receiver.answers.push(503, "close");
    await readFileAs(aios, "canary-path.txt", "canary-result");
    const at = (path: string): string => JSON.stringify(receiver.got.filter((each) => each.path === path));
    await receiver.until(
      () =>
        at("/v1/traces").includes("invoke_agent reader") &&
        at("/v1/logs").includes("aios.outcome") &&
        at("/v1/metrics").includes("aios.log.records"),
    );
    for (const { path, type, body } of receiver.got) {
      const signal = (["traces", "metrics", "logs"] as const).find((each) => path === `/v1/${each}`);
      if (signal === undefined) throw new Error(`nobody listens at ${path}`);
      expect(type).toBe("application/json");
      expect(checkOtlp(signal, JSON.parse(body))).toEqual([]);
      expect(isPublished(signal, JSON.parse(body)), body).toBe(true);
    }
    expect(at("/v1/traces")).toContain("tools/call read_text_file");
    const page = await ask(port, { host: `127.0.0.1:${port}` });
    expect(page).toMatchObject({ status: 200 });
    expect(parsePrometheus(page.body).map(({ name }) => name)).toEqual(
      expect.arrayContaining(["aios_actions_total", "aios_log_records", "mcp_client_operation_duration_seconds"]),
    );
    const families = readByPrometheus(page.body);
    if (families === null) console.warn("NOT RUN: Prometheus' own parser; python3-prometheus-client is not installed");
    else
      expect(families.map(([name, type]) => `${name} ${type}`)).toEqual(
        parsePrometheus(page.body).map(({ name, type }) => `${name.replace(/_total$/u, "")} ${type.toLowerCase()}`),
      );
    // A page that was led here by a name of its own, or asks as a page, gets nothing.
    expect(await ask(port, { host: `rebound.example:${port}` })).toMatchObject({ status: 421 });
    expect(await ask(port, { host: `127.0.0.1:${port}`, origin: "https://evil.example" })).toMatchObject({
      status: 403,
    });
    expect(JSON.stringify(receiver.got) + page.body).not.toContain("canary");
    await use(aios, {
      otlp: { to: receiver.at, signals: ["traces", "logs"] },
      names: "shown",
      content: "scrubbed",
    });
    receiver.got.length = 0;
    await readFileAs(aios, "canary-path.txt", "canary-result");
    await receiver.until(() => at("/v1/traces").includes("canary-result") && at("/v1/logs").includes("canary-path"));
  });

  test("go on when the log was put back as it once was, after a gap that says so", async () => {
    const log = join(aios.home, "log");
    const kept = join(makeTemporaryFolder(), "log");
    // What a receiver has got comes again when the cursor was not kept by then.
    const standsAt = async (size: number): Promise<void> => {
      const next = async () => (await aios.client.request("telemetry", {})).deliveries[0]?.next ?? 0;
      while ((await next()) < size) await new Promise((done) => setTimeout(done, 50));
    };
    await use(aios, { siem: { file: null, to: `${receiver.at}/in` } });
    receiver.got.length = 0;
    await aios.crash();
    execFileSync("cp", ["-a", log, kept]);
    await aios.restart();
    // A setting that is gone with what comes from here on, as the one before it is not.
    await use(aios, { siem: { file: null, to: `${receiver.at}/in` }, names: "shown" });
    const { size: signed } = await aios.client.request("telemetry", {});
    await aios.keepSecret("first", "sk-0123456789abcdefghij");
    await aios.keepSecret("second", "sk-0123456789abcdefghij");
    const { size } = await aios.client.request("telemetry", {});
    await standsAt(size);
    await aios.crash();
    rmSync(log, { recursive: true });
    execFileSync("cp", ["-a", kept, log]);
    receiver.got.length = 0;
    await aios.restart();
    await receiver.until(() => posted().some((event) => event.activity_name === "Gap"));
    const [gap] = posted();
    expect(gap).toMatchObject({ activity_name: "Gap", unmapped: { missing_to: size - 1 } });
    expect(gap?.unmapped.why).toMatch(/^the log (went back to|has others in)/u);
    // What it holds now comes too, though it has fewer records than were delivered.
    await receiver.until(() => posted().some(({ unmapped }) => unmapped.kind === "start"));
    await standsAt(1);
    const { deliveries, missing } = await aios.client.request("telemetry", {});
    expect(deliveries).toMatchObject([{ name: "ocsf-http", rewound: { to: size } }]);
    expect([missing, aios.errors()]).toEqual([signed - 1, expect.stringContaining("(telemetry-missing)")]);
  });

  test("stop when an owner signs that they do, and a destination in clear text elsewhere is not signed for", async () => {
    await expect(use(aios, { siem: { file: null, to: "http://siem.example/in" } })).rejects.toThrow(/no setting/u);
    await use(aios, {});
    while (telemetryPids(aios).length > 0) await new Promise((done) => setTimeout(done, 50));
    expect(await aios.client.request("telemetry", {})).toMatchObject({
      on: false,
      runs: false,
      deliveries: [],
      missing: null,
    });
  });
});
