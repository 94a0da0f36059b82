import { Duplex } from "node:stream";
import { connect } from "node:tls";
import { describe, expect, test } from "vitest";
import { readHello } from "./client-hello.ts";

/** The first bytes that Node's own TLS client sends. */
function hello(options: { readonly servername?: string }): Promise<Buffer> {
  return new Promise((resolve) => {
    const wire = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        resolve(chunk);
        done();
      },
    });
    const tls = connect({ socket: wire, rejectUnauthorized: false, ...options });
    tls.on("error", () => {});
  });
}

describe("a ClientHello", () => {
  test("of a real client gives its name, however it is cut into records", async () => {
    const bytes = await hello({ servername: "api.example.com" });
    expect(readHello(bytes)).toEqual({ kind: "name", name: "api.example.com" });
    for (let end = 0; end < bytes.length; end += 7) expect(readHello(bytes.subarray(0, end))).toEqual({ kind: "more" });
    const body = bytes.subarray(5);
    const cut = (from: number, to: number): Buffer =>
      Buffer.concat([Buffer.of(22, 3, 1, (to - from) >> 8, (to - from) & 255), body.subarray(from, to)]);
    const pieces = Buffer.concat([cut(0, 3), cut(3, 100), cut(100, body.length)]);
    expect(readHello(pieces)).toEqual({ kind: "name", name: "api.example.com" });
  });

  test("without a name is refused", async () => {
    expect(readHello(await hello({}))).toMatchObject({ kind: "refused", why: "it names no server" });
  });

  test("may be followed by early data", async () => {
    const bytes = await hello({ servername: "api.example.com" });
    const early = Buffer.of(23, 3, 3, 0, 1, 0);
    expect(readHello(Buffer.concat([bytes, early]))).toEqual({ kind: "name", name: "api.example.com" });
  });

  test("with something else behind it is refused", async () => {
    const bytes = await hello({ servername: "api.example.com" });
    expect(readHello(Buffer.concat([bytes, Buffer.from("GET / HTTP/1.1\r\n\r\n")]))).toMatchObject({ kind: "refused" });
    expect(readHello(Buffer.concat([bytes, bytes]))).toMatchObject({ kind: "refused" });
  });

  test.each([
    ["plain HTTP", Buffer.from("GET / HTTP/1.1\r\nhost: api.example.com\r\n\r\n")],
    ["SSH", Buffer.from("SSH-2.0-OpenSSH_9.2\r\n")],
    ["SSLv2", Buffer.of(0x80, 0x2e, 1, 0, 2, 0, 0x15)],
    ["an alert", Buffer.of(21, 3, 1, 0, 2, 1, 0)],
    ["another handshake message", Buffer.of(22, 3, 1, 0, 4, 2, 0, 0, 0)],
    ["an empty record", Buffer.of(22, 3, 1, 0, 0)],
    ["a hello that is too long", Buffer.of(22, 3, 1, 0, 4, 1, 0xff, 0, 0)],
    ["a hello of nothing", Buffer.of(22, 3, 1, 0, 4, 1, 0, 0, 0)],
  ])("that is %s is refused", (_, bytes) => {
    expect(readHello(bytes)).toMatchObject({ kind: "refused" });
  });

  test("with two names is refused", async () => {
    const bytes = Buffer.from(await hello({ servername: "api.example.com" }));
    // The session ticket extension (35), which is empty in a first hello, becomes a second server name.
    const at = bytes.indexOf(Buffer.of(0, 35, 0, 0));
    bytes[at + 1] = 0;
    expect(at).toBeGreaterThan(0);
    expect(readHello(bytes).kind).toBe("refused");
  });

  test("with any byte changed is read or refused, and nothing else", async () => {
    const bytes = await hello({ servername: "api.example.com" });
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 0xff;
      expect(["more", "name", "refused"]).toContain(readHello(changed).kind);
    }
  });
});
