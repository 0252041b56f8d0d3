import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openPolicy } from '../../src/transfer/policy-file.ts'

const request = { peer: 'alice', action: 'get', path: 'file', size: 1 } as const
const policyFor = (who: string): string => JSON.stringify({ rules: [{ who: [who], may: 'get' }] })

t.test('a file that changes decides the next request; one that is damaged or gone allows nothing', async t => {
  const directory = t.testdir({ policy: policyFor('alice') })
  const file = join(directory, 'policy')
  const put = (text: string): void => {
    writeFileSync(`${file}.new`, text)
    renameSync(`${file}.new`, file)
  }
  const faults: unknown[] = []
  const policy = await openPolicy(file, { onFault: error => faults.push(error) })
  t.match(await policy.decide(request), { allowed: true })
  put(policyFor('bob'))
  t.match(await policy.decide(request), { allowed: false })
  put(policyFor('alice'))
  t.match(await policy.decide(request), { allowed: true })
  t.strictSame(faults, [])
  put('{')
  t.match(await policy.decide(request), { allowed: false })
  t.match(await policy.decide(request), { allowed: false })
  t.match(faults, [{ code: 'ERR_SFT_USAGE' }], 'told once')
  rmSync(file)
  t.match(await policy.decide(request), { allowed: false })
  t.match(faults[1], { code: 'ERR_SFT_FILE' })
  put(policyFor('alice'))
  t.match(await policy.decide(request), { allowed: true })
})

t.test('none, or one that is none, is an error at the start', async t => {
  const directory = t.testdir({ policy: '{}' })
  await t.rejects(openPolicy(join(directory, 'none')), { code: 'ERR_SFT_NOT_FOUND' })
  await t.rejects(openPolicy(join(directory, 'policy')), { code: 'ERR_SFT_USAGE' })
  await t.rejects(openPolicy(directory), { code: 'ERR_SFT_FILE' })
})
