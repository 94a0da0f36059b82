import { describe, expect, it } from "vitest";
import { tool } from "../../test/fakes/kernel.ts";
import { RISKS, type RecipientKind, type Risk } from "./grant.ts";
import { effectiveRisk, PROMPT, READ, UNCLASSIFIED } from "./risk.ts";

describe("effectiveRisk", () => {
  it("is what the owner signed, when no recipient is given", () => {
    for (const risk of RISKS) expect(effectiveRisk(tool({ risk }), "call", { a: 1 })).toBe(risk);
  });

  it("is reserved for what nobody classified, or classified as something unknown", () => {
    expect(effectiveRisk(undefined, "call", {})).toBe("reserved");
    expect(effectiveRisk(UNCLASSIFIED, "call", {})).toBe("reserved");
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a risk of another version of the kernel
    expect(effectiveRisk(tool({ risk: "harmless" as Risk }), "call", {})).toBe("reserved");
  });

  it("is at least reach when a third party is given, and only then", () => {
    const event = tool({ risk: "stage", recipients: { guests: "email" } });
    for (const guests of ["a@b.example", ["a@b.example"], [""], 0, false, {}]) {
      expect(effectiveRisk(event, "call", { guests }), JSON.stringify(guests)).toBe("reach");
    }
    for (const guests of ["", [], null]) expect(effectiveRisk(event, "call", { guests })).toBe("stage");
    expect(effectiveRisk(event, "call", {})).toBe("stage");
    expect(effectiveRisk(tool({ risk: "reserved", recipients: { guests: "email" } }), "call", { guests: "x" })).toBe(
      "reserved",
    );
  });

  it("does not look for arguments on a prototype", () => {
    const inherited: { readonly [argument: string]: RecipientKind } = JSON.parse('{"constructor":"email"}');
    expect(effectiveRisk(tool({ risk: "stage", recipients: inherited }), "call", {})).toBe("stage");
  });

  it("is observe for reads and prompts", () => {
    expect(effectiveRisk(READ, "read", {})).toBe("observe");
    expect(effectiveRisk(PROMPT, "prompt", {})).toBe("observe");
  });
});
