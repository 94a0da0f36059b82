import { describe, expect, it } from "vitest";
import { monitorEnvironment } from "./code-cache.ts";

describe("the environment of the monitor", () => {
  it("names the person's home when it is told an absolute one, and nothing of it otherwise", () => {
    expect(monitorEnvironment("/usr/bin", "/home/person")).toMatchObject({ PATH: "/usr/bin", HOME: "/home/person" });
    for (const home of [undefined, "", "person", "./person"])
      expect(monitorEnvironment("/usr/bin", home)).not.toHaveProperty("HOME");
  });
});
