import { expect, test } from "vitest";
import { isOfClass } from "./address-class.ts";

test.each(["127.0.0.1", "127.255.255.254", "::1"])("%s is loopback and not public", (address) => {
  expect(isOfClass(address, "loopback")).toBe(true);
  expect(isOfClass(address, "public")).toBe(false);
});

test.each(["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "2a00::1"])(
  "%s is public and not loopback",
  (address) => {
    expect(isOfClass(address, "public")).toBe(true);
    expect(isOfClass(address, "loopback")).toBe(false);
  },
);

const NEITHER: readonly string[] = [
  "0.0.0.0",
  "10.0.0.1",
  "100.64.0.1",
  "169.254.169.254",
  "168.63.129.16",
  "172.16.0.1",
  "172.31.255.255",
  "192.168.1.1",
  "198.18.0.1",
  "224.0.0.1",
  "240.0.0.1",
  "255.255.255.255",
  "::",
  "::ffff:127.0.0.1",
  "::ffff:8.8.8.8",
  "64:ff9b::7f00:1",
  "2002:7f00:1::",
  "2001::1",
  "fd00::1",
  "fe80::1",
  "ff02::1",
  "",
  "localhost",
  "127.1",
  "2130706433",
  "0x7f.0.0.1",
  "127.0.0.1 ",
  "[::1]",
  "fe80::1%eth0",
];

test.each(NEITHER)("%j is of neither class", (address) => {
  expect(isOfClass(address, "public")).toBe(false);
  expect(isOfClass(address, "loopback")).toBe(false);
});
