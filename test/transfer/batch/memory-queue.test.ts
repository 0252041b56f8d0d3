import t from 'tap'
import { keyedJob } from '../../../src/transfer/batch/job.ts'
import { MemoryQueue } from '../../../src/transfer/batch/memory-queue.ts'
import { queueContract } from '../../fixtures/queue-contract.ts'

queueContract(t, async () => new MemoryQueue())

t.test('ids differ', t => {
  t.not(new MemoryQueue().id, new MemoryQueue().id)
  t.end()
})

t.test('it is full one day', async t => {
  const queue = new MemoryQueue()
  const jobs = Array.from({ length: 100_001 }, (_, each) => ({ ...keyedJob({ send: '/a', to: 'b' }), key: `${each}` }))
  await t.rejects(queue.add(jobs), { code: 'ERR_SFT_LIMIT' })
  t.equal(await queue.claim(), undefined, 'none of them was added')
  await queue.add(jobs.slice(1))
  await queue.add(jobs.slice(1))
  await t.rejects(queue.add(jobs.slice(0, 1)), { code: 'ERR_SFT_LIMIT' })
})
