import { parentPort, workerData } from 'node:worker_threads'
import { judge } from '../judge/judge.ts'
import type { JudgeTask } from './judging.ts'

/** The thread in which a capture is judged: says the verdict, and ends. */

if (parentPort) {
  const { path, options } = workerData as JudgeTask
  const { verdict } = await judge(path, options)
  parentPort.postMessage(verdict)
}
