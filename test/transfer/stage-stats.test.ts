import t from 'tap'
import { Between, stagesOf, Work } from '../../src/transfer/stage-stats.ts'

const between = (pulled: number, held: number, bytes: number) => Object.assign(new Between(), { pulled, held, bytes })
const work = (ms: number, bytes: number) => Object.assign(new Work(), { ms, bytes })
const nothing = { read: new Between(), seal: new Work(), sent: new Between() }
const nothingCame = { open: new Work(), written: new Between(), flushed: 0 }

t.test('M104: of what is sent, each stage has the whole time, in parts', t => {
  const out = { read: between(30, 70, 9), seal: work(20, 9), sent: between(55, 45, 9) }
  t.strictSame(stagesOf(out, nothingCame), [
    { stage: 'read', working: 30, waitingForOutput: 70, bytes: 9 },
    { stage: 'seal', waitingForInput: 35, working: 20, waitingForOutput: 45, bytes: 9 },
    { stage: 'send', waitingForInput: 55, working: 45, bytes: 9 }
  ])
  t.end()
})

t.test('M104: of what comes, too; a flush at its end is work', t => {
  const into = { open: work(20, 9), written: between(60, 40, 9), flushed: 5 }
  t.strictSame(stagesOf(nothing, into), [
    { stage: 'receive', working: 40, waitingForOutput: 60, bytes: 9 },
    { stage: 'open', waitingForInput: 40, working: 20, waitingForOutput: 40, bytes: 9 },
    { stage: 'write', waitingForInput: 60, working: 45, bytes: 9 }
  ])
  t.end()
})

t.test('threads that work while nobody waits for them are no negative waiting', t => {
  const [, seal] = stagesOf({ read: between(1, 1, 1), seal: work(50, 1), sent: between(10, 40, 1) }, nothingCame)
  const [receive, open] = stagesOf(nothing, { open: work(50, 1), written: between(10, 40, 1), flushed: 0 })
  t.match([seal, open], [{ waitingForInput: 0 }, { waitingForInput: 0 }])
  t.match(receive, { working: 0, waitingForOutput: 50 })
  t.same(stagesOf(nothing, nothingCame), [])
  t.end()
})
