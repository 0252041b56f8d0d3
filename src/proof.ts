/**
 * sft/proof: what an eavesdropper sees of a transfer, and what not (SPEC §15). It reads captures, and judges them with code of its own.
 *
 * @packageDocumentation
 */

export { conclusionOf } from './proof/conclusion.ts'
export { type Judgement, type JudgeOptions, judge as judgeCapture } from './proof/judge/judge.ts'
export type {
  Claim,
  ClaimId,
  ConnectionPicture,
  Control,
  Evidence,
  FlowPicture,
  Known,
  Protocol,
  Verdict
} from './proof/model.ts'
export { CLAIMS } from './proof/model.ts'
export { reportOf } from './proof/report/page.ts'
export type { Step } from './proof/run/commands.ts'
export { type ProofRunOptions, proveRun } from './proof/run/prove.ts'
export { type Limit, PLAIN_LIMIT, wholeFile } from './proof/whole.ts'
