import { expect, test } from "vitest";
import { Partials } from "./partials.ts";

const file = (path: string): { path: string; bytes: Uint8Array } => ({ path, bytes: Uint8Array.of(1) });

test("a partial file is written once, one of another width besides", () => {
  const partials = new Partials();
  expect(partials.missing([file("tile/0/001.p/3"), file("tile/1/000.p/1")])).toHaveLength(2);
  partials.add([file("tile/0/001.p/3"), file("tile/1/000.p/1")]);
  expect(partials.missing([file("tile/0/001.p/4"), file("tile/1/000.p/1")]).map(({ path }) => path)).toEqual([
    "tile/0/001.p/4",
  ]);
});

test("at first every folder of a full file may hold partial ones, afterwards only those that were written", () => {
  const partials = new Partials();
  expect(partials.served([file("tile/0/001"), file("tile/0/002")])).toEqual(["tile/0/001.p", "tile/0/002.p"]);
  partials.forget(["tile/0/001.p", "tile/0/002.p"]);
  partials.add([file("tile/0/003.p/3")]);
  expect(partials.served([file("tile/0/003"), file("tile/0/004")])).toEqual(["tile/0/003.p"]);
});

test("what is gone is written again when it is asked for again", () => {
  const partials = new Partials();
  partials.add([file("tile/0/003.p/3")]);
  partials.forget(["tile/0/003.p"]);
  expect(partials.missing([file("tile/0/003.p/3")])).toHaveLength(1);
});
