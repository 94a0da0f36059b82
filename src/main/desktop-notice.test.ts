import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeTemporaryFolder } from "../../test/fakes/temporary-folder.ts";
import { createDesktopNotice } from "./desktop-notice.ts";

const folder = makeTemporaryFolder();
const heard = join(folder, "heard");
const program = join(folder, "notify-send");
writeFileSync(program, `#!/bin/sh\n{ printf '%s\\n' "$@"; env; } > ${heard}.part; mv ${heard}.part ${heard}\n`, {
  mode: 0o755,
});

test("a notice says what it is given as plain text, with what finds the desktop and nothing else of the environment", async () => {
  const env = { DBUS_SESSION_BUS_ADDRESS: "unix:path=/run/user/1/bus", DISPLAY: ":0", ANTHROPIC_API_KEY: "sk-1" };
  createDesktopNotice(env, [join(folder, "none"), program])("--help", "<b>stopped</b> & gone");
  await expect.poll(() => existsSync(heard)).toBe(true);
  const rows = readFileSync(heard, "utf8").split("\n");
  expect(rows.slice(0, 5)).toEqual(["--app-name=aios", "--urgency=critical", "--", "--help", "bstopped/b  gone"]);
  expect(rows).toContain("DISPLAY=:0");
  expect(rows.join()).not.toContain("sk-1");
});

test("without a bus or a program nothing happens, and no failure is one", () => {
  createDesktopNotice({}, [program])("title", "text");
  createDesktopNotice({ DBUS_SESSION_BUS_ADDRESS: "x" }, [])("title", "text");
  createDesktopNotice({ DBUS_SESSION_BUS_ADDRESS: "x" }, [folder])("title", "text");
});
