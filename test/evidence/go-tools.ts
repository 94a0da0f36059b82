import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";

const SOURCE = new URL("./go/main.go", import.meta.url).pathname;
/** Where Debian's golang-golang-x-mod-dev puts `golang.org/x/mod`; nothing is fetched. */
const GO_PATH = "/usr/share/gocode";
/** What installs it, for whoever must do so by hand. */
export const GO_PACKAGES = "sudo apt-get install -y --no-install-recommends golang-go golang-golang-x-mod-dev";

/** Whether Go and its transparency log library are here. */
export function hasGo(): boolean {
  const library = join(GO_PATH, "src/golang.org/x/mod/sumdb/tlog/tile.go");
  return existsSync(library) && spawnSync("go", ["version"]).status === 0;
}

/** What the program said: its line on standard output, or null and why it refused. */
export type GoVerdict =
  { readonly kind: "verified"; readonly said: string } | { readonly kind: "refused"; readonly why: string };

/** Compiles `go/main.go` and gives what runs it. */
export function buildGo(): (...args: readonly string[]) => GoVerdict {
  const folder = makeTemporaryFolder();
  const program = join(folder, "tlogcheck");
  const env = {
    PATH: process.env["PATH"] ?? "/usr/bin:/bin",
    HOME: folder,
    GOCACHE: join(folder, "cache"),
    GOPATH: GO_PATH,
    GO111MODULE: "off",
    GOFLAGS: "",
    GOPROXY: "off",
  };
  execFileSync("go", ["build", "-o", program, SOURCE], { env, stdio: "pipe" });
  return (...args) => {
    const { status, stdout, stderr } = spawnSync(program, args, { encoding: "utf8", env: {} });
    if (status === 0) return { kind: "verified", said: stdout.trim() };
    if (status === 1) return { kind: "refused", why: stderr.trim() };
    throw new Error(`tlogcheck neither verified nor refused: ${status} ${stderr}`);
  };
}
