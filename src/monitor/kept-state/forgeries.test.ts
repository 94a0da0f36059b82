import { describe, expect, test } from "vitest";
import { expectWhole, keptHome, KeptHome } from "../../../test/fakes/kept-home.ts";
import { plainState } from "../../../test/fakes/plain-state.ts";
import { listKept, type Started } from "./start.ts";

describe("whoever has every key of the home, and makes the log vouch for what they forged,", () => {
  const grantLine = '["grants",{"grant":"g-forged"}]';
  const forgeries: readonly (readonly [
    string,
    (lines: readonly string[], home: KeptHome) => readonly string[],
    RegExp,
  ])[] = [
    ["cannot put a grant in", (lines) => [...lines, grantLine], /an unknown part/u],
    [
      "cannot name a record as an owner's that is none",
      (lines, home) => {
        const plain = home.written.kept.find(({ record }) => record.kind === "held")?.record.seq ?? -1;
        return lines.map((line) => (line.startsWith('["signed"') ? withNumber(line, plain) : line));
      },
      /gives no authority/u,
    ],
    [
      "cannot count the uses of a grant that is none",
      (lines) => {
        const at = lines.findIndex((line) => line.startsWith('["usage"'));
        return lines.map((line, place) => (place === at ? line.replace(/"g-\d+"/u, '"g-forged"') : line));
      },
      /no grant is called g-forged/u,
    ],
    [
      "cannot say the same twice",
      (lines) => lines.flatMap((line) => (line.startsWith('["held"') ? [line, line] : [line])),
      /twice/u,
    ],
    [
      "cannot write a line another way",
      (lines) => lines.map((line) => line.replace(",", ", ")),
      /a line of it is none/u,
    ],
  ];
  test.each(forgeries)("%s", async (_name, change, why) => {
    const { home, size } = await keptHome();
    home.vouch(size, await home.forge(size, (lines) => change(lines, home)));
    expectWhole(await home.start(), home);
    expect(home.reports[0]).toMatch(why);
  });

  test("cannot make a grant of a record that its owner did not sign", async () => {
    const home = await new KeptHome().open();
    home.fill(6);
    const at = home.written.kept.findLastIndex(({ record }) => record.kind === "grant-signed");
    const size = await home.keep();
    const entry = home.written.kept[at];
    if (entry === undefined) throw new Error("no grant was signed");
    const document = { ...(entry.payload?.["document"] as object), agents: ["other"] };
    home.written.kept[at] = { ...entry, payload: { ...entry.payload, document } };
    home.vouch(size, home.bytes(size));
    await expect(home.start()).rejects.toThrow(/signed over something else/u);
  });

  test("cannot take the texts of a snapshot away, and with them its signature", async () => {
    const home = await new KeptHome().open();
    home.fill(6);
    home.do("rules of memory");
    const at = home.written.kept.findLastIndex(({ record }) => record.kind === "memory-frozen");
    const size = await home.keep();
    const entry = home.written.kept[at];
    if (entry === undefined) throw new Error("nothing was frozen");
    home.written.kept[at] = { ...entry, payload: null };
    home.vouch(size, home.bytes(size));
    await expect(home.start()).rejects.toThrow(/its payload is gone, and no owner erased it/u);
  });

  test("cannot leave a revocation out, unless the record lies about how many there are", async () => {
    const forge = async (less: string | null) => {
      const { home, size } = await keptHome();
      const revoked = home.written.kept.find(({ record }) => record.kind === "grant-revoked")?.record.seq ?? -1;
      expect(revoked).toBeLessThan(size);
      const without = await home.forge(size, (lines) => lines.map((line) => withoutNumber(line, revoked)));
      home.vouch(size, without, less);
      return { home, size };
    };
    const honest = await forge(null);
    expectWhole(await honest.home.start(), honest.home);
    expect(honest.home.reports[0]).toMatch(/leaves out records that give authority/u);
    // With the log's own key somebody can write a history without the revocation as well; a comparison finds this one.
    const { home, size } = await forge("grant-revoked");
    const deceived = await home.start();
    expect(deceived.kept?.size).toBe(size);
    await expectFound(home, deceived, /signed/u);
  });

  test.each(["tombstones", "usage", "held", "instances", "memory", "asked"])(
    "can drop what is no authority, %s, and a comparison with the log finds it and ends it",
    async (part) => {
      const { home, size } = await keptHome(0);
      const forged = await home.forge(size, (lines) => {
        expect(lines.some((line) => line.startsWith(`["${part}"`))).toBe(true);
        return lines.filter((line) => !line.startsWith(`["${part}"`));
      });
      home.vouch(size, forged);
      const deceived = await home.start();
      expect(deceived.kept?.size).toBe(size);
      expect(plainState(deceived.folded)).not.toEqual(plainState(home.whole()));
      await expectFound(home, deceived, new RegExp(part, "u"));
    },
  );
});

/** Also after newer states were kept, which were folded from the forged one. */
async function expectFound(home: KeptHome, deceived: Started, part: RegExp): Promise<void> {
  const keeper = home.keeper();
  await keeper.begin(deceived);
  await keeper.ready();
  const { differs } = await keeper.compare();
  expect(differs.join(" ")).toMatch(part);
  expect(await listKept(home.files)).toEqual([]);
  expectWhole(await home.start(), home);
}

function numbersIn(line: string): readonly number[] {
  return (JSON.parse(line) as ["signed", { numbers: number[] }])[1].numbers; // a line that the caller chose
}

function withNumber(line: string, seq: number): string {
  const numbers = [...numbersIn(line), seq].toSorted((left, right) => left - right);
  return `["signed",{"numbers":[${numbers.join()}]}]`;
}

function withoutNumber(line: string, seq: number): string {
  if (!line.startsWith('["signed"')) return line;
  return `["signed",{"numbers":[${numbersIn(line)
    .filter((each) => each !== seq)
    .join()}]}]`;
}
