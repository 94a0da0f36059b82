import { BlockList, isIP } from "node:net";

/** Which addresses a connector may reach: those of this machine only, or those of the public internet only. */
export type AddressClass = "loopback" | "public";

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

// IANA special-purpose registries (RFC 6890 and its successors): what is not one host of the public internet.
const special = new BlockList();
for (const [network, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  // Azure's WireServer answers every machine of theirs, with what is meant for that one.
  ["168.63.129.16", 32],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.31.196.0", 24],
  ["192.52.193.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["192.175.48.0", 24],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
] as const) {
  special.addSubnet(network, prefix, "ipv4");
}
const global6 = new BlockList();
global6.addSubnet("2000::", 3, "ipv6");
const special6 = new BlockList();
for (const [network, prefix] of [
  // 2001::/23 holds Teredo and benchmarking, 2002::/16 is 6to4: both carry an IPv4 address that is not looked at.
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
] as const) {
  special6.addSubnet(network, prefix, "ipv6");
}

/**
 * Whether a resolved address is of a class. Decided on the address that is connected to, never on a name or a URL
 * (rebinding, `2130706433`, `[::ffff:7f00:1]`); anything that is not a plain address is of no class.
 */
export function isOfClass(address: string, wanted: AddressClass): boolean {
  switch (isIP(address)) {
    case 4:
      return wanted === "loopback" ? loopback.check(address, "ipv4") : !special.check(address, "ipv4");
    case 6:
      if (wanted === "loopback") return loopback.check(address, "ipv6") && !/^::ffff:/i.test(address);
      return global6.check(address, "ipv6") && !special6.check(address, "ipv6");
    default:
      return false;
  }
}
