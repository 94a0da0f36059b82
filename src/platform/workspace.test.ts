import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { workspaceProblem } from "./workspace.ts";

const root = realpathSync(mkdtempSync(join(tmpdir(), "aios workspace ")));
const home = join(root, "home");
const project = join(root, "project");
for (const folder of [home, project, join(home, "log")]) mkdirSync(folder, { recursive: true });
symlinkSync(project, join(root, "link"));
writeFileSync(join(root, "file"), "");
afterAll(() => rmSync(root, { recursive: true }));

test("a folder of a project is fine", async () => {
  expect(await workspaceProblem(project, { mode: "write", home })).toBeNull();
});

test.each([
  ["/", "system folder"],
  ["/etc", "system folder"],
  ["/proc/self", "link"],
  ["/proc/sys", "system folder"],
  [root, "substrate's own home"],
  [home, "substrate's own home"],
  [join(home, "log"), "substrate's own home"],
  [join(root, "link"), "it is a link to"],
  [join(root, "file"), "not a folder"],
  [join(root, "gone"), "does not exist"],
])("%s is refused: %s", async (path, why) => {
  expect((await workspaceProblem(path, { mode: "read", home }))?.message).toContain(why);
});

test("a folder whose name only begins like the home is not the home", async () => {
  mkdirSync(join(root, "home-of-somebody-else"));
  expect(await workspaceProblem(join(root, "home-of-somebody-else"), { mode: "read", home })).toBeNull();
});
