import { expect, test } from "vitest";
import type { LogRecord } from "../../src/protocol/record.ts";
import { PASSPHRASE } from "../fakes/cli-powers.ts";
import { held, INSTANCE, records, REQUEST } from "./cast.ts";
import { transcribe } from "./transcript.ts";

/** The last lines that a person sees after a yes to `held`, when the log holds these records from 42 on. */
async function lastWords(log: readonly LogRecord[]): Promise<string> {
  const shown = await transcribe(["approvals", "approve", REQUEST], {
    typed: ["y", PASSPHRASE],
    answers: {
      held: () => ({ held: [held] }),
      "held-show": () => held,
      submit: () => ({ seq: 42 }),
      "log-show": ({ from, kinds, instance }) => ({
        entries: log
          .filter((record) => record.seq >= from && kinds.includes(record.kind) && instance === INSTANCE)
          .map((record) => ({ record, payload: null })),
        size: 50,
      }),
    },
  });
  return shown.slice(shown.indexOf(`request   ${REQUEST}\n\n`) + `request   ${REQUEST}\n\n`.length);
}

function kept(kind: "denied" | "outcome", change: { readonly seq: number; readonly action: string }): LogRecord {
  const record = records.find((each) => each.kind === kind);
  if (record?.kind !== kind) throw new Error(`the cast has no record ${kind}`);
  return { ...record, ...change };
}

const PROMPTS = "? Let this run, once? [y/N]\n? passphrase of the owner key:\n";

test("a yes names the record of the statement and says that the action ran", async () => {
  const other = kept("denied", { seq: 43, action: `sha256:${"0".repeat(64)}` });
  expect(await lastWords([other, kept("outcome", { seq: 44, action: held.digest })])).toBe(
    `approved (record 42)\nit ran\n${PROMPTS}`,
  );
});

test("a yes to what failed at its server says so", async () => {
  const failed = kept("outcome", { seq: 44, action: held.digest });
  if (failed.kind !== "outcome") throw new Error("no outcome");
  expect(await lastWords([{ ...failed, result: "tool-error", code: null }])).toBe(
    `approved (record 42)\nit ran, and the server answered with an error\n${PROMPTS}`,
  );
});

test("a yes to what had moved since says that it was denied all the same", async () => {
  expect(await lastWords([kept("denied", { seq: 42, action: held.digest })])).toBe(
    `denied all the same (record 42): no-grant\n${PROMPTS}[1]\n`,
  );
});
