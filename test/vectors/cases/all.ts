import type { Vector } from '../../fixtures/vector.ts'
import { CHECKPOINTS } from './checkpoints.ts'
import { CHUNKS } from './chunks.ts'
import { FRAMES } from './frames.ts'
import { GOOD } from './good.ts'
import { HEADER } from './header.ts'
import { SENDER } from './sender.ts'
import { TRUNCATED } from './truncated.ts'

/** Every vector, one fault each; the name says which. */
export const VECTORS: readonly Vector[] = [
  ...GOOD,
  ...TRUNCATED,
  ...FRAMES,
  ...HEADER,
  ...SENDER,
  ...CHUNKS,
  ...CHECKPOINTS
]
