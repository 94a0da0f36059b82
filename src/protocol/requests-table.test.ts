import { readFileSync } from "node:fs";
import { MONITOR_CONSOLE } from "./console-table.ts";
import { ALERTER_SIDE, MONITOR_ALERTER } from "./alert-order.ts";
import { MONITOR_GATE } from "./port-gate-table.ts";
import { BROKER_SIDE, MONITOR_BROKER } from "./net-order.ts";
import { describe, expect, it } from "vitest";
import type { JsonObject, JsonValue } from "../kernel/json.ts";
import { decode, type Decoder } from "./decode.ts";
import { encodeFrame, MAX_FRAME } from "./frame.ts";
import { CLI_SIDE, MONITOR_CLI } from "./cli-side.ts";
import { CLI_TABLE } from "./cli-table.ts";
import { DRIVER_ANSWERS, DRIVER_EVENTS, DRIVER_SIDE, MONITOR_DRIVER } from "./driver-table.ts";
import { FACE_ANSWERS, FACE_SIDE, FACE_TABLE, MONITOR_FACE } from "./face-table.ts";

function refusal<T>(decoder: Decoder<T>, value: JsonValue): string {
  const result = decode(decoder, value);
  return result.kind === "ok" ? "accepted" : `${result.path}: ${result.message}`;
}

describe("the names that a peer may use", () => {
  const namesOf = (side: { serves: object; hears: object; asks: object; says: object }): object => ({
    serves: Object.keys(side.serves),
    hears: Object.keys(side.hears),
    asks: Object.keys(side.asks),
    says: Object.keys(side.says),
  });
  const cli = [
    "hello",
    "telemetry",
    "witnesses",
    "alerts",
    "run",
    "output-over",
    "wait",
    "ps",
    "freeze",
    "kill",
    "hold",
    "undo",
    "held",
    "held-show",
    "second-code",
    "prepare",
    "submit",
    "grants",
    "deposit",
    "providers",
    "secrets",
    "grant-show",
    "probe",
    "policy-check",
    "policy-show",
    "policy-explain",
    "policy-simulate",
    "log-show",
    "log-newest",
    "away",
    "back",
    "digest",
    "log-disclose",
    "log-prove",
    "log-grown",
    "backup-begin",
    "backup-made",
    "checkpoint",
    "retention",
    "log-pace",
    "state-compare",
    "watch",
    "stopped",
    "homes",
    "memory-planes",
    "memory-proposals",
    "memory-entries",
    "memory-entry",
    "memory-to-freeze",
    "memory-holding",
    "memory-snapshot",
    "memory-verify",
    "memory-export",
    "memory-deposit",
    "memory-weigh",
    "memory-quarantine",
    "extension-add",
    "extensions",
    "extension-show",
    "extension-vet",
    "publishers",
    "extension-remove",
    "extension-quarantine",
    "console-open",
    "console-close",
    "open-ports",
    "stop",
    "owners",
    "invite",
    "invited",
    "enrolment-open",
    "enrolment-offer",
    "passkey-party",
    "sign-in-open",
    "sign-in",
    "propose-grant",
    "proposed-grants",
    "proposed-grant",
    "narrow-grant",
    "proposed-code",
  ];
  const face = ["ready", "list", "propose", "cancel", "route", "models", "refused", "method"];

  it("are these and no others at the monitor", () => {
    expect(namesOf(MONITOR_FACE)).toEqual({
      serves: face,
      hears: [],
      asks: [],
      says: ["progress", "held", "granted", "changed"],
    });
    expect(namesOf(MONITOR_BROKER)).toEqual({ serves: [], hears: [], asks: ["exchange", "cancel", "cut"], says: [] });
    expect(namesOf(MONITOR_DRIVER)).toEqual({
      serves: [],
      hears: ["progress", "changed"],
      asks: ["open", "run", "cancel"],
      says: [],
    });
    expect(namesOf(MONITOR_CLI)).toEqual({
      serves: cli,
      hears: [],
      asks: [],
      says: ["recovering", "record", "held", "stage"],
    });
  });

  it.each([
    ["face", MONITOR_FACE, FACE_SIDE],
    ["driver", MONITOR_DRIVER, DRIVER_SIDE],
    ["broker", MONITOR_BROKER, BROKER_SIDE],
    ["command line", MONITOR_CLI, CLI_SIDE],
    ["alerter", MONITOR_ALERTER, ALERTER_SIDE],
  ])("are the same at both ends of the channel of a %s", (_, near, far) => {
    const { serves, hears, asks, says } = near;
    expect(namesOf(far)).toEqual(namesOf({ serves: asks, hears: says, asks: serves, says: hears }));
    expect(far.maxFrame).toBe(near.maxFrame);
  });

  it("are those of docs/formats/request-table.md, in its order", () => {
    const doc = readFileSync(new URL("../../docs/formats/request-table.md", import.meta.url), "utf8");
    const listed = [...doc.matchAll(/^\| `([a-z-]+)` +\|/gm)].map(([, name]) => name);
    const { says } = MONITOR_FACE;
    const gate = [MONITOR_GATE.serves, MONITOR_GATE.says];
    // Of the console's row only what is its own is listed again.
    const pageTable = { ready: null, entered: null, visited: null };
    const known = [
      FACE_TABLE,
      says,
      ...gate,
      pageTable,
      { admit: null, left: null },
      DRIVER_ANSWERS,
      DRIVER_EVENTS,
      MONITOR_BROKER.asks,
      CLI_TABLE,
      MONITOR_CLI.says,
    ];
    expect(listed).toEqual(known.flatMap((table) => Object.keys(table)));
  });

  it("name nothing that would switch an approval, a sandbox or a policy off", () => {
    const all = [
      ...Object.keys(FACE_TABLE),
      ...Object.keys(MONITOR_GATE.serves),
      ...Object.keys(MONITOR_CONSOLE.serves),
      ...Object.keys(DRIVER_EVENTS),
      ...cli,
    ];
    expect(
      all.filter((name) => /set|approve|allow|enable|disable|config|policy-(?!check|show|explain|simulate)/.test(name)),
    ).toEqual([]);
  });
});

