import type { Instruction } from "./bpf.ts";
import { allowValues, ERRNO, loadArgument, verdicts } from "./rule-parts.ts";
import type { SandboxSpec } from "./spec.ts";

export const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const AF_NETLINK = 16;
const NETLINK_ROUTE = 0;
const SOCK_TYPE_MASK = 0xf;
const SOCK_DGRAM = 2;
const SOCK_RAW = 3;

/** "Protocol not supported". */
export const REFUSE_EPROTONOSUPPORT: number = ERRNO | 93;

/**
 * Families of sockets that a role may make; never raw packets, vsock or kernel crypto. A face serves two unix sockets. A
 * connector shares the host's network, and with it every abstract unix socket of the user's session: it makes none. A driver
 * sees folders of the host's, in which a person's program may make a socket at any time, and nobody connects for it as the
 * supervisor does for an agent: it makes none either, but pairs that lead nowhere else.
 */
const FAMILIES: { readonly [role in SandboxSpec["role"]]: readonly number[] } = {
  face: [AF_UNIX],
  connector: [AF_INET, AF_INET6],
  agent: [AF_UNIX, AF_INET, AF_INET6],
  driver: [AF_INET, AF_INET6],
  exec: [AF_UNIX, AF_INET, AF_INET6],
};

/**
 * Whatever is usual, ICMP, TCP, UDP and ICMPv6. Of the others (SCTP, MPTCP, UDP-Lite and more) nobody here has a use, a kernel may
 * load a module for whoever asks, and they were the way in more than once; said not to exist, as Go is ready for with MPTCP.
 */
const PROTOCOLS = [0, 1, 6, 17, 58] as const;

export function allowFamilies(role: SandboxSpec["role"]): readonly Instruction[] {
  if (role === "face") return allowValues(0, FAMILIES.face);
  return [
    ...loadArgument(0),
    ...FAMILIES[role].map((value): Instruction => ({
      op: "equal",
      value,
      yes: value === AF_UNIX ? "allow" : "internet",
    })),
    { op: "equal", value: AF_NETLINK, yes: "netlink", no: "refuse" },
    { op: "label", name: "internet" },
    ...loadArgument(2),
    ...PROTOCOLS.map((value): Instruction => ({ op: "equal", value, yes: "allow" })),
    { op: "return", value: REFUSE_EPROTONOSUPPORT },
    { op: "label", name: "netlink" },
    // Of netlink only the list of interfaces and addresses, which getifaddrs and getaddrinfo ask for.
    ...loadArgument(2),
    { op: "equal", value: NETLINK_ROUTE, no: "refuse" },
    ...verdicts(),
  ];
}

/**
 * Each message of a unix datagram socket can be sent to another name, which lies in memory; SOCK_RAW is the same there. They
 * are said not to exist, as programs that would log or notify by one are ready for.
 */
export function refuseUnixDatagrams(): readonly Instruction[] {
  return [
    ...loadArgument(0),
    { op: "equal", value: AF_UNIX, no: "other" },
    ...loadArgument(1),
    { op: "and", value: SOCK_TYPE_MASK },
    { op: "equal", value: SOCK_DGRAM, yes: "datagram" },
    { op: "equal", value: SOCK_RAW, no: "other" },
    { op: "label", name: "datagram" },
    { op: "return", value: REFUSE_EPROTONOSUPPORT },
    { op: "label", name: "other" },
  ];
}
