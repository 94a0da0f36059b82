import { describe, expect, test } from "vitest";
import { grant } from "../../test/fakes/kernel.ts";
import { deviceKind, devicesOf } from "./devices.ts";
import { decodeGrant } from "./grant-decoder.ts";

test.each([
  ["/dev/dri/renderD128", "graphics"],
  ["/dev/dri/card0", "graphics"],
  ["/dev/nvidia0", "graphics"],
  ["/dev/nvidiactl", "graphics"],
  ["/dev/kfd", "compute"],
  ["/dev/kvm", "virtual machines"],
  ["/dev/snd/pcmC0D0p", "sound"],
])("%s may be named: %s", (path, kind) => {
  expect(deviceKind(path)).toBe(kind);
});

test.each([
  "/dev/mem",
  "/dev/kmem",
  "/dev/port",
  "/dev/sda",
  "/dev/nvme0n1",
  "/dev/fuse",
  "/dev/net/tun",
  "/dev/input/event0",
  "/dev/uinput",
  "/dev/tty1",
  "/dev/ptmx",
  "/dev/video0",
  "/dev/dri",
  "/dev/dri/",
  "/dev/dri/../mem",
  "/dev/dri/renderD128/../../mem",
  "/dev/dri/renderD127",
  "/dev/nvidia-caps",
  "/dev/dri/renderD128\n",
  "dev/dri/renderD128",
  "/DEV/kvm",
])("%j may not", (path) => {
  expect(deviceKind(path)).toBeNull();
});

describe("devices of a grant's sandbox", () => {
  const decoded = (devices: unknown): string => {
    const sandbox = { workspace: "none", folder: null, programs: "none", home: null, ports: [], devices };
    const read = decodeGrant(JSON.parse(JSON.stringify({ ...grant(), sandbox })));
    return read.kind === "ok" ? JSON.stringify(read.value.sandbox.devices) : read.message;
  };

  test("are those that it names", () => {
    expect(decoded(["/dev/dri/renderD128"])).toBe('["/dev/dri/renderD128"]');
  });

  test.each([
    [[], "sandbox.devices: no device is named"],
    [["/dev/mem"], "sandbox.devices[0]: not a device that may be passed"],
    [["/dev/kvm", "/dev/kvm"], 'sandbox.devices: "/dev/kvm" a second time'],
    ["/dev/kvm", "sandbox.devices: not a list"],
  ])("that may not be passed are refused: %j", (devices, message) => {
    expect(decoded(devices)).toBe(message);
  });
});

test("an instance has what one of its agent's grants names, and no more than everyone above it", () => {
  expect(devicesOf([[]])).toEqual([]);
  expect(devicesOf([[["/dev/kvm"], ["/dev/kfd"]]])).toEqual(["/dev/kfd", "/dev/kvm"]);
  expect(devicesOf([[["/dev/kvm", "/dev/kfd"]], [["/dev/kvm"]]])).toEqual(["/dev/kvm"]);
  expect(devicesOf([[["/dev/kvm"]], []])).toEqual([]);
});
