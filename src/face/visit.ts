/** The head of a visitor's request, as it came. */
export interface Visit {
  readonly method: string;
  readonly target: string;
  /** Every header line, in order; names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly upgrade: boolean;
}

/** Why a visit is none of a person's to this place. */
export interface Astray {
  readonly why: "malformed" | "host" | "origin" | "cross-site";
  readonly status: number;
}

/**
 * Why a visit is not one that this place gets from its own pages or from what a person typed, or null. Being on this machine
 * counts for nothing: the host is exactly ours, so that rebinding ends here (CVE-2025-66414), the origin is ours wherever
 * there is one, and there is one for everything that is not merely read (CVE-2026-32025).
 * @param authority host and port, `NAME.localhost:PORT`.
 */
export function findAstray(visit: Visit, authority: string): Astray | null {
  const [hosts, origins, sites] = [said(visit, "host"), said(visit, "origin"), said(visit, "sec-fetch-site")];
  if (!visit.target.startsWith("/") || hosts.length !== 1 || origins.length > 1)
    return { why: "malformed", status: 400 };
  if (hosts[0] !== authority) return { why: "host", status: 421 };
  if (origins.length === 0 ? !isSafe(visit) : origins[0] !== `http://${authority}`)
    return { why: "origin", status: 403 };
  if (sites.some((site) => site !== "same-origin" && site !== "none")) return { why: "cross-site", status: 403 };
  return null;
}

/** Whether it merely reads. */
export function isSafe({ method, upgrade }: Visit): boolean {
  return (method === "GET" || method === "HEAD") && !upgrade;
}

/** Every value of one header, whose name is in lower case. */
export function said({ headers }: Visit, name: string): readonly string[] {
  return headers.filter(([header]) => header === name).map(([, value]) => value);
}

/** Every value of one cookie. */
export function cookiesOf(visit: Visit, name: string): readonly string[] {
  return said(visit, "cookie")
    .flatMap((value) => value.split(";"))
    .flatMap((pair) => (pair.trim().startsWith(`${name}=`) ? [pair.trim().slice(name.length + 1)] : []));
}
