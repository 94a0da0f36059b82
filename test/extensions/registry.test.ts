import { describe, expect, test } from "vitest";
import { packageAddress, readVersion } from "../../src/extensions/registry.ts";

const asked = { registry: "https://packages.example.com/npm", name: "@acme/notes", version: "1.2.3" };
const sha512 = `${"A".repeat(86)}==`;

function answer(change: object = {}, dist: object = {}): string {
  const tarball = "https://packages.example.com/npm/@acme/notes/-/notes-1.2.3.tgz";
  return JSON.stringify({
    name: "@acme/notes",
    version: "1.2.3",
    dist: { tarball, integrity: `sha512-${sha512}`, shasum: "0".repeat(40), ...dist },
    ...change,
  });
}

test("a version is asked for where registries have it", () => {
  expect(packageAddress(asked.registry, asked)).toEqual({
    scheme: "https",
    host: "packages.example.com",
    port: null,
    path: "/npm/@acme%2fnotes/1.2.3",
  });
});

test("a version that lies there and has a SHA-512 is fetched from there", () => {
  expect(readVersion(answer(), asked)).toMatchObject({
    kind: "found",
    sha512,
    tarball: { host: "packages.example.com", path: "/npm/@acme/notes/-/notes-1.2.3.tgz" },
  });
  expect(readVersion(answer({}, { integrity: `sha1-abc sha512-${sha512}` }), asked)).toMatchObject({ kind: "found" });
});

describe("nothing is fetched", () => {
  test.each([
    ["of another package", answer({ name: "@acme/note" }), "fetch-unknown"],
    ["of another version", answer({ version: "1.2.4" }), "fetch-unknown"],
    ["from another host", answer({}, { tarball: "https://other.example.com/x.tgz" }), "fetch-elsewhere"],
    ["from another port", answer({}, { tarball: "https://packages.example.com:8443/x.tgz" }), "fetch-elsewhere"],
    ["in clear", answer({}, { tarball: "http://packages.example.com/x.tgz" }), "fetch-elsewhere"],
    ["from a file", answer({}, { tarball: "file:///etc/passwd" }), "fetch-elsewhere"],
    ["from somebody at that host", answer({}, { tarball: "https://a@packages.example.com/x" }), "fetch-elsewhere"],
    ["with an older sum only", answer({}, { integrity: "sha1-qqqqqqqqqqqqqqqqqqqqqqqqqqo=" }), "fetch-integrity"],
    ["without a sum", answer({}, { integrity: null }), "fetch-integrity"],
    ["with two sums", answer({}, { integrity: `sha512-${sha512} sha512-${sha512}` }), "fetch-integrity"],
    ["by an answer with two readings", `{"name":"x",${answer().slice(1)}`, "fetch-unreachable"],
    ["by a page", "<html></html>", "fetch-unreachable"],
  ])("%s", (_what, text, code) => {
    expect(readVersion(text, asked)).toMatchObject({ kind: "refused", code });
  });
});
