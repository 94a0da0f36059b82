import { createServer } from "node:net";
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { workspaceProblem } from "./workspace.ts";

const root = realpathSync(mkdtempSync(join(tmpdir(), "aios workspace ")));
const home = join(root, "home");
const project = join(root, "project");
/** What runs outside of every sandbox: a folder of programs, and one program elsewhere. */
const programs = [join(root, "aios"), join(root, "bin", "node")];
for (const folder of [home, project, join(home, "log"), join(root, "aios", "src"), join(root, "bin")])
  mkdirSync(folder, { recursive: true });
symlinkSync(project, join(root, "link"));
writeFileSync(join(root, "file"), "");
afterAll(() => rmSync(root, { recursive: true }));

test("a folder of a project is fine", async () => {
  expect(await workspaceProblem(project, { mode: "write", home, programs })).toBeNull();
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
  expect((await workspaceProblem(path, { mode: "read", home, programs }))?.message).toContain(why);
});

test("a folder whose name only begins like the home is not the home", async () => {
  mkdirSync(join(root, "home-of-somebody-else"));
  expect(await workspaceProblem(join(root, "home-of-somebody-else"), { mode: "read", home, programs })).toBeNull();
});

test.each(["aios", "aios/src", "bin"])(
  "to write in %s, where the substrate's own program is, is refused; to read is not",
  async (name) => {
    const path = join(root, name);
    expect((await workspaceProblem(path, { mode: "write", home, programs }))?.message).toContain("own program");
    expect(await workspaceProblem(path, { mode: "read", home, programs })).toBeNull();
  },
);

test("a socket is found however much lies before it", async () => {
  const big = join(root, "big");
  mkdirSync(join(big, "behind"), { recursive: true });
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(big, "behind", "s"), resolve));
  expect((await workspaceProblem(big, { mode: "read", home, programs }))?.message).toContain("socket");
  await new Promise((resolve) => server.close(resolve));
  expect(await workspaceProblem(big, { mode: "read", home, programs })).toBeNull();
});

// Root may look everywhere; the monitor never is root.
test.skipIf(process.geteuid?.() === 0)(
  "a folder that cannot be looked through is refused: its rights can be changed inside",
  async () => {
    const closed = join(root, "closed");
    mkdirSync(join(closed, "in"), { recursive: true });
    chmodSync(join(closed, "in"), 0);
    expect((await workspaceProblem(closed, { mode: "read", home, programs }))?.message).toContain(
      "cannot be looked through",
    );
    chmodSync(join(closed, "in"), 0o700);
    expect(await workspaceProblem(closed, { mode: "read", home, programs })).toBeNull();
  },
);
