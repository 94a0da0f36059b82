import { describe, expect, test } from "vitest";
import { addCosignature, makeLog, testWitness } from "../../test/evidence/logs.ts";
import { CRYPTO } from "../../test/fakes/open-log.ts";
import { findWitnesses, type Witnessed } from "./witnessed.ts";

const [one, two, three] = [testWitness(1), testWitness(2), testWitness(3)];
const note = (await makeLog({ sizes: [3] })).checkpoints.get(3) ?? "";
const find = (written: string, quorum: number, since = 0): Witnessed =>
  findWitnesses(written, { keys: [one.key, two.key, three.key], quorum, since }, CRYPTO);

describe("the cosignatures of a checkpoint", () => {
  const cosigned = addCosignature(addCosignature(note, one, 50), three, 60);

  test("are enough when so many witnesses gave one", () => {
    const by = [
      { witness: one.key, time: 50 },
      { witness: three.key, time: 60 },
    ];
    expect(find(cosigned, 2)).toEqual({ kind: "witnessed", by });
    expect(find(cosigned, 1)).toEqual({ kind: "witnessed", by });
  });

  test("are too few when one is missing, given twice by one, or too old", () => {
    expect(find(cosigned, 3)).toEqual({ kind: "refused", why: "2 of 3 witnesses cosigned it, not 3" });
    const twice = addCosignature(addCosignature(note, one, 50), one, 60);
    expect(find(twice, 2)).toEqual({ kind: "refused", why: "1 of 3 witnesses cosigned it, not 2" });
    expect(find(cosigned, 2, 55)).toEqual({
      kind: "refused",
      why: "1 of 3 witnesses cosigned it, not 2, 1 more too long ago",
    });
  });

  test("are never none, whatever the quorum says", () => {
    expect(find(note, 0).kind).toBe("refused");
    expect(find("", 1).kind).toBe("refused");
  });

  test("refuse the note when one of them is wrong", () => {
    const forged = addCosignature(cosigned, { ...two, signer: one.signer }, 60);
    expect(find(forged, 2)).toEqual({ kind: "refused", why: "a cosignature on the checkpoint is wrong" });
  });
});
