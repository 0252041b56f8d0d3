import type { Command } from 'commander'
import { registerProofCheck } from './check.ts'
import { registerProofRun } from './run.ts'

/** `sft proof …`: what an eavesdropper has, judged (SPEC §15). */
export function registerProof(program: Command): void {
  const proof = program.command('proof').description('show what an eavesdropper sees of a transfer, and what not')
  registerProofRun(proof)
  registerProofCheck(proof)
}
