import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { expect, test } from "vitest";

test("the bridge is plain JavaScript, as which agents run it", () => {
  const text = readFileSync(new URL("./mcp-stdio.ts", import.meta.url), "utf8");
  expect(stripTypeScriptTypes(text)).toBe(text);
});
