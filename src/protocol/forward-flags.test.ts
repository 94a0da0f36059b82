import { expect, test } from "vitest";
import { forwardFlags, readForwardFlags } from "./forward-flags.ts";

test("forwards are read as they were written, among other words", () => {
  const forwards = [
    { inside: 5432, host: "localhost", port: 5432 },
    { inside: 65_535, host: "db-1.example.org", port: 1 },
  ];
  expect(forwardFlags(forwards)).toEqual(["--forward=5432:localhost:5432", "--forward=65535:db-1.example.org:1"]);
  expect(readForwardFlags(["--network", ...forwardFlags(forwards), "--injectors=2"])).toEqual(forwards);
  expect(readForwardFlags(["--network"])).toEqual([]);
});

test.each(["--forward=", "--forward=80:localhost:1", "--forward=3128:localhost:1", "--forward=5432:127.0.0.1:1"])(
  "%s is refused and not passed over",
  (word) => expect(() => readForwardFlags([word])).toThrow(TypeError),
);
