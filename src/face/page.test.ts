import { expect, test } from "vitest";
import { PAGE_SIZE, takePage } from "./page.ts";

const list = Array.from({ length: 2 * PAGE_SIZE + 1 }, (_, index) => index);

test("pages together are the list, each once", () => {
  const seen: number[] = [];
  let cursor: string | undefined;
  for (let turn = 0; turn < 3; turn += 1) {
    const page = takePage(list, { generation: 7, cursor });
    seen.push(...(page?.entries ?? []));
    cursor = page?.next ?? undefined;
  }
  expect(cursor).toBeUndefined();
  expect(seen).toEqual(list);
});

test("an empty list has one empty page", () => {
  expect(takePage([], { generation: 1, cursor: undefined })).toEqual({ entries: [], next: null });
});

test.each([
  "",
  "7",
  "7.",
  "7.0",
  "7.1",
  "7.100 ",
  "7.0100",
  "7.300",
  "7.99999999999",
  "8.100",
  "-7.100",
  "7.-100",
  "7.1e2",
])("the cursor %j is none of ours", (cursor) => {
  expect(takePage(list, { generation: 7, cursor: "7.100" })).not.toBeNull();
  expect(takePage(list, { generation: 7, cursor })).toBeNull();
});
