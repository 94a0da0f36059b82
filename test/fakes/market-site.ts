import { createServer } from "node:http";
import { createServer as createListener, type AddressInfo } from "node:net";

/** Whoever makes hostile skills: a site that hands out their next stages and takes what is sent, and waits for shells. */
export interface MarketSite {
  /** Without a slash at its end; each extension has a folder of its own below it. */
  readonly url: string;
  /** HOST/PORT, as bash writes it. */
  readonly shell: string;
  /** What came: a request with the extension's folder and its body, or a shell's first words. */
  readonly came: readonly { readonly to: string; readonly text: string }[];
  hand(path: string, text: string): void;
  close(): void;
}

/** @param greeting what it types into a shell that comes. */
export async function startMarketSite(greeting: string): Promise<MarketSite> {
  const came: { to: string; text: string }[] = [];
  const files = new Map<string, string>();
  const site = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      came.push({ to: request.url ?? "", text: Buffer.concat(chunks).toString("utf8") });
      response.end(files.get(request.url ?? "") ?? "");
    });
  });
  const shells = createListener((socket) => {
    came.push({ to: "shell", text: "" });
    socket.on("error", () => socket.destroy());
    socket.on("data", () => {});
    socket.write(greeting);
  });
  for (const each of [site, shells]) await new Promise<void>((resolve) => each.listen(0, "127.0.0.1", resolve));
  const portOf = (each: typeof site | typeof shells): number => (each.address() as AddressInfo).port; // it listens
  return {
    url: `http://127.0.0.1:${portOf(site)}`,
    shell: `127.0.0.1/${portOf(shells)}`,
    came,
    hand: (path, text) => void files.set(path, text),
    close() {
      site.closeAllConnections();
      site.close();
      shells.close();
    },
  };
}
