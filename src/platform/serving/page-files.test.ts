import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { makeTemporaryFolder } from "../../../test/fakes/temporary-folder.ts";
import { gatherPages, servedText } from "./page-files.ts";

function source(files: { readonly [path: string]: string }): string {
  const root = makeTemporaryFolder();
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}
const PARTS = { texts: { "/": ["index.html", "text/html"] }, entries: ["app.ts"] } as const;

describe("the pages", () => {
  const files = {
    "page/index.html": "<!doctype html>",
    "page/app.ts": `import { a } from "./a.ts";\nimport type { B } from "../monitor/b.ts";\nexport const b: B = a;\n`,
    "page/a.ts": `export { a } from "../kernel/a.ts";\n`,
    "kernel/a.ts": `export const a: string = "a";\n`,
    "page/other.ts": "export {};\n",
  };

  test("are what is named and what that imports, without its types", () => {
    const { sources } = gatherPages(source(files), PARTS);
    expect([...sources.keys()].toSorted()).toEqual(["/", "/m/kernel/a.ts", "/m/page/a.ts", "/m/page/app.ts"]);
    const served = [...sources.values()].map((each) => servedText(each));
    expect(served[0]).toBe("<!doctype html>");
    expect(served.join("")).not.toContain(": string");
    expect(served.join("")).not.toContain("monitor");
  });

  test("have a digest that any byte of them changes, and no other file", () => {
    const { digest } = gatherPages(source(files), PARTS);
    expect(gatherPages(source(files), PARTS).digest).toBe(digest);
    expect(gatherPages(source({ ...files, "page/other.ts": "" }), PARTS).digest).toBe(digest);
    for (const path of Object.keys(files).filter((name) => name !== "page/other.ts")) {
      const changed = { ...files, [path]: `${files[path as keyof typeof files]} ` };
      expect(gatherPages(source(changed), PARTS).digest, path).not.toBe(digest);
    }
  });

  test("reach for no folder that is not for browsers", () => {
    const reaching = { ...files, "page/a.ts": `import "../../monitor/monitor.ts";\n`, "monitor/monitor.ts": "" };
    expect(() => gatherPages(source(reaching), PARTS)).toThrow("monitor/monitor.ts is not for browsers");
  });
});
