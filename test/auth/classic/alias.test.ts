import t from 'tap'
import { isAlias, parseAlias } from '../../../src/auth/classic/alias.ts'

t.test('names of people, and of directories', t => {
  for (const name of ['a', 'user1', 'User One', 'kim.lee@example.org', 'x'.repeat(64)]) t.equal(parseAlias(name), name)
  for (const name of ['', '.', '..', 'a/b', ' a', 'a ', '.a', 'a\n', 'a\0b', 'x'.repeat(65), 'é', '-']) {
    t.notOk(isAlias(name), name)
    t.throws(() => parseAlias(name), { code: 'ERR_SFT_USAGE' })
  }
  t.end()
})
