/** Why the kernel itself gave up: a fault of the code around it, never of an agent. Closed; a fault always stops the action. */
export type KernelFaultCode = "not-json" | "forged" | "used-twice" | "bad-digest" | "bad-own-path" | "wrong-chain";

/** A programming fault found at the kernel's edge. Decisions are values; only faults are thrown (ERRORS-DENY). */
export class KernelFault extends Error {
  override readonly name = "KernelFault";
  readonly code: KernelFaultCode;

  constructor(code: KernelFaultCode, message: string) {
    super(message);
    this.code = code;
  }
}
