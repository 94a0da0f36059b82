import { X509Certificate } from "node:crypto";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { createInstanceCa } from "./instance-ca.ts";

const OPENSSL = "/usr/bin/openssl";
const folder = mkdtempSync(join(tmpdir(), "aios-ca-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the authority of an instance", () => {
  const ca = createInstanceCa(Date.now);
  const root = new X509Certificate(ca.certificate);

  test("signs itself, may sign leaves, and no further authority", () => {
    expect(root.ca).toBe(true);
    expect(root.verify(root.publicKey)).toBe(true);
    expect(root.subject).toMatch(/^CN=AIOS instance [0-9a-f]{16}$/);
    expect(Date.parse(root.validTo) - Date.now()).toBeGreaterThan(3600 * 86_400_000);
  });

  test("makes certificates for one name each, and keeps them", () => {
    const leaf = ca.leafFor("api.example.com");
    const certificate = new X509Certificate(leaf.cert);
    expect(certificate.ca).toBe(false);
    expect(certificate.checkIssued(root)).toBe(true);
    expect(certificate.verify(root.publicKey)).toBe(true);
    expect(certificate.checkHost("api.example.com")).toBe("api.example.com");
    expect(certificate.checkHost("www.example.com")).toBeUndefined();
    expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
    expect(ca.leafFor("api.example.com")).toBe(leaf);
    expect(new X509Certificate(ca.leafFor("other.example.com").cert).serialNumber).not.toBe(certificate.serialNumber);
  });

  test("is unlike that of any other instance", () => {
    const other = new X509Certificate(createInstanceCa(Date.now).certificate);
    expect(new X509Certificate(ca.leafFor("api.example.com").cert).verify(other.publicKey)).toBe(false);
    expect(other.subject).not.toBe(root.subject);
  });

  test("makes a leaf anew when it is old", () => {
    let now = Date.now();
    const aging = createInstanceCa(() => now);
    const first = aging.leafFor("a.example.com");
    now += 40 * 86_400_000;
    expect(aging.leafFor("a.example.com")).not.toBe(first);
  });

  test.skipIf(!existsSync(OPENSSL))("is a chain that OpenSSL accepts with its strict checks", () => {
    writeFileSync(join(folder, "ca.pem"), ca.certificate);
    writeFileSync(join(folder, "leaf.pem"), ca.leafFor("api.example.com").cert);
    const verify = (name: string): string =>
      execFileSync(
        OPENSSL,
        ["verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", name, "-CAfile", "ca.pem", "leaf.pem"],
        { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] },
      );
    expect(verify("api.example.com")).toContain("leaf.pem: OK");
    expect(() => verify("evil.example.com")).toThrow();
  });
});
