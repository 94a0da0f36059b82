import { expect, test } from "vitest";
import { groupEqual, pagesOfHeld, type HeldPage, type HeldView } from "./held-view.ts";

async function pagesFrom(pages: readonly HeldPage[]): Promise<{ asked: (number | null)[]; got: HeldPage[] }> {
  const asked: (number | null)[] = [];
  const left = [...pages];
  const got: HeldPage[] = [];
  const answers = pagesOfHeld(({ after }) => {
    asked.push(after);
    const page = left.shift();
    return page === undefined ? Promise.reject(new Error("nobody asked for more")) : Promise.resolve(page);
  });
  for await (const page of answers) got.push(page);
  return { asked, got };
}

test("what is held is asked for page by page, each after the one before, until there is no more", async () => {
  const pages = [
    { held: [], next: 7, all: 3 },
    { held: [], next: 9, all: 3 },
    { held: [], next: null, all: 3 },
  ];
  expect(await pagesFrom(pages)).toEqual({ asked: [null, 7, 9], got: pages });
});

test("one page is one question", async () => {
  expect((await pagesFrom([{ held: [], next: null, all: 0 }])).asked).toEqual([null]);
});

test("a page that is refused ends it", async () => {
  await expect(pagesFrom([{ held: [], next: 1, all: 1 }])).rejects.toThrow("nobody asked for more");
});

test("what one instance asks for over and over is one; another instance, or anything else in it, is another", () => {
  const view = (request: string, instance: string, same: string): HeldView => ({
    request,
    instance,
    agent: "writer",
    what: "files/write",
    about: "",
    reasons: ["reserved"],
    since: 0,
    expires: 1,
    digest: request,
    same,
    shape: "shape",
  });
  const held = [view("1", "i-1", "a"), view("2", "i-1", "b"), view("3", "i-1", "a"), view("4", "i-2", "a")];
  expect(groupEqual(held).map(({ all }) => all.map(({ request }) => request))).toEqual([["1", "3"], ["2"], ["4"]]);
});
