import t from 'tap'
import { parsePolicy } from '../../src/transfer/policy.ts'

const policyOf = (rules: unknown, groups?: unknown) => parsePolicy(JSON.stringify({ groups, rules }))

t.test('M59: what no rule allows is refused', t => {
  const request = { peer: 'alice', action: 'get', path: 'a/b', size: 1 } as const
  t.strictSame(policyOf([]).decide(request), { allowed: false })
  const allows = (rule: object): unknown => policyOf([{ who: ['alice'], may: 'get', ...rule }]).decide(request)
  const yes = { allowed: true, maxSize: Number.POSITIVE_INFINITY }
  t.strictSame(allows({}), yes)
  t.strictSame(allows({ who: ['*'] }), yes)
  t.strictSame(allows({ may: ['send', 'get'] }), yes)
  t.strictSame(allows({ where: ['c', 'a/*'] }), yes)
  t.strictSame(allows({ where: ['**/b'] }), yes)
  t.strictSame(allows({ maxSize: '1K' }), { allowed: true, maxSize: 1024 })
  for (const rule of [{ who: ['bob'] }, { may: 'send' }, { where: ['a'] }, { where: ['*'] }, { maxSize: 0 }])
    t.strictSame(allows(rule), { allowed: false }, JSON.stringify(rule))
  t.end()
})

t.test('of several rules that allow, the largest size counts; an unknown size is limited by it', t => {
  const rules = [10, '1K', 100].map(maxSize => ({ who: ['@staff'], may: 'send', maxSize }))
  const policy = policyOf(rules, { staff: ['alice', 'bob'] })
  t.strictSame(policy.decide({ peer: 'bob', action: 'send', path: 'x' }), { allowed: true, maxSize: 1024 })
  t.strictSame(policy.decide({ peer: 'bob', action: 'send', path: 'x', size: 1025 }), { allowed: false })
  t.strictSame(policy.decide({ peer: 'carol', action: 'send', path: 'x' }), { allowed: false })
  t.end()
})

t.test('a mistake in the file is an error, and never a rule that means something else', t => {
  const rule = { who: ['alice'], may: 'get' }
  for (const [title, text] of Object.entries({
    'no JSON': '{',
    'no object': '[]',
    'no rules': '{}',
    'a rule that is none': '{"rules":[1]}',
    'another key': JSON.stringify({ rules: [], rule: [] }),
    'another key in a rule': JSON.stringify({ rules: [{ ...rule, were: ['x'] }] }),
    'no who': JSON.stringify({ rules: [{ may: 'get' }] }),
    'an empty who': JSON.stringify({ rules: [{ ...rule, who: [] }] }),
    'a who that is no list': JSON.stringify({ rules: [{ ...rule, who: 'alice' }] }),
    'no user name': JSON.stringify({ rules: [{ ...rule, who: ['Alice!'] }] }),
    'no such group': JSON.stringify({ rules: [{ ...rule, who: ['@staff'] }] }),
    'a group of nobody': JSON.stringify({ groups: { staff: [] }, rules: [] }),
    'another action': JSON.stringify({ rules: [{ ...rule, may: 'list' }] }),
    'no action': JSON.stringify({ rules: [{ who: ['alice'] }] }),
    'an empty where': JSON.stringify({ rules: [{ ...rule, where: [] }] }),
    'another size': JSON.stringify({ rules: [{ ...rule, maxSize: '1X' }] }),
    'a negative size': JSON.stringify({ rules: [{ ...rule, maxSize: -1 }] })
  }))
    t.throws(() => parsePolicy(text), { code: 'ERR_SFT_USAGE' }, title)
  t.end()
})
