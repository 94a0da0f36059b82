import { describe, expect, test } from "vitest";
import { pageHeaders } from "./page-headers.ts";

const HERE = "aios-0123456789abcdef.localhost:20000";
const at = (...targets: readonly string[]): string => targets.map((target) => `http://${HERE}/${target}`).join(" ");
const header = (path: string | null, name: string): string | undefined =>
  pageHeaders(HERE, path).find(([found]) => found === name)?.[1];
const part = (path: string | null, name: string): string | undefined =>
  header(path, "content-security-policy")
    ?.split("; ")
    .find((each) => each.startsWith(`${name} `));

describe("the headers of a page", () => {
  test("let the signing page sign, and ask for what that takes", () => {
    expect(part("/sign", "script-src")).toBe(`script-src ${at("m/")}`);
    expect(part("/sign", "connect-src")).toBe(
      `connect-src ${at("door/passkey-party", "door/sign-in-open", "door/sign-in", "ask/owners", "ask/held-show", "ask/prepare", "ask/submit", "ask/log-show", "ask/proposed-grant", "ask/narrow-grant")}`,
    );
    expect(header("/sign", "permissions-policy")).toContain(
      "publickey-credentials-get=(self), publickey-credentials-create=()",
    );
  });

  test("let the page of enrolment make a passkey, and ask for what that takes", () => {
    expect(part("/enrol", "connect-src")).toBe(`connect-src ${at("door/enrolment-open", "door/enrolment-offer")}`);
    expect(header("/enrol", "permissions-policy")).toContain(
      "publickey-credentials-get=(), publickey-credentials-create=(self)",
    );
  });

  test.each(["/", "/m/page/sign.ts", "/sign/", "/SIGN", "__proto__", null])(
    "let %s do nothing with passkeys",
    (path) => {
      expect(header(path, "permissions-policy")).toContain(
        "publickey-credentials-get=(), publickey-credentials-create=()",
      );
      expect(header(path, "cross-origin-opener-policy")).toBe("same-origin");
      expect(part(path, "connect-src")).toBe("connect-src 'self'");
    },
  );

  test.each(["/", "/sign", "/enrol", null])("let nobody frame %s, and no text become code", (path) => {
    const policy = header(path, "content-security-policy");
    for (const kept of ["default-src 'none'", "frame-ancestors 'none'", "trusted-types 'none'", "base-uri 'none'"])
      expect(policy).toContain(kept);
  });
});
