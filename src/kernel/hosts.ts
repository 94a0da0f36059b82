/** A label of a host name (RFC 1123), lower case. */
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** The last label of a public name: letters, or an internationalised one in its ASCII form (RFC 5890). */
const TOP_LABEL = /^(?:[a-z]{2,63}|xn--[a-z0-9-]{1,59})$/;
const MAX_HOST = 253;

/**
 * Whether a text is a full host name in its one spelling: lower-case ASCII labels, a top label of letters, no dot at the
 * end, no address literal of any notation.
 */
export function isHostName(text: string): boolean {
  if (text.length > MAX_HOST) return false;
  const labels = text.split(".");
  return labels.length >= 2 && labels.every((label) => LABEL.test(label)) && TOP_LABEL.test(labels.at(-1) ?? "");
}

/** The parts of an http or https URL in its one spelling. */
export interface HttpUrl {
  readonly scheme: "http" | "https";
  /** A host name, `localhost`, or a loopback address. */
  readonly host: string;
  /** Null when the URL names none. */
  readonly port: number | null;
  /** From the first slash on; empty when there is none. */
  readonly path: string;
}

const HTTP_URL = /^(https?):\/\/([^/:?#@[\]\\]+|\[::1\])(?::([1-9][0-9]{0,4}))?(\/[!-~]*)?$/;

/**
 * The strict parser of http URLs: lower-case scheme and host, no user information, no address literal but loopback, no
 * port written with zeros, and nothing whose reading differs between parsers. `http:` only
 * for this machine. Null for everything else. What follows the path (query, fragment) is part of `path` as it stands.
 */
export function parseHttpUrl(text: string): HttpUrl | null {
  const [, scheme, host, digits, path = ""] = HTTP_URL.exec(text) ?? [];
  if (host === undefined || (scheme !== "http" && scheme !== "https")) return null;
  const loopback = isLoopback(host);
  if (!loopback && (scheme === "http" || !isHostName(host))) return null;
  const port = digits === undefined ? null : Number(digits);
  if (port !== null && port > 65_535) return null;
  if (path.includes("\\")) return null;
  return { scheme, host, port, path };
}

/** Names and addresses of this machine in their usual spelling (RFC 6761 section 6.3, RFC 1122 section 3.2.1.3). */
export function isLoopback(host: string): boolean {
  if (host === "localhost" || host === "[::1]") return true;
  if (host.endsWith(".localhost")) return host.split(".").every((label) => LABEL.test(label));
  return /^127(?:\.(?:0|[1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5])){3}$/.test(host);
}

/**
 * Where cloud machines keep their credentials: AWS, Azure, Google and others; Alibaba; AWS over IPv6 and for containers;
 * Google over IPv6; Azure's WireServer, an address of the public internet by its number alone.
 */
export const METADATA_HOSTS: readonly string[] = Object.freeze([
  "169.254.169.254",
  "169.254.170.2",
  "100.100.100.200",
  "fd00:ec2::254",
  "fd20:ce::254",
  "168.63.129.16",
  "metadata.google.internal",
  "metadata.goog",
  "metadata.azure.internal",
]);
const METADATA_NUMBERS: ReadonlySet<bigint> = new Set(
  METADATA_HOSTS.map((host) => addressNumber(host)).filter((number) => number !== null),
);

/**
 * Whether a text names a metadata service, however it is spelled: as a host, with a port, in a URL, in capitals, with a
 * dot at the end, in full-width digits, as one number, in hexadecimal or octal parts, as an IPv4-mapped IPv6 address.
 * Liberal on purpose: what is recognised is stopped, so a wrong reading costs nothing but the attempt.
 */
export function isMetadataHost(text: string): boolean {
  // The ideographic full stop separates labels too (UTS 46).
  const plain = text.normalize("NFKC").replaceAll("。", ".").trim().toLowerCase();
  const authority = plain.replace(/^[a-z][a-z0-9+.-]*:/, (scheme) => (plain.includes("//") ? "" : scheme));
  const [whole = ""] = authority.replace(/^[/\\]+/, "").split(/[/\\?#]/);
  const host = whole.slice(whole.lastIndexOf("@") + 1);
  return [host, host.replace(/:\d*$/, "")].some((candidate) => {
    const name = candidate.replace(/^\[(.*)\]$/, "$1").replace(/\.+$/, "");
    const number = addressNumber(name);
    return METADATA_HOSTS.includes(name) || (number !== null && METADATA_NUMBERS.has(number));
  });
}

/** The 128-bit number of an address, IPv4 as mapped; null when the text is none. Accepts what inet_aton(3) accepts. */
function addressNumber(text: string): bigint | null {
  if (text.includes(":")) return ipv6Number(text);
  const ipv4 = ipv4Number(text);
  return ipv4 === null ? null : 0xffff_0000_0000n + ipv4;
}

function ipv4Number(text: string): bigint | null {
  const parts = text.split(".");
  if (parts.length > 4) return null;
  const numbers: bigint[] = [];
  for (const part of parts) {
    if (/^0x[0-9a-f]{0,16}$/.test(part)) numbers.push(BigInt(part === "0x" ? "0x0" : part));
    else if (/^0[0-7]{0,20}$/.test(part)) numbers.push(BigInt(`0o${part}`));
    else if (/^[1-9][0-9]{0,20}$/.test(part)) numbers.push(BigInt(part));
    else return null;
  }
  // The last part fills what the others leave: 127.1 is 127.0.0.1.
  const last = numbers.pop() ?? 0n;
  if (numbers.some((number) => number > 255n) || last >= 1n << BigInt(8 * (4 - numbers.length))) return null;
  return numbers.reduce((sum, number, index) => sum + (number << BigInt(8 * (3 - index))), last);
}

function ipv6Number(text: string): bigint | null {
  const [address = ""] = text.split("%");
  const dotted = /^(.*:)([0-9.]+)$/.exec(address);
  const tail = dotted?.[2]?.includes(".") === true ? ipv4Number(dotted[2]) : null;
  const hex =
    tail === null ? address : `${dotted?.[1] ?? ""}${(tail >> 16n).toString(16)}:${(tail & 0xffffn).toString(16)}`;
  const halves = hex.split("::");
  if (halves.length > 2) return null;
  const [head = [], rest = []] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const missing = 8 - head.length - rest.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  const groups = [...head, ...Array.from({ length: Math.max(missing, 0) }, () => "0"), ...rest];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/.test(group))) return null;
  return groups.reduce((sum, group) => (sum << 16n) + BigInt(`0x${group}`), 0n);
}
