import { expect, test } from "vitest";
import { actionSource, entrySource, instanceSource } from "./memory-sources.ts";
import { importSource } from "./memory-imports.ts";
import { isSource } from "./source-names.ts";

/* What is named for a quarantine and can never be a source would be on record as done, and take nothing out. */

test.each([
  actionSource("web/fetch", { driver: "web", arguments: {} }),
  actionSource("net/fetch", { driver: "net", arguments: { host: "example.org" } }),
  "net/fetch",
  "git-ssh/fetch example.org",
  "files#file:///a b/c.txt",
  "files#",
  "files@review",
  // A server may call its tools what it likes; none of them is out of reach for that.
  "web/fetch %2f #x \u202eb",
  "web/fetch ",
  instanceSource("i-0123456789abcdef"),
  entrySource(12),
  importSource("aios.local/0123456789abcdef0123456789abcdef"),
])("%s is a source", (source) => {
  expect(isSource(source)).toBe(true);
});

test.each([
  "",
  "web",
  "web__fetch",
  "files__read_text_file",
  " web/fetch",
  "Web/fetch",
  "/fetch",
  "web/",
  "files@",
  "example.org",
  "https://Example.org:8443/path?x",
  "net/fetch https://example.org/x",
  "net/fetch Example.org",
  "net/send example.org 443",
  "git-ssh/fetch ssh://example.org/a.git",
  "12",
  "entry 12",
  "entries:3-9",
  "i-0123456789abcdef",
  "instance:keeper",
  "(more)",
  "import:",
])("%j is none", (named) => {
  expect(isSource(named)).toBe(false);
});
