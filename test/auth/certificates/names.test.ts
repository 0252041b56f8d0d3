import t from 'tap'
import {
  identityUri,
  parseIdentityUri,
  parseOrganisation,
  parseUserName
} from '../../../src/auth/certificates/names.ts'

const usage = { code: 'ERR_SFT_USAGE' }

t.test('accepts names at their limits', async t => {
  for (const name of ['a', '0', 'alice', 'a.b_c-d', 'a'.repeat(32)]) t.equal(parseUserName(name), name)
  for (const org of ['a', '0', 'example.org', 'a-b.c', 'a'.repeat(63)]) t.equal(parseOrganisation(org), org)
})

t.test('refuses every other name', async t => {
  const bad = ['', 'A', 'Alice', '.a', '-a', '_a', 'a b', 'a/b', '../a', 'a\n', 'a\0', 'ä', 'a'.repeat(33)]
  for (const name of bad) t.throws(() => parseUserName(name), usage, JSON.stringify(name))
  const badOrganisations = ['', 'A', '.a', '-a', 'a_b', 'a/b', 'a\n', 'a'.repeat(64)]
  for (const org of badOrganisations) t.throws(() => parseOrganisation(org), usage, JSON.stringify(org))
})

t.test('a URI reads back as what wrote it', async t => {
  const [org, name] = ['a'.repeat(63), 'b'.repeat(32)]
  t.equal(identityUri('example.org', 'alice'), 'sft://example.org/u/alice')
  t.strictSame(parseIdentityUri(identityUri(org, name)), { org, name })
})

t.test('no other text is an identity', async t => {
  const bad = [
    '',
    'sft://example.org/u/',
    'sft:///u/alice',
    'sft://example.org/u/Alice',
    'sft://example.org/u/alice/',
    'sft://example.org/u/alice\n',
    'sft://example.org/x/alice',
    'SFT://example.org/u/alice',
    'https://example.org/u/alice',
    ' sft://example.org/u/alice',
    'sft://example.org:1/u/alice',
    'sft://example.org/u/u/alice'
  ]
  for (const uri of bad) t.equal(parseIdentityUri(uri), undefined, JSON.stringify(uri))
})
