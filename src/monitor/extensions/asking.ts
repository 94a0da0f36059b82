import type { Channel } from "../../platform/powers.ts";
import {
  MONITOR_FETCHER,
  MONITOR_UNPACKER,
  type FetcherRequests,
  type UnpackerRequests,
} from "../../protocol/extension-order.ts";
import { MONITOR_VETTER, type Vetted, type VetterRequests } from "../../protocol/vetting-order.ts";
import type { PeerFault } from "../../protocol/rpc-error.ts";
import { createPeer, type Peer } from "../../protocol/rpc.ts";
import { askOnce } from "../own-process.ts";
import type { MonitorPowers, Streams } from "../powers.ts";
import type { CodeLayout } from "../sandbox-plans.ts";
import { planFetcher, planUnpacker, planVetter } from "./plans.ts";

type Asks<Requests extends object> = { serves: object; hears: object; asks: Requests; says: object };
type AsksFetcher = Asks<FetcherRequests>;
type AsksUnpacker = Asks<UnpackerRequests>;
type AsksVetter = Asks<VetterRequests>;

/** Longest that each of them lives, its start included. */
const LIFE_MS = 180_000;

/** Processes of their own that fetch, unpack and read, each for one question. All reject when there is no answer. */
export interface ExtensionProcesses {
  /** Into `fetched`, as the file `package`. */
  fetch(fetched: string, asked: FetcherRequests["fetch"]["body"]): Promise<FetcherRequests["fetch"]["ok"]>;
  /** Into `tree`, from `fetched` or from a stream. */
  unpack(
    from: { readonly tree: string; readonly fetched: string } | { readonly tree: string; readonly streams: Streams },
    asked: UnpackerRequests["unpack"]["body"],
  ): Promise<UnpackerRequests["unpack"]["ok"]>;
  /** What a sealed tree says of itself. */
  read(tree: string, asked: UnpackerRequests["read"]["body"]): Promise<UnpackerRequests["read"]["ok"]>;
  /** What speaks against it. */
  vet(tree: string): Promise<Vetted>;
}

export function createExtensionProcesses(parts: {
  readonly powers: Pick<MonitorPowers, "startSandbox" | "timer">;
  readonly code: CodeLayout;
  refused(peer: string, fault: PeerFault): void;
}): ExtensionProcesses {
  const { powers, code } = parts;

  const rest = (name: string) => ({
    requests: {},
    events: {},
    onFault: (fault: PeerFault) => parts.refused(name, fault),
    onError: () => {},
  });
  const fetcher = (channel: Channel): Peer<AsksFetcher> =>
    createPeer(channel, { side: MONITOR_FETCHER, ...rest("fetcher") });
  const unpacker = (channel: Channel): Peer<AsksUnpacker> =>
    createPeer(channel, { side: MONITOR_UNPACKER, ...rest("unpacker") });
  const vetter = (channel: Channel): Peer<AsksVetter> =>
    createPeer(channel, { side: MONITOR_VETTER, ...rest("vetter") });

  return {
    fetch: (fetched, asked) =>
      askOnce({ powers, spec: planFetcher(code, fetched), ms: LIFE_MS }, fetcher, (peer) =>
        peer.request("fetch", asked),
      ),
    unpack(from, asked) {
      const streams = "streams" in from ? from.streams : "capture";
      const fetched = "fetched" in from ? from.fetched : null;
      const spec = planUnpacker(code, { kind: "write", host: from.tree, fetched });
      return askOnce({ powers, spec, ms: LIFE_MS, streams }, unpacker, (peer) => peer.request("unpack", asked));
    },
    read(tree, asked) {
      const spec = planUnpacker(code, { kind: "read", host: tree, fetched: null });
      return askOnce({ powers, spec, ms: LIFE_MS }, unpacker, (peer) => peer.request("read", asked));
    },
    vet: (tree) =>
      askOnce({ powers, spec: planVetter(code, tree), ms: LIFE_MS }, vetter, (peer) => peer.request("vet", {})),
  };
}
