import { expect, test } from "vitest";
import { orderOf } from "./net-device.ts";

test("a forwarded port is held to the addresses of its kind, as a tunnel is", () => {
  for (const tool of ["forward", "connect"] as const) {
    const to = { port: 5432, inside: 15_432 };
    const here = orderOf({ tool, host: "localhost", ...to });
    expect(here).toEqual({ kind: "connect", host: "localhost", port: 5432, reach: "loopback" });
    const there = orderOf({ tool, host: "db.example.org", ...to });
    expect(there).toEqual({ kind: "connect", host: "db.example.org", port: 5432, reach: "public" });
  }
});
