/** The parts of an address that a scan looks at. */
export interface Address {
  readonly scheme: string;
  /** Whether a user or a password stands in it. */
  readonly login: boolean;
  /** In lower case, without port. */
  readonly host: string;
  /** With the port, if there is one. */
  readonly authority: string;
  readonly path: string;
  readonly query: readonly (readonly [name: string, value: string])[];
}

const ADDRESS = /^([a-z][a-z0-9+.-]*):\/\/(?:([^/?#@]*)@)?(\[[0-9a-f:.]+\]|[^/?#:@]+)(:\d+)?([^?#]*)(?:\?([^#]*))?/iu;

/** Reads an address (RFC 3986) as far as it is one with a host; null otherwise. It is looked at, never connected to. */
export function readAddress(text: string): Address | null {
  const [, scheme, login, host, port = "", path = "", query = ""] = ADDRESS.exec(text.trim()) ?? [];
  if (scheme === undefined || host === undefined) return null;
  return {
    scheme: scheme.toLowerCase(),
    login: login !== undefined && login !== "",
    host: host.toLowerCase(),
    authority: `${host.toLowerCase()}${port}`,
    path,
    query: query
      .split("&")
      .filter((part) => part !== "")
      .map((part) => {
        const at = part.indexOf("=");
        return at < 0 ? [part, ""] : [part.slice(0, at), part.slice(at + 1)];
      }),
  };
}

/** Whether a host is this machine, by name or by address. */
export function isThisMachine(host: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\]|.+\.localhost)$/u.test(host);
}