describe("a proposal", () => {
  const proposal = { verb: "call", driver: "files", name: "read", arguments: { path: "/a" }, token: 1 };

  it("is taken with whatever the agent chose, for the pipeline to answer", () => {
    expect(refusal(FACE_TABLE.propose, proposal)).toBe("accepted");
    expect(
      refusal(FACE_TABLE.propose, { ...proposal, driver: "../x", name: "t\u200bool", arguments: { approved: true } }),
    ).toBe("accepted");
  });

  it("carries no field beside", () => {
    for (const field of ["approved", "instance", "agent", "request", "v", "__proto__", "grant"]) {
      const value: JsonObject = JSON.parse(`{"${field}":true,${JSON.stringify(proposal).slice(1)}`);
      expect(refusal(FACE_TABLE.propose, value)).toBe(`/${field}: is not a known field`);
    }
  });

  it("has another shape for no agent", () => {
    expect(refusal(FACE_TABLE.propose, { ...proposal, verb: "approve" })).toContain("/verb: ");
    expect(refusal(FACE_TABLE.propose, { ...proposal, arguments: [] })).toContain("/arguments: ");
    expect(refusal(FACE_TABLE.propose, { ...proposal, token: -1 })).toContain("/token: ");
    expect(refusal(FACE_TABLE.propose, { ...proposal, name: "n".repeat(1025) })).toContain("/name: ");
  });
});

describe("an offer", () => {
  const tool = { name: "read", title: null, description: null, inputSchema: {}, outputSchema: null, annotations: null };
  const offer = {
    server: { name: "files", version: "1" },
    tools: [tool],
    resources: [],
    resourceTemplates: [],
    prompts: [],
  };
  const withTools = (tools: JsonValue): string => refusal(DRIVER_ANSWERS.open, { ...offer, tools });

  it("is taken within its bounds", () => {
    expect(refusal(DRIVER_ANSWERS.open, offer)).toBe("accepted");
    const most = Array.from({ length: 512 }, (_, index) => ({
      ...tool,
      name: `tool-${index}`,
      description: "x".repeat(16_384),
    }));
    expect(withTools(most)).toBe("accepted");
    expect(
      withTools([
        { ...tool, name: "A_z.0-9/x" },
        { ...tool, name: "n".repeat(128) },
      ]),
    ).toBe("accepted");
  });

  it.each<[string, JsonValue, string]>([
    [
      "a tool too many",
      Array.from({ length: 513 }, (_, index) => ({ ...tool, name: `tool-${index}` })),
      "/tools: expected at most 512 items, found 513",
    ],
    ["two tools of one name", [tool, tool], '/tools/1: occurs twice: "read"'],
    [
      "a name of look-alike letters",
      [{ ...tool, name: "re\u0430d" }],
      "/tools/0/name: expected a tool name, found text of 4 characters",
    ],
    [
      "a name with a zero-width space",
      [{ ...tool, name: "read\u200b" }],
      "/tools/0/name: expected a tool name, found text of 5 characters",
    ],
    ["an empty name", [{ ...tool, name: "" }], "/tools/0/name: expected a tool name, found text of 0 characters"],
    [
      "a name of 129 characters",
      [{ ...tool, name: "n".repeat(129) }],
      "/tools/0/name: expected a tool name of at most 128 characters, found 129",
    ],
    [
      "a description of 16 KiB and one",
      [{ ...tool, description: "x".repeat(16_385) }],
      "/tools/0/description: expected text of at most 16384 characters, found 16385",
    ],
    [
      "a schema that is no object",
      [{ ...tool, inputSchema: true }],
      "/tools/0/inputSchema: expected an object, found true",
    ],
    ["a field more", [{ ...tool, risk: "observe" }], "/tools/0/risk: is not a known field"],
    ["a field less", [{ name: "read" }], "/tools/0/title: is missing"],
    ["no list", { 0: tool }, "/tools: expected a list, found an object"],
  ])("is refused with %s", (_, tools, because) => {
    expect(withTools(tools)).toBe(because);
    expect(refusal(DRIVER_EVENTS.changed, { offer: { ...offer, tools } })).toBe(`/offer${because}`);
  });

  it("is shown to a face with its driver, and no tool twice", () => {
    const visible = (tools: JsonValue): string =>
      refusal(FACE_ANSWERS.list, { tools, resources: [], resourceTemplates: [], prompts: [] });
    expect(
      visible([
        { ...tool, driver: "files" },
        { ...tool, driver: "web" },
      ]),
    ).toBe("accepted");
    expect(
      visible([
        { ...tool, driver: "files" },
        { ...tool, driver: "files" },
      ]),
    ).toContain("occurs twice");
    expect(visible([{ ...tool, driver: "my_files" }])).toContain("/tools/0/driver: ");
  });
});

