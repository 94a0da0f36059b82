import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import type { CliPowers, Home, MonitorClient } from "../../src/cli/powers.ts";
import { sendDescriptors } from "../../src/platform/channels/stream-handover.ts";
import { relayStreams } from "../../src/platform/terminal/stream-relay.ts";
import { CALLS } from "../../src/sandbox/syscalls.ts";
import { createDesk, PASSPHRASE, type Desk } from "../fakes/cli-powers.ts";
import { connectClient, REPO, startSubstrate, type Substrate } from "./substrate.ts";

/*
 * A false alarm: an agent whose program makes a terminal call at its first run. A person looks at what caused it, signs,
 * and the same command starts again in the same folder, where it finds its session. The command line runs in this process,
 * with a person whose answers are given, against a real monitor.
 */
let aios: Substrate;
const ARCH = process.arch === "arm64" ? "arm64" : "x64";
const ATTACKER = join(REPO, "test/attacks/sandbox-attacker.ts");
const CODE = [
  ATTACKER,
  ...["package.json", "node_modules/koffi", "node_modules/@koromix"].map((path) => join(REPO, path)),
];
const CALL = `/aios/node --disable-warning=ExperimentalWarning ${ATTACKER} call ${CALLS.setns[ARCH]} -1 0`;
/** The first run leaves its session and climbs three levels deep; the next finds the session and ends well. */
const AGENT = `if [ -e session ]; then echo "resumed $(cat session) in $PLACE"; else echo one > session; sh -c 'sh -c "$1"' x "$1"; fi`;

beforeAll(async () => {
  aios = await startSubstrate();
  await aios.grant({ id: "work", agents: ["worker", "other"], allow: [], workspace: "write", programs: "any" });
});
afterAll(() => aios.stop());

/** A command line with a person who types these, and streams as `aios run` lends them. */
async function sit(typed: readonly string[]): Promise<{ desk: Desk; powers: CliPowers; printed(): string }> {
  const desk = createDesk({ typed: [...typed] });
  const parts: Buffer[] = [];
  const connect = async (): Promise<MonitorClient> => {
    const client = await connectClient(aios.home);
    const hear: Parameters<MonitorClient["onEvent"]>[1][] = [];
    client.onRecord((event) => hear.forEach((listener) => listener(event)));
    return {
      request: client.request,
      close: client.close,
      onEnd: () => {},
      onEvent: (name, listener) => void (name === "record" && hear.push(listener as never)),
    };
  };
  const home: Home = {
    ...desk.powers.home(aios.home),
    connect,
    attach: connect,
    key: {
      ...desk.powers.home(aios.home).key,
      unlock: (passphrase) =>
        passphrase === PASSPHRASE ? Promise.resolve(aios.owner) : Promise.reject(new Error("wrong passphrase")),
    },
  };
  const powers: CliPowers = {
    ...desk.powers,
    now: () => Date.now(),
    random: {
      hex: (count) =>
        [...crypto.getRandomValues(new Uint8Array(count))].map((byte) => byte.toString(16).padStart(2, "0")).join(""),
    },
    home: () => home,
    agents: {
      ...desk.powers.agents,
      offerStreams: async ({ ticket }) => {
        const sink = new Writable({
          write(part: Buffer, _encoding, done) {
            parts.push(part);
            done();
          },
        });
        const relay = relayStreams({ input: Readable.from([]), output: sink, error: sink });
        const fds = relay.fds.filter((fd) => fd !== null);
        await sendDescriptors(join(aios.home, "run", "streams.sock"), ticket, fds);
        relay.release();
        return {
          terminal: null,
          ended: relay.ended,
          flow: () => relay.flow(),
          hold: () => relay.hold(),
          stop: () => relay.stop(),
        };
      },
    },
  };
  return { desk, powers, printed: () => Buffer.concat(parts).toString() };
}

