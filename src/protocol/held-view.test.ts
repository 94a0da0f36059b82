import { expect, test } from "vitest";
import { pagesOfHeld, type HeldPage } from "./held-view.ts";

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
