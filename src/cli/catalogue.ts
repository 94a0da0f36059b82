import { adoptOpenClaw } from "./commands/adopt.ts";
import { adoptClient } from "./commands/adopt-client.ts";
import { approvalsApprove, approvalsDeny, approvalsList, approvalsShow } from "./commands/approvals.ts";
import { away, back } from "./commands/away.ts";
import { consoleOpen } from "./commands/console.ts";
import { demo } from "./commands/demo.ts";
import { digest } from "./commands/digest.ts";
import { doctor } from "./commands/doctor.ts";
import { extDetonate } from "./commands/ext-detonate.ts";
import { extVet } from "./commands/ext-vet.ts";
import { extAdd, extList, extQuarantine, extRemove, extShow } from "./commands/ext.ts";
import { extSign } from "./commands/ext-sign.ts";
import { extTrust } from "./commands/ext-trust.ts";
import { extUpdate } from "./commands/ext-update.ts";
import { extDiff } from "./commands/ext-diff.ts";
import { freeze, kill } from "./commands/freeze.ts";
import { grantsList, grantsPropose, grantsRevoke, grantsShow, grantsSign } from "./commands/grants.ts";
import { grantsProposed } from "./commands/grants-proposed.ts";
import { homeList, homePut, homeShow, homeWipe } from "./commands/home.ts";
import { hold } from "./commands/hold.ts";
import { init } from "./commands/init.ts";
import { backup, restore } from "./commands/backup.ts";
import { logErase } from "./commands/log-erase.ts";
import { logRetention } from "./commands/log-retention.ts";
import { logEvidence } from "./commands/log-evidence.ts";
import { logCheck, logProve, logShow, logVerify } from "./commands/log.ts";
import { policyCheck, policyEffective, policyExplain, policySet, policySimulate } from "./commands/policy.ts";
import { mcp } from "./commands/mcp.ts";
import { memoryImport } from "./commands/memory-import.ts";
import { memoryErase } from "./commands/memory-erase.ts";
import { memoryBudget, memoryFreeze, memoryRelease } from "./commands/memory-signed.ts";
import { memoryExport } from "./commands/memory-export.ts";
import {
  memoryList,
  memoryPlanes,
  memoryQuarantine,
  memorySearch,
  memoryShow,
  memoryVerify,
} from "./commands/memory.ts";
import { ownersAdd, ownersKey, ownersList, ownersRemove } from "./commands/owners.ts";
import { ownersCodes, ownersRecover, ownersStop } from "./commands/owners-recovery.ts";
import { ownersSecondScreen } from "./commands/owners-second-screen.ts";
import { portsOpen } from "./commands/ports-open.ts";
import { portsList, portsPair, portsShow } from "./commands/ports.ts";
import { providersAdd, providersList, providersRemove } from "./commands/providers.ts";
import { propose } from "./commands/propose.ts";
import {
  publishersAdmit,
  publishersKey,
  publishersList,
  publishersOnly,
  publishersRemove,
} from "./commands/publishers.ts";
import { ps } from "./commands/ps.ts";
import { restart } from "./commands/restart.ts";
import { run } from "./commands/run.ts";
import { scan } from "./commands/scan.ts";
import { secretsBind, secretsList, secretsRemove, secretsRotate, secretsSet } from "./commands/secrets.ts";
import { serve } from "./commands/serve.ts";
import { thaw } from "./commands/thaw.ts";
import { top } from "./commands/top.ts";
import { undo } from "./commands/undo.ts";
import { telemetryShow, telemetryUse } from "./commands/telemetry.ts";
import { witnessList } from "./commands/witness-list.ts";
import { witnessServe, witnessShow } from "./commands/witness.ts";
import { witnessUse } from "./commands/witness-use.ts";
import type { CommandGroup } from "./help.ts";

/** Every command, in the order of the overview. */
export const COMMAND_GROUPS: readonly CommandGroup[] = [
  { title: "Begin", commands: [demo, scan, init, doctor, adoptClient, adoptOpenClaw] },
  { title: "Run agents", commands: [run, mcp, ps, top, hold, freeze, thaw, restart, kill, undo] },
  { title: "What agents keep", commands: [homeList, homeShow, homePut, homeWipe] },
  {
    title: "Memory",
    commands: [
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
    ],
  },
  {
    title: "Decide",
    commands: [approvalsList, approvalsShow, approvalsApprove, approvalsDeny, propose, away, back, consoleOpen],
  },
  { title: "Grant", commands: [grantsList, grantsShow, grantsPropose, grantsProposed, grantsSign, grantsRevoke] },
  {
    title: "Owners",
    commands: [
      ownersList,
      ownersKey,
      ownersAdd,
      ownersRemove,
      ownersCodes,
      ownersRecover,
      ownersStop,
      ownersSecondScreen,
    ],
  },
  { title: "Secrets", commands: [secretsSet, secretsBind, secretsList, secretsRotate, secretsRemove] },
  {
    title: "Extensions",
    commands: [
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
    ],
  },
  {
    title: "Publishers",
    commands: [publishersList, publishersAdmit, publishersRemove, publishersOnly, publishersKey],
  },
  { title: "Ports", commands: [portsList, portsShow, portsOpen, portsPair] },
  { title: "Models", commands: [providersAdd, providersList, providersRemove] },
  { title: "Rules", commands: [policyCheck, policyExplain, policySimulate, policyEffective, policySet] },
  {
    title: "Evidence",
    commands: [
      digest,
      logShow,
      logVerify,
      logProve,
      logCheck,
      logEvidence,
      logErase,
      logRetention,
      witnessUse,
      witnessList,
      witnessServe,
      witnessShow,
      telemetryUse,
      telemetryShow,
    ],
  },
  { title: "The monitor", commands: [serve, backup, restore] },
];
