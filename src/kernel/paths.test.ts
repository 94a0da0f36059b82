import { describe, expect, it } from "vitest";
import { fileUriSegments, isCanonicalUri, isUnder, pathSegments } from "./paths.ts";

describe("pathSegments", () => {
  it("gives the segments of a path with one reading", () => {
    expect(pathSegments("/")).toEqual([]);
    expect(pathSegments("/workspace/a b/é.txt")).toEqual(["workspace", "a b", "é.txt"]);
    expect(pathSegments("/a/..b/.c/d..")).toEqual(["a", "..b", ".c", "d.."]);
    expect(pathSegments("/proc/cpuinfo")).toEqual(["proc", "cpuinfo"]);
  });

  it("gives none where there is more than one reading", () => {
    for (const path of [
      "",
      "a",
      "./a",
      "~/a",
      "//a",
      "/a//b",
      "/a/",
      "/a/.",
      "/a/./b",
      "/a/..",
      "/a/../b",
      "/..",
      "/a\0b",
      "/a\nb",
      "/a\u007f",
      "/proc/self/root/etc",
      "/proc/1/cwd/x",
      "/proc/self/fd/3",
      "/dev/fd/3",
      "C:\\a",
    ]) {
      expect(pathSegments(path), JSON.stringify(path)).toBeNull();
    }
  });
});

describe("isUnder", () => {
  it("compares whole segments (CVE-2025-53110)", () => {
    expect(isUnder("/home/a", "/home/a")).toBe(true);
    expect(isUnder("/home/a/b", "/home/a")).toBe(true);
    expect(isUnder("/anything", "/")).toBe(true);
    expect(isUnder("/home/ab", "/home/a")).toBe(false);
    expect(isUnder("/home", "/home/a")).toBe(false);
    expect(isUnder("/home/a/../b", "/home/a")).toBe(false);
    expect(isUnder("/home/a", "home")).toBe(false);
  });
});

describe("fileUriSegments", () => {
  it("reads plain file URIs and refuses the others", () => {
    expect(fileUriSegments("file:///a/b%20c")).toEqual(["a", "b c"]);
    for (const uri of [
      "file://host/a",
      "file:/a",
      "file:a",
      "FILE:///a",
      "file:///a/%2e%2e/b",
      "file:///a%2fb",
      "file:///a%5cb",
      "file:///a/../b",
      "file:///a?b",
      "file:///a#b",
      "file:///a%00",
      "file:///a%ff",
      "file:///%",
    ]) {
      expect(fileUriSegments(uri), uri).toBeNull();
    }
  });
});

describe("isCanonicalUri", () => {
  it("takes ordinary URIs and refuses those whose prefix says nothing", () => {
    for (const uri of ["demo://resource/1", "https://a.example/b/c?q=../x", "note:1", "a/b/", "x://h/", "urn:a:b"]) {
      expect(isCanonicalUri(uri), uri).toBe(true);
    }
    for (const uri of [
      "a/../b",
      "x://h/a/../b",
      "x://h/a/%2E%2e/b",
      "x://h/a//b",
      "x://h/./a",
      "x://h/a\\b",
      "a b",
      "x://h/%2f",
      "..",
      "é:a",
      "",
    ]) {
      expect(isCanonicalUri(uri), uri).toBe(false);
    }
  });
});
