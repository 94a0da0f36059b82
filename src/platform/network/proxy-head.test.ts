import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { readProxyHead } from "./proxy-head.ts";

/** The head of a request with these rows. */
function read(...rows: readonly (readonly [string, string])[]): readonly (readonly [string, string])[] {
  const request = new IncomingMessage(new Socket());
  request.rawHeaders = [["Host", "api.test"], ...rows].flat();
  return readProxyHead(request, { scheme: "https", host: "api.test", port: 443 }).headers;
}

describe("a Connection header", () => {
  test.each(["X-Api-Key", "keep-alive, x-API-key", "authorization", "Cookie"])(
    "that would take away what the request has is refused, and named: %s",
    (named) => {
      const lost = named.split(", ").at(-1)?.toLowerCase() ?? "";
      expect(() => read([lost, "aios-secret-0123"], ["Connection", named])).toThrow(
        `The Connection header takes away "${lost}"`,
      );
    },
  );

  test("twin: of what belongs to the connection, or is not there, nothing is lost", () => {
    const own = [
      ["Connection", "close, TE, Upgrade, HTTP2-Settings, x-other"],
      ["TE", "trailers"],
      ["Upgrade", "h2c"],
      ["HTTP2-Settings", "AAMAAABk"],
      ["X-Api-Key", "k"],
    ] as const;
    expect(read(...own)).toEqual([["x-api-key", "k"]]);
  });
});