it("takes a result as large as a frame, and none larger", () => {
  const answer = (size: number): JsonObject => ({ id: 1, ok: { result: { text: "x".repeat(size) }, isError: false } });
  const rest = encodeFrame(answer(0)).length - 4;
  expect(() => encodeFrame(answer(MAX_FRAME - rest))).not.toThrow();
  expect(() => encodeFrame(answer(MAX_FRAME - rest + 1))).toThrow("over 4194304");
});

describe("a request of the command line", () => {
  const run = {
    agent: "demo",
    command: ["node", "agent.js", ""],
    workspace: "/home/me/work",
    task: "Read the notes",
    strict: false,
    parent: null,
    environment: { LANG: "C.UTF-8" },
    code: ["/opt/agent"],
    holdAt: ["execute"],
    streams: "0".repeat(32),
    holdSeconds: 60,
  };

  it("starts an instance with exactly what a run may say", () => {
    expect(refusal(CLI_TABLE.run, run)).toBe("accepted");
    expect(refusal(CLI_TABLE.run, { ...run, sandbox: "none" })).toBe("/sandbox: is not a known field");
    expect(refusal(CLI_TABLE.run, { ...run, command: [] })).toContain("/command: ");
    expect(refusal(CLI_TABLE.run, { ...run, command: ["node\0x"] })).toContain("/command/0: ");
    expect(refusal(CLI_TABLE.run, { ...run, workspace: "work" })).toContain("/workspace: ");
    expect(refusal(CLI_TABLE.run, { ...run, workspace: "/home/me/../root" })).toContain("/workspace: ");
    expect(refusal(CLI_TABLE.run, { ...run, environment: { LD_PRELOAD: "/x.so" } })).toContain(
      "/environment/LD_PRELOAD: ",
    );
    expect(refusal(CLI_TABLE.run, { ...run, holdAt: ["never"] })).toContain("/holdAt/0: ");
    expect(refusal(CLI_TABLE.run, { ...run, holdSeconds: 0 })).toContain("/holdSeconds: ");
  });

  it("hands in a statement only in a whole envelope", () => {
    const envelope = {
      payloadType: "application/vnd.aios.statement.v1+json",
      payload: "",
      signatures: [{ keyid: `ed25519:${"0".repeat(16)}`, sig: "" }],
    };
    expect(refusal(CLI_TABLE.submit, { envelope, document: {} })).toBe("accepted");
    expect(refusal(CLI_TABLE.submit, { envelope: { ...envelope, signatures: [] }, document: {} })).toContain(
      "/envelope/signatures: ",
    );
    expect(refusal(CLI_TABLE.submit, { envelope, document: {}, force: true })).toBe("/force: is not a known field");
  });

  it("probes only servers that a grant could name", () => {
    const probe = (source: JsonValue): string =>
      refusal(CLI_TABLE.probe, { drivers: { web: source }, workspace: null });
    expect(probe({ kind: "http", url: "http://127.0.0.1:3000/mcp" })).toBe("accepted");
    expect(probe({ kind: "http", url: "http://169.254.169.254/" })).toContain("/drivers/web/url: ");
    expect(probe({ kind: "stdio", command: ["node"], code: [], workspace: "none" })).toBe("accepted");
    expect(probe({ kind: "stdio", command: ["node"], code: ["/a/../b"], workspace: "none" })).toContain(
      "/drivers/web/code/0: ",
    );
    expect(probe({ kind: "shell", command: "node" })).toContain("/drivers/web/kind: ");
  });

  it("may look up what does not exist, which is not a fault of the peer", () => {
    expect(refusal(CLI_TABLE.kill, { instance: "no such thing" })).toBe("accepted");
    expect(refusal(CLI_TABLE["grant-show"], { id: "No Such Grant!" })).toBe("accepted");
    expect(refusal(CLI_TABLE.kill, { instance: "x".repeat(129) })).toContain("/instance: ");
  });
});
