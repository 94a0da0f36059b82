import { describe, expect, test } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import type { StreamOffer } from "../../src/cli/powers.ts";
import { createDesk, type Setting } from "../fakes/cli-powers.ts";

const ANSWERS: NonNullable<Setting["answers"]> = {
  grants: () => ({ grants: [] }),
  watch: () => ({}),
  run: () => ({ instance: "i-0123456789abcdef", output: null, overruled: [] }),
  wait: () => ({ state: "ended", exit: 0, why: null }),
};

describe("aios mcp", () => {
  test("starts what speaks for a client and nothing of the client's, and has no person, whoever sits at the terminal", async () => {
    // Whatever is typed at the client's terminal is typed at the client.
    const desk = createDesk({ answers: ANSWERS, typed: [] });
    const offers: StreamOffer[] = [];
    const { agents } = desk.powers;
    const exit = await runProgram(["mcp", "--agent", "cursor-mcp", "--workspace", "/srv/shop"], {
      ...desk.powers,
      agents: {
        ...agents,
        offerStreams: (offer) => {
          offers.push(offer);
          return agents.offerStreams(offer);
        },
      },
    });
    expect(exit).toBe(0);
    expect(offers.map(({ program }) => program)).toEqual([true]);
    expect(desk.prompts).toEqual([]);
    // Every byte of it is the protocol's.
    expect(desk.out()).toBe("");
    expect(desk.err()).toContain("no grant is in force for cursor-mcp");
    expect(desk.monitor.asked.find(({ name }) => name === "run")?.body).toMatchObject({
      agent: "cursor-mcp",
      command: ["/aios/node", "--no-warnings", "/opt/aios/src/main/mcp-stdio.ts"],
      code: ["/opt/aios/src/main/mcp-stdio.ts"],
      workspace: "/srv/shop",
      task: null,
      holdSeconds: 300,
    });
  });

  test("is refused without a name, and at a terminal, where no program speaks to it", async () => {
    for (const [words, terminal] of [
      [["mcp"], false],
      [["mcp", "--agent", "No"], false],
      [["mcp", "--agent", "cursor-mcp", "--hold-seconds", "0"], false],
      [["mcp", "--agent", "cursor-mcp"], true],
    ] as const) {
      const desk = createDesk({ answers: ANSWERS });
      const out = { ...desk.powers.out, terminal };
      expect(await runProgram(words, { ...desk.powers, out })).toBe(2);
      expect(desk.err()).toContain("(usage)\n");
      expect(desk.monitor.asked).toEqual([]);
    }
  });
});
