import t from 'tap'
import type { NativeAead } from '../../../src/workers/native/addon.ts'
import { passes } from '../../../src/workers/native/self-test.ts'
import { reference } from '../../fixtures/native-calls.ts'

t.test('what does right passes', t => {
  t.ok(passes(reference))
  t.end()
})

const WRONG: Readonly<Record<string, NativeAead>> = {
  'does nothing': { seal: () => {}, open: () => true },
  'opens everything': { ...reference, open: (...call) => reference.open(...call) || true },
  'opens nothing': { ...reference, open: () => false },
  'leaves what it refuses': {
    ...reference,
    open: (suite, key, nonce, aad, data, tag) => {
      const copy = Uint8Array.from(data)
      const opens = reference.open(suite, key, nonce, aad, copy, tag)
      if (opens) data.set(copy)
      return opens
    }
  },
  'one suite for both': { ...reference, seal: (_suite, ...rest) => reference.seal(1, ...rest) },
  'no tag': {
    ...reference,
    seal: (suite, key, nonce, aad, data) => reference.seal(suite, key, nonce, aad, data, new Uint8Array(16))
  }
}

for (const [name, aead] of Object.entries(WRONG)) {
  t.test(`what ${name} fails`, t => {
    t.notOk(passes(aead))
    t.end()
  })
}