describe("a false alarm", () => {
  test("is shown with the one call that caused it, signed, and the same command goes on with its session", async () => {
    const command = ["sh", "-c", AGENT, "agent", CALL];
    const request = { agent: "worker", workspace: aios.workspace, command, code: CODE, environment: { PLACE: "here" } };
    const first = await aios.run(request);
    expect(first).toMatchObject({ state: "terminal", why: "prohibited-call" });
    expect(readFileSync(join(aios.workspace, "session"), "utf8")).toBe("one\n");
    await expect(aios.run(request)).rejects.toThrow(/ended for good/);

    const { desk, powers, printed } = await sit(["y", PASSPHRASE]);
    expect(await runProgram(["restart", first.instance], powers)).toBe(0);
    expect(printed()).toBe("resumed one in here\n");
    const shown = desk.err();
    expect(shown).toMatch(
      /record \d+: terminal prohibited-call: system call setns of process \d+, which ran \/aios\/node/,
    );
    // The family of the call, the launcher's program outermost.
    expect(shown).toMatch(
      /outermost:\n {2}\/usr\/bin\/sh -c if .*\n {4}.*sh -c sh -c .*\n {6}.*sh -c .*\n(?: {8}.*\n)?.*call/,
    );
    expect(shown).toContain(`workspace  ${aios.workspace}\nvariable   PLACE=here\n`);
    expect(desk.prompts[0]).toBe("Start it again? [y/N] ");
    const { entries } = await aios.client.request("log-show", {
      from: 0,
      limit: 100,
      instance: null,
      kinds: ["agent-restarted"],
    });
    expect(entries.map(({ record }) => record)).toMatchObject([{ agent: "worker" }]);
  });

  test("stays what it was when the person says no, or cannot sign", async () => {
    writeFileSync(join(aios.workspace, "session"), "");
    const ended = await aios.run({ agent: "other", command: ["sh", "-c", CALL], code: CODE });
    expect(ended.state).toBe("terminal");
    for (const [typed, exit] of [
      [["n"], 1],
      [["y", "wrong"], 70],
    ] as const) {
      const { powers } = await sit(typed);
      expect(await runProgram(["restart", ended.instance], powers)).toBe(exit);
    }
    await expect(aios.run({ agent: "other", command: ["true"] })).rejects.toThrow(/ended for good/);
  });
});

describe("what else stopped", () => {
  test("an instance that was killed starts again without a signature", async () => {
    const command = ["sh", "-c", "touch runs; sleep 60"];
    const running = aios.run({ agent: "worker", workspace: aios.workspace, command });
    await expect.poll(() => existsSync(join(aios.workspace, "runs"))).toBe(true);
    const instance = (await aios.client.request("ps", { all: false })).instances[0]?.instance ?? "";
    const early = await sit([]);
    expect(await runProgram(["restart", instance], early.powers)).toBe(1); // it runs
    expect(early.desk.err()).toContain("there is nothing to start again (not-found)");
    await aios.client.request("kill", { instance });
    await running;
    const { desk, powers } = await sit(["n"]);
    expect(await runProgram(["restart", instance], powers)).toBe(1);
    expect(desk.err()).toMatch(/record \d+: instance-ended killed/);
    expect(desk.err()).toContain(`command    sh -c touch runs; sleep 60\nworkspace  ${aios.workspace}\n`);
  });

  test("a frozen one goes on where it stands", async () => {
    const running = aios.run({
      agent: "worker",
      workspace: aios.workspace,
      command: ["sh", "-c", "touch up; sleep 2; echo on"],
    });
    await expect.poll(() => existsSync(join(aios.workspace, "up"))).toBe(true);
    const [view] = (await aios.client.request("ps", { all: false })).instances;
    await aios.client.request("freeze", { instance: view?.instance ?? "" });
    const { desk, powers } = await sit(["y", PASSPHRASE]);
    expect(await runProgram(["restart", view?.instance ?? ""], powers)).toBe(0);
    expect(desk.err()).toMatch(/record \d+: instance-frozen asked/);
    expect((await running).stdout).toBe("on\n");
  });

  test("one of an agent that another instance ended for good since leads to that one", async () => {
    const first = await aios.run({ agent: "other", command: ["true"] }).catch(() => null);
    expect(first).toBeNull();
    await aios.sign("restart-agent", { agent: "other" });
    const [one, two] = [
      await aios.run({ agent: "other", command: ["sh", "-c", CALL], code: CODE }),
      await aios
        .sign("restart-agent", { agent: "other" })
        .then(() => aios.run({ agent: "other", command: ["sh", "-c", CALL], code: CODE })),
    ];
    const { desk, powers } = await sit(["y", PASSPHRASE]);
    expect(await runProgram(["restart", one.instance], powers)).toBe(1);
    expect(desk.err()).toContain(`hint: aios restart ${two.instance} shows why`);
  });
});
