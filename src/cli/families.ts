import type { Command } from "./command.ts";

/**
 * Every first word of a command line, in the order of the overview, and what loads the commands that begin with it: a
 * command line needs one family, and all of them together are most of what there is to load. The same commands in the same
 * order as `catalogue.ts`, which a test compares.
 */
export const FAMILIES: ReadonlyMap<string, () => Promise<readonly Command[]>> = new Map<
  string,
  () => Promise<readonly Command[]>
>([
  ["demo", async () => [(await import("./commands/demo.ts")).demo]],
  ["scan", async () => [(await import("./commands/scan.ts")).scan]],
  ["init", async () => [(await import("./commands/init.ts")).init]],
  ["doctor", async () => [(await import("./commands/doctor.ts")).doctor]],
  [
    "adopt",
    async () => {
      const { adoptClient } = await import("./commands/adopt-client.ts");
      return [adoptClient, (await import("./commands/adopt.ts")).adoptOpenClaw];
    },
  ],
  ["run", async () => [(await import("./commands/run.ts")).run]],
  ["mcp", async () => [(await import("./commands/mcp.ts")).mcp]],
  ["ps", async () => [(await import("./commands/ps.ts")).ps]],
  ["top", async () => [(await import("./commands/top.ts")).top]],
  ["hold", async () => [(await import("./commands/hold.ts")).hold]],
  ["freeze", async () => [(await import("./commands/freeze.ts")).freeze]],
  ["thaw", async () => [(await import("./commands/thaw.ts")).thaw]],
  ["restart", async () => [(await import("./commands/restart.ts")).restart]],
  ["kill", async () => [(await import("./commands/freeze.ts")).kill]],
  ["undo", async () => [(await import("./commands/undo.ts")).undo]],
  [
    "home",
    async () => {
      const { homeList, homeShow, homePut, homeWipe } = await import("./commands/home.ts");
      return [homeList, homeShow, homePut, homeWipe];
    },
  ],
  [
    "memory",
    async () => {
      const { memoryPlanes, memoryList, memorySearch, memoryShow, memoryVerify, memoryQuarantine } =
        await import("./commands/memory.ts");
      const { memoryBudget, memoryFreeze, memoryRelease } = await import("./commands/memory-signed.ts");
      const { memoryErase } = await import("./commands/memory-erase.ts");
      const { memoryExport } = await import("./commands/memory-export.ts");
      const { memoryImport } = await import("./commands/memory-import.ts");
      return [
        memoryPlanes,
        memoryList,
        memorySearch,
        memoryShow,
        memoryVerify,
        memoryBudget,
        memoryFreeze,
        memoryErase,
        memoryQuarantine,
        memoryRelease,
        memoryExport,
        memoryImport,
      ];
    },
  ],
  [
    "approvals",
    async () => {
      const { approvalsList, approvalsShow, approvalsApprove, approvalsDeny } = await import("./commands/approvals.ts");
      return [approvalsList, approvalsShow, approvalsApprove, approvalsDeny];
    },
  ],
  ["propose", async () => [(await import("./commands/propose.ts")).propose]],
  ["away", async () => [(await import("./commands/away.ts")).away]],
  ["back", async () => [(await import("./commands/away.ts")).back]],
  ["console", async () => [(await import("./commands/console.ts")).consoleOpen]],
  [
    "grants",
    async () => {
      const { grantsList, grantsShow, grantsPropose, grantsSign, grantsRevoke } = await import("./commands/grants.ts");
      const { grantsProposed } = await import("./commands/grants-proposed.ts");
      return [grantsList, grantsShow, grantsPropose, grantsProposed, grantsSign, grantsRevoke];
    },
  ],
  [
    "owners",
    async () => {
      const { ownersList, ownersKey, ownersAdd, ownersRemove } = await import("./commands/owners.ts");
      const { ownersCodes, ownersRecover, ownersStop } = await import("./commands/owners-recovery.ts");
      const { ownersSecondScreen } = await import("./commands/owners-second-screen.ts");
      return [
        ownersList,
        ownersKey,
        ownersAdd,
        ownersRemove,
        ownersCodes,
        ownersRecover,
        ownersStop,
        ownersSecondScreen,
      ];
    },
  ],
  [
    "secrets",
    async () => {
      const { secretsSet, secretsBind, secretsList, secretsRotate, secretsRemove } =
        await import("./commands/secrets.ts");
      return [secretsSet, secretsBind, secretsList, secretsRotate, secretsRemove];
    },
  ],
  [
    "ext",
    async () => {
      const { extVet } = await import("./commands/ext-vet.ts");
      const { extDetonate } = await import("./commands/ext-detonate.ts");
      const { extAdd, extList, extShow, extQuarantine, extRemove } = await import("./commands/ext.ts");
      const { extDiff } = await import("./commands/ext-diff.ts");
      const { extTrust } = await import("./commands/ext-trust.ts");
      const { extUpdate } = await import("./commands/ext-update.ts");
      const { extSign } = await import("./commands/ext-sign.ts");
      return [
        extVet,
        extDetonate,
        extAdd,
        extList,
        extShow,
        extDiff,
        extTrust,
        extUpdate,
        extQuarantine,
        extRemove,
        extSign,
      ];
    },
  ],
  [
    "publishers",
    async () => {
      const { publishersAdmit, publishersKey, publishersList, publishersOnly, publishersRemove } =
        await import("./commands/publishers.ts");
      return [publishersList, publishersAdmit, publishersRemove, publishersOnly, publishersKey];
    },
  ],
  [
    "ports",
    async () => {
      const [{ portsList, portsPair, portsShow }, { portsOpen }] = await Promise.all([
        import("./commands/ports.ts"),
        import("./commands/ports-open.ts"),
      ]);
      return [portsList, portsShow, portsOpen, portsPair];
    },
  ],
  [
    "providers",
    async () => {
      const { providersAdd, providersList, providersRemove } = await import("./commands/providers.ts");
      return [providersAdd, providersList, providersRemove];
    },
  ],
  [
    "policy",
    async () => {
      const { policyCheck, policyExplain, policySimulate, policyEffective, policySet } =
        await import("./commands/policy.ts");
      return [policyCheck, policyExplain, policySimulate, policyEffective, policySet];
    },
  ],
  ["digest", async () => [(await import("./commands/digest.ts")).digest]],
  [
    "log",
    async () => {
      const { logShow, logVerify, logProve, logCheck } = await import("./commands/log.ts");
      const { logEvidence } = await import("./commands/log-evidence.ts");
      const { logErase } = await import("./commands/log-erase.ts");
      const { logRetention } = await import("./commands/log-retention.ts");
      return [logShow, logVerify, logProve, logCheck, logEvidence, logErase, logRetention];
    },
  ],
  [
    "witness",
    async () => {
      const { witnessUse } = await import("./commands/witness-use.ts");
      const { witnessList } = await import("./commands/witness-list.ts");
      const { witnessServe, witnessShow } = await import("./commands/witness.ts");
      return [witnessUse, witnessList, witnessServe, witnessShow];
    },
  ],
  [
    "telemetry",
    async () => {
      const { telemetryUse, telemetryShow } = await import("./commands/telemetry.ts");
      return [telemetryUse, telemetryShow];
    },
  ],
  ["serve", async () => [(await import("./commands/serve.ts")).serve]],
  ["backup", async () => [(await import("./commands/backup.ts")).backup]],
  ["restore", async () => [(await import("./commands/backup.ts")).restore]],
]);
