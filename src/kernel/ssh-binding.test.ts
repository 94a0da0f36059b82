import { expect, test } from "vitest";
import type { JsonObject } from "./json.ts";
import { bindingFor, decodeSshBinding, isNeededBy, isSshKey, type SshBinding } from "./ssh-binding.ts";

const HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
const BINDING: SshBinding = {
  secret: "deploy",
  to: "ssh://git@example.org",
  paths: ["/me/project.git"],
  hostKeys: [HOST_KEY],
};
const PLACE = { host: "example.org", port: 22, user: "git" };

function read(changed: object): string {
  const decoded = decodeSshBinding({ ...BINDING, ...changed });
  return decoded.kind === "ok" ? "ok" : decoded.message;
}

test("a binding names one account, repositories, and the keys by which the machine is known", () => {
  expect(decodeSshBinding(BINDING as unknown as JsonObject)).toEqual({ kind: "ok", value: BINDING });
  expect(read({ paths: ["/"] })).toBe("ok");
  expect(read({ hostKeys: [] })).toBe("hostKeys: no key of the machine is named");
  expect(read({ hostKeys: ["ssh-dss AAAAB3NzaC1kc3MAAACB"] })).toBe("hostKeys[0]: not a public key, as TYPE BASE64");
  expect(read({ hostKeys: [`${HOST_KEY}\n@cert-authority * ${HOST_KEY}`] })).toMatch(/^hostKeys\[0\]/);
  expect(read({ hostKeys: [HOST_KEY.replace("ssh-ed25519", "ssh-rsa")] })).toMatch(/^hostKeys\[0\]/);
  expect(read({ paths: [] })).toBe("paths: no repository is named");
  expect(read({ paths: ["/a/../b"] })).toBe("paths[0]: not a repository's path");
  expect(read({ to: "https://example.org" })).toBe("to: not ssh://user@host with a port where it is not 22");
  expect(read({ header: "x" })).toBe('unknown field "header"');
});

test("the key of a repository is the one that names it most exactly, and none when two do alike", () => {
  const all = { ...BINDING, secret: "all", paths: ["/"] };
  const folder = { ...BINDING, secret: "folder", paths: ["/other", "/me"] };
  const find = (bindings: readonly SshBinding[], path: string, place = PLACE): string | null =>
    bindingFor(bindings, { ...place, path })?.secret ?? null;
  expect(find([all, folder, BINDING], "/me/project.git")).toBe("deploy");
  expect(find([all, folder, BINDING], "/me/project.git/sub")).toBe("deploy");
  expect(find([all, folder, BINDING], "/me/other.git")).toBe("folder");
  expect(find([all, folder, BINDING], "/you/x.git")).toBe("all");
  expect(find([BINDING], "/me/project.gitx")).toBe(null);
  expect(find([BINDING, { ...BINDING, secret: "twin" }], "/me/project.git")).toBe(null);
  expect(find([all], "/x", { ...PLACE, port: 23 })).toBe(null);
  expect(find([all], "/x", { ...PLACE, user: "me" })).toBe(null);
});

test("an allowance needs a binding of its place that has a repository in common with it", () => {
  const where = { host: { equals: "example.org" }, port: { equals: 22 }, user: { equals: "git" } };
  const allow = (path: string) => ({ what: "git-ssh/fetch", where: { ...where, path: { under: path } } });
  expect(isNeededBy(BINDING, allow("/me"))).toBe(true);
  expect(isNeededBy(BINDING, allow("/me/project.git/x"))).toBe(true);
  expect(isNeededBy(BINDING, allow("/me/other.git"))).toBe(false);
  expect(isNeededBy({ ...BINDING, to: "ssh://git@example.com" }, allow("/me"))).toBe(false);
  expect(isNeededBy(BINDING, { what: "net/fetch", where: { ...where, path: { under: "/me" } } })).toBe(false);
});

test("a value is a key when it is one of OpenSSH's without a passphrase", () => {
  const head = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAAB";
  expect(isSshKey(`${head}AAAA`)).toBe(true);
  expect(isSshKey(`${head}AAA`)).toBe(false);
  expect(isSshKey(`${head}AA\nA`)).toBe(false);
  expect(isSshKey("b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAA")).toBe(false);
});
