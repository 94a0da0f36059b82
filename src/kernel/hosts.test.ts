import { describe, expect, it } from "vitest";
import { isHostName, isMetadataHost, METADATA_HOSTS, parseHttpUrl } from "./hosts.ts";

describe("isHostName", () => {
  it("takes full names in their one spelling only", () => {
    for (const host of ["example.com", "a.b-c.example.co", "xn--bcher-kva.example", "x.xn--p1ai"]) {
      expect(isHostName(host), host).toBe(true);
    }
    for (const host of [
      "localhost",
      "Example.com",
      "example.com.",
      ".example.com",
      "a..com",
      "-a.com",
      "a-.com",
      "a_b.com",
      "127.0.0.1",
      "0x7f.1",
      "2130706433",
      "1.2.3.4.5",
      "example.c",
      "exаmple.com",
      "example。com",
      "[::1]",
      "example.com:80",
      "",
      `${"a.".repeat(130)}com`,
    ]) {
      expect(isHostName(host), host).toBe(false);
    }
  });
});

describe("parseHttpUrl", () => {
  it("reads https of host names, and http of this machine", () => {
    expect(parseHttpUrl("https://api.example.com")).toEqual({
      scheme: "https",
      host: "api.example.com",
      port: null,
      path: "",
    });
    expect(parseHttpUrl("https://a.example:8443/mcp")).toEqual({
      scheme: "https",
      host: "a.example",
      port: 8443,
      path: "/mcp",
    });
    for (const host of ["localhost", "127.0.0.1", "[::1]", "x.localhost"]) {
      expect(parseHttpUrl(`http://${host}:3000/mcp`)).toMatchObject({ host, port: 3000 });
    }
  });

  it("refuses whatever two parsers could read differently", () => {
    for (const url of [
      "http://example.com/",
      "HTTPS://example.com",
      "https://Example.com",
      "https://user@example.com",
      "https://example.com@evil.example",
      "https://example.com:80@evil.example",
      "https://example.com\\@evil.example",
      "https://example.com\\.evil.example",
      "https://127.1",
      "https://2130706433",
      "http://0x7f000001",
      "http://127.0.0.256",
      "http://127.0.0.01",
      "http://[::ffff:7f00:1]",
      "http://localhost.",
      "http://localhost.evil.example",
      "https://example.com:0",
      "https://example.com:080",
      "https://example.com:65536",
      "https://example.com?x",
      "https://example.com#x",
      "https:///example.com",
      "https:example.com",
      "ftp://example.com",
      "javascript:alert(1)",
      "https://example.com/a b",
      "https://example.com/\u202e",
      " https://example.com",
      "https://example.com\n",
    ]) {
      expect(parseHttpUrl(url), url).toBeNull();
    }
  });
});

describe("isMetadataHost", () => {
  it("finds the services however they are spelled", () => {
    for (const host of [
      ...METADATA_HOSTS,
      "METADATA.google.internal.",
      "http://169.254.169.254/latest/meta-data",
      "https://user@169.254.169.254:80/x",
      "169.254.169.254:80",
      "2852039166",
      "0xa9fea9fe",
      "0xA9.0xFE.0xA9.0xFE",
      "0251.0376.0251.0376",
      "169.254.43518",
      "169.16689662",
      "[::ffff:169.254.169.254]",
      "::ffff:a9fe:a9fe",
      "[fd00:ec2::254]:80",
      "fd00:0ec2:0:0:0:0:0:254",
      "FD00:EC2::254%eth0",
      "1６9.254.169.254",
      "169。254。169。254",
      " 169.254.169.254 ",
      "//169.254.169.254",
    ]) {
      expect(isMetadataHost(host), host).toBe(true);
    }
  });

  it("leaves other hosts alone", () => {
    for (const host of [
      "example.com",
      "169.254.169.253",
      "metadata.google.internal.example.com",
      "not-metadata.google.internal",
      "https://example.com/169.254.169.254",
      "https://example.com/?u=http://169.254.169.254",
      "::1",
      "fd00:ec2::255",
      "1",
      "",
      "someone@example.com",
    ]) {
      expect(isMetadataHost(host), host).toBe(false);
    }
  });
});
