import { expect, test } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import type { LogRecord } from "../../src/protocol/record.ts";
import { createDesk } from "../fakes/cli-powers.ts";

const INSTANCE = "i-0123456789abcdef";

/** What a person at `aios run` reads while a record of a limit comes in. */
async function read(
  limit: "memory" | "files",
  { instance = INSTANCE, ...server }: { readonly instance?: string; readonly driver?: string },
): Promise<string> {
  const record: LogRecord = {
    v: 1,
    seq: 7,
    at: 0,
    start: "0".repeat(32),
    payload: null,
    kind: "limit-reached",
    instance,
    agent: "x",
    ...server,
    limit,
    most: 1024,
    found: 1024,
  };
  const desk = createDesk({
    answers: {
      grants: () => ({ grants: [] }),
      watch: () => ({}),
      run() {
        desk.monitor.say("record", { record });
        return { instance: INSTANCE, output: null, overruled: [] };
      },
      wait: () => ({ state: "ended", exit: 7, why: null }),
    },
  });
  expect(await runProgram(["run", "--quiet", "--", "x"], desk.powers)).toBe(7);
  return desk.err();
}

test("that a server of its agent reached a limit is told at `aios run`, by the names of both", async () => {
  expect(await read("memory", { driver: "notes" })).toContain(
    "aios: server notes reached its limit of memory: it was ended (limit-memory)\nhint: ",
  );
  expect(await read("files", { driver: "notes" })).toContain(
    "aios: server notes reached its limit of files: its calls fail there (limit-files)\nhint: ",
  );
});

test("of another instance's server, and of the agent itself, this says nothing", async () => {
  expect(await read("memory", { driver: "notes", instance: "i-fedcba9876543210" })).not.toContain("limit");
  expect(await read("files", {})).not.toContain("limit");
});
