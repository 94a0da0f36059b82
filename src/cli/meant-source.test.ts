import { expect, test } from "vitest";
import { isSource } from "../kernel/source-names.ts";
import { meantBy } from "./meant-source.ts";

/* Who names something that can be no source is told what they may have meant, and that is one. */

test.each([
  ["", null],
  ["web", null],
  ["web__fetch", { by: "source", value: "web/fetch" }],
  ["files__read_text_file", { by: "source", value: "files/read_text_file" }],
  [" web/fetch", { by: "source", value: "web/fetch" }],
  ["Web/fetch", null],
  ["/fetch", null],
  ["web/", null],
  ["files@", null],
  ["example.org", { by: "source", value: "net/fetch example.org" }],
  ["https://Example.org:8443/path?x", { by: "source", value: "net/fetch example.org" }],
  ["net/fetch https://example.org/x", { by: "source", value: "net/fetch example.org" }],
  ["net/fetch Example.org", { by: "source", value: "net/fetch example.org" }],
  ["net/send example.org 443", null],
  ["git-ssh/fetch ssh://example.org/a.git", { by: "source", value: "git-ssh/fetch example.org" }],
  ["12", { by: "entry", value: "12" }],
  ["entry 12", { by: "entry", value: "12" }],
  ["entries:3-9", null],
  ["i-0123456789abcdef", { by: "instance", value: "i-0123456789abcdef" }],
  ["instance:keeper", null],
  ["(more)", null],
  ["import:", null],
] as const)("%j is none, and what was meant is %j", (named, meant) => {
  expect([isSource(named), meant?.by !== "source" || isSource(meant.value)]).toEqual([false, true]);
  expect(meantBy(named)).toEqual(meant);
});
