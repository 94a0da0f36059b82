import { describe, expect, test } from "vitest";
import { appendAhead, type PlacedFile } from "./append-ahead.ts";

const AHEAD = 64;

interface Write {
  readonly bytes: Uint8Array;
  readonly offset: number;
  /** Lets it come to an end. */
  done(error?: Error): void;
}

/** A file whose writes end when they are told to. */
function slowFile(): { file: PlacedFile; under: Write[]; content(): string; closed(): boolean } {
  const under: Write[] = [];
  let content = Buffer.from("head");
  let closed = false;
  return {
    under,
    content: () => content.toString("latin1"),
    closed: () => closed,
    file: {
      size: content.length,
      write: (bytes, offset) =>
        new Promise((resolve, reject) => {
          const done = (error?: Error): void => {
            if (error !== undefined) return reject(error);
            const whole = Buffer.alloc(Math.max(content.length, offset + bytes.length));
            whole.set(content);
            whole.set(bytes, offset);
            content = whole;
            resolve();
          };
          under.push({ bytes, offset, done });
        }),
      close: () => {
        closed = true;
        return Promise.resolve();
      },
    },
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function finish({ under }: { readonly under: Write[] }, error?: Error): Promise<Write> {
  await turn();
  const write = under.shift();
  if (write === undefined) throw new Error("nothing is being written");
  write.done(error);
  await turn();
  return write;
}

describe("what is appended", () => {
  test("goes over zeros that were there before, and more of them come when half is used", async () => {
    const slow = slowFile();
    const appended = appendAhead(slow.file, AHEAD);
    const first = appended.append(Buffer.from("one"));
    await finish(slow);
    await first;
    const zeros = await finish(slow);
    expect([zeros.offset, zeros.bytes.length]).toEqual([7, AHEAD]);
    const sizes: number[] = [];
    for (let each = 0; each < 5; each += 1) {
      const next = appended.append(Buffer.from("eight by"));
      await finish(slow);
      await next;
      sizes.push(slow.content().length);
    }
    expect(sizes, "the file does not grow").toEqual(Array(5).fill(7 + AHEAD));
    expect((await finish(slow)).offset).toBe(7 + AHEAD);
    expect(slow.content()).toBe(`headone${"eight by".repeat(5)}${"\0".repeat(2 * AHEAD - 40)}`);
  });

  test("waits for zeros that are being written where it goes, since they could come last", async () => {
    const slow = slowFile();
    const appended = appendAhead(slow.file, AHEAD);
    const first = appended.append(Buffer.from("one"));
    await finish(slow);
    await first;
    const second = appended.append(Buffer.from("two"));
    await turn();
    expect(
      slow.under.map(({ bytes }) => bytes.length),
      "the zeros alone",
    ).toEqual([AHEAD]);
    await finish(slow);
    await finish(slow);
    await second;
    expect(slow.content().slice(0, 10)).toBe("headonetwo");
  });

  test("goes on without zeros when there is no room for them, and fails by itself when there is none for it", async () => {
    const slow = slowFile();
    const appended = appendAhead(slow.file, AHEAD);
    for (const word of ["one", "two"]) {
      const written = appended.append(Buffer.from(word));
      await finish(slow);
      await written;
      if (word === "one") await finish(slow, new Error("ENOSPC"));
    }
    expect(slow.under).toEqual([]);
    expect(slow.content()).toBe("headonetwo");
    const third = appended.append(Buffer.from("three"));
    third.catch(() => {});
    await finish(slow, new Error("ENOSPC"));
    await expect(third).rejects.toThrow("ENOSPC");
  });

  test("has no zeros ahead where it is large itself", async () => {
    const slow = slowFile();
    const appended = appendAhead(slow.file, AHEAD);
    const large = appended.append(Buffer.alloc(AHEAD / 8 + 1, "x"));
    await finish(slow);
    await large;
    expect(slow.under).toEqual([]);
  });

  test("is closed when no write is under way any more", async () => {
    const slow = slowFile();
    const appended = appendAhead(slow.file, AHEAD);
    const first = appended.append(Buffer.from("one"));
    await finish(slow);
    await first;
    const closed = appended.close();
    await turn();
    expect(slow.closed(), "while zeros are being written").toBe(false);
    await finish(slow);
    await closed;
    expect(slow.closed()).toBe(true);
  });
});
