import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Substrate } from "../e2e/substrate.ts";
import { startReceiver, type Receiver } from "./receiver.ts";
import { readFileAs, startReader, telemetryPids, use } from "./stage.ts";

/* A real monitor, its telemetry in its sandbox, and a receiver that is not always well. */

let aios: Substrate;
let receiver: Receiver;

interface Event {
  readonly class_uid: number;
  readonly metadata: { readonly sequence: number; readonly uid: string };
  readonly unmapped: { readonly kind: string };
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

beforeAll(async () => {
  [aios, receiver] = await Promise.all([startReader(), startReceiver()]);
}, 60_000);
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
    await outcomes(1);
    const all = JSON.stringify(receiver.got);
    expect(all).toContain("/workspace/canary-path.txt");
    expect(all).toContain("canary-result **");
    for (const told of [all, filed()]) {
      expect(told).not.toContain(secret);
      expect(told).not.toContain(Buffer.from(secret).toString("base64").slice(0, 16));
    }
  });

  test("stop when an owner signs that they do, and a destination in clear text elsewhere is not signed for", async () => {
    await expect(use(aios, { siem: { file: null, to: "http://siem.example/in" } })).rejects.toThrow(/no setting/u);
    await use(aios, {});
    while (telemetryPids(aios).length > 0) await new Promise((done) => setTimeout(done, 50));
    expect(await aios.client.request("telemetry", {})).toMatchObject({ on: false, runs: false, deliveries: [] });
  });
});
