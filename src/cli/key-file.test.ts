import { expect, test } from "vitest";
import { readHostKeys, readKeyFile } from "./key-file.ts";

const BODY = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZWQyNTUx";
const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

function file(body: string, label = "OPENSSH"): string {
  return `-----BEGIN ${label} PRIVATE KEY-----\n${body}\n-----END ${label} PRIVATE KEY-----\n`;
}

test("a private key is read when it is OpenSSH's own form and has no passphrase", () => {
  expect(readKeyFile(file(`${BODY.slice(0, 70)}\n${BODY.slice(70)}`))).toBe(BODY);
  expect(readKeyFile(file(BODY, "RSA"))).toBe(null);
  expect(readKeyFile(file("b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0"))).toBe(null);
  expect(readKeyFile(KEY)).toBe(null);
});

test("a machine's keys are read from what ssh-keyscan, known_hosts and a .pub file have", () => {
  expect(readHostKeys(`# example.org:22 SSH-2.0\nexample.org ${KEY}\n`)).toEqual([KEY]);
  expect(readHostKeys(`${KEY} root@host\n|1|aaa=|bbb= ${KEY}\n\n`)).toEqual([KEY]);
  expect(readHostKeys("nothing\n")).toEqual([]);
});
