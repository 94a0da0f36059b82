import { expect, test } from "vitest";
import { CliFailure } from "./failure.ts";
import { findOtherVersion } from "./other-version.ts";
import { createFakeMonitor, type Answers } from "../../test/fakes/monitor-client.ts";

const here = { version: "0.2.0", home: "/home/maria/.aios", runs: () => Promise.resolve(true) };
const HINT = "aios serve --stop ends it, and with it every instance; the next command starts the new one";

function ask(hello: NonNullable<Answers["hello"]>, where = here): Promise<string | null> {
  return findOtherVersion(createFakeMonitor({ hello }).client, where);
}

const hello = { start: "0".repeat(32), home: "/h", owners: 1, policy: "p", limits: "watch" } as const;

test("a monitor of another version is named with how to end it; twin: one of the same is not", async () => {
  expect(await ask(() => ({ ...hello, version: "0.1.0" }))).toBe(
    `aios: the monitor of /home/maria/.aios is of version 0.1.0, and this command line of 0.2.0\nhint: ${HINT}\n`,
  );
  expect(await ask(() => ({ ...hello, version: "0.2.0" }))).toBeNull();
});

test("one that ends the connection over the question is perhaps another; other refusals stay what they are", async () => {
  const lost = CliFailure.of("monitor-lost", "There is no answer");
  await expect(ask(() => Promise.reject(lost))).rejects.toMatchObject({
    code: "monitor-lost",
    message: "There is no answer; perhaps it is not of version 0.2.0 as this is",
    hint: HINT,
  });
  const other = CliFailure.of("bad-home", "no");
  await expect(ask(() => Promise.reject(other))).rejects.toBe(other);
});

test("one that is gone before it answered is said to be, and nobody is told to stop it", async () => {
  const lost = CliFailure.of("monitor-lost", "There is no answer");
  const gone = { ...here, runs: () => Promise.resolve(false) };
  await expect(ask(() => Promise.reject(lost), gone)).rejects.toMatchObject({
    code: "monitor-lost",
    message: "The monitor of /home/maria/.aios ended before it answered",
    hint: "it was told to, or something killed it; the next command starts it again",
  });
});
