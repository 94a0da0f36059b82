import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { awaitFetched } from "../agents/fetched.ts";
import { REPO, type Substrate } from "../e2e/substrate.ts";
import { freePort } from "../fakes/port-client.ts";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";
import { readFileAs, startReader, use } from "./stage.ts";

/*
 * A receiver for OpenTelemetry that was not written here (Genkit's telemetry server): it reads OTLP, checks it against its
 * own schemas, keeps it, and is asked afterwards what it has got.
 */
const PLACE = join(REPO, ".cache", "agents", "otlp-server");
const START_MS = 60_000;

interface Span {
  readonly spanId: string;
  readonly traceId: string;
  readonly parentSpanId?: string;
  readonly displayName: string;
  readonly startTime: number;
  readonly endTime: number;
  readonly attributes: { readonly [name: string]: unknown };
}

interface Trace {
  readonly spans: { readonly [id: string]: Span };
}

const isThere = await awaitFetched("otlp-server", PLACE);

describe("a receiver that is not ours", () => {
  if (!isThere) {
    console.warn("NOT RUN: another project's receiver for OpenTelemetry; npm run proof:receiver fetches it");
    test.skip("it is not there, nothing was proven", () => {});
    return;
  }
  let aios: Substrate;
  let server: ChildProcess;
  let at = "";

  beforeAll(async () => {
    const port = await freePort();
    at = `http://127.0.0.1:${port}/api`;
    const program = join(REPO, "test", "fakes", "otlp-server.cjs");
    server = spawn(process.execPath, [program, PLACE, makeTemporaryFolder(), String(port)], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { PATH: process.env["PATH"] },
    });
    if (server.stdout === null) throw new Error("the server has no output");
    let said = "";
    server.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
    while (!said.includes("ready")) await once(server.stdout, "data");
    aios = await startReader();
  }, START_MS);
  afterAll(async () => {
    server.kill();
    await aios.stop();
  });

  const get = async (path: string): Promise<unknown> => (await fetch(`${at}${path}`)).json();

  /** Its list has the roots of traces; each is asked for whole. */
  async function spans(): Promise<readonly Span[]> {
    const { traces } = (await get("/traces?limit=100")) as { traces: readonly Trace[] };
    const ids = traces.flatMap((trace) => Object.values(trace.spans).map(({ traceId }) => traceId));
    const whole = (await Promise.all([...new Set(ids)].map((id) => get(`/traces/${id}`)))) as readonly Trace[];
    return whole.flatMap((trace) => Object.values(trace.spans));
  }

  test(
    "takes traces, log records and metrics, and shows of an action its stages, with times and attributes",
    async () => {
      await use(aios, { otlp: { to: `${at}/otlp`, signals: ["traces", "logs", "metrics"] } });
      await readFileAs(aios, "canary-path.txt", "canary-result");
      let got = await spans();
      while (
        !["invoke_agent reader", "tools/call read_text_file"].every((name) =>
          got.some((each) => each.displayName === name),
        )
      ) {
        await new Promise((done) => setTimeout(done, 100));
        got = await spans();
      }
      const call = got.find(({ displayName }) => displayName === "tools/call read_text_file");
      expect(call?.attributes).toMatchObject({ "gen_ai.tool.name": "read_text_file", "mcp.method.name": "tools/call" });
      const action = got.find(({ displayName }) => displayName === "action files");
      const stages = got.filter(({ parentSpanId }) => parentSpanId === action?.spanId);
      expect(stages.map(({ displayName }) => displayName).toSorted()).toEqual(
        ["decide", "select", "validate", "approve", "execute", "audit"].toSorted(),
      );
      expect(call?.parentSpanId).toBe(stages.find(({ displayName }) => displayName === "execute")?.spanId);
      for (const { startTime, endTime } of stages) {
        expect(endTime).toBeGreaterThanOrEqual(startTime);
        expect(startTime).toBeGreaterThanOrEqual(action?.startTime ?? Infinity);
        expect(endTime).toBeLessThanOrEqual(action?.endTime ?? 0);
      }
      const logs = JSON.stringify(await get("/logs?limit=100"));
      expect(logs).toContain(call?.traceId);
      expect(logs + JSON.stringify(got)).not.toContain("canary");
      // What it did not take would be sent again, and said so.
      let { deliveries } = await aios.client.request("telemetry", {});
      // How they stand is told a moment after the first of it was delivered.
      while (deliveries.length < 3) {
        await new Promise((done) => setTimeout(done, 100));
        ({ deliveries } = await aios.client.request("telemetry", {}));
      }
      expect(deliveries.map(({ name, fault }) => [name, fault])).toEqual([
        ["traces", null],
        ["logs", null],
        ["metrics", null],
      ]);
    },
    START_MS,
  );
});
