import type { Grant } from "../../src/kernel/grant.ts";
import { GIT_TOOLS, gitOrigin } from "../../src/kernel/git-ssh.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import type { RunRequest } from "../../src/protocol/requests.ts";
import { gitAllows } from "../../src/protocol/short-git.ts";
import { startSshServer, type SshServer } from "../fakes/ssh-server.ts";
import { startSubstrate, type Ran, type Substrate } from "./substrate.ts";

/** What a grant of git gives. `path`: a repository of the server, by default `project`. */
export interface GitWish {
  readonly agents?: readonly string[];
  readonly push?: readonly string[];
  readonly remove?: boolean;
  readonly lease?: boolean;
  readonly path?: string;
  readonly limits?: Partial<Grant["limits"]>;
}

/** One monitor and a real server of OpenSSH on loopback, whose one account has a key that the owner has bound. */
export interface GitStage {
  readonly aios: Substrate;
  readonly server: SshServer;
  /** A repository with one commit, and the address of the account. */
  readonly project: string;
  readonly origin: string;
  bind(wish?: {
    readonly secret?: string;
    readonly to?: string;
    readonly paths?: readonly string[];
    readonly hostKeys?: readonly string[];
  }): Promise<number>;
  /** Signs a grant that is named like its agent. */
  grant(id: string, wish?: GitWish): Promise<void>;
  /** Runs a script of a shell in an agent's sandbox; it begins in a folder of its own. */
  run(agent: string, script: string, request?: Partial<RunRequest>): Promise<Ran>;
  records(
    instance: string,
    kind: string,
  ): Promise<readonly { readonly record: JsonObject; readonly payload: string }[]>;
  /** What an instance's face refused before it was an action. */
  refused(instance: string): Promise<readonly string[]>;
  stop(): Promise<void>;
}

const WHO =
  "export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.com GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.com; cd";

/** Starts it. */
export async function startGitStage(): Promise<GitStage> {
  const server = await startSshServer();
  const project = server.makeRepository("project.git");
  const origin = gitOrigin({ host: "localhost", port: server.port, user: server.user });
  const aios = await startSubstrate();
  await aios.keepSecret("deploy", server.key);
  const stage: GitStage = {
    aios,
    server,
    project,
    origin,
    bind: ({ secret = "deploy", to = origin, paths = [server.folder], hostKeys = [server.hostKey] } = {}) =>
      aios.sign("bind-secret", { secret, to, paths: [...paths], hostKeys: [...hostKeys] }),
    grant: async (id, wish = {}) => {
      const { agents = [id], push = [], remove = false, lease = false, path = project, limits = {} } = wish;
      const drivers = { "git-ssh": { source: { kind: "git-ssh" as const }, tools: GIT_TOOLS } };
      const allow = gitAllows({ to: `${origin}${path}`, push, remove });
      const uses = lease ? 100 : null;
      await aios.grant({ id, agents, drivers, allow, lease, programs: "any", limits: { uses, ...limits } });
    },
    run: (agent, script, request = {}) =>
      aios.run({ agent, command: ["/bin/bash", "-c", `${WHO}\n${script}`], ...request }),
    records: async (instance, kind) => {
      const { entries } = await aios.client.request("log-show", { from: 0, limit: 1000, instance, kinds: [] });
      return entries
        .filter(({ record }) => record.kind === kind)
        .map(({ record, payload }) => ({
          record: { ...record } as unknown as JsonObject,
          payload: JSON.stringify(payload),
        }));
    },
    refused: async (instance) => {
      const { entries } = await aios.client.request("log-show", {
        from: 0,
        limit: 1000,
        instance: null,
        kinds: ["refused"],
      });
      return entries.flatMap(({ record }) =>
        record.kind === "refused" && record.peer === `face ${instance}` ? [record.code] : [],
      );
    },
    stop: async () => {
      await aios.stop();
      await server.stop();
    },
  };
  await stage.bind();
  return stage;
}

/** Waits until something holds. */
export async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let tries = 0; tries < 3000; tries++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`waited for nothing: ${what}`);
}
