import t from 'tap'
import { fuzz } from '../fixtures/fuzz.ts'
import { nativeOrComment } from '../fixtures/native.ts'
import { badCall, goodCall, refusesMisuse, worksAs } from '../fixtures/native-calls.ts'

/** Whatever the addon is called with: it does as node:crypto does, or throws a TypeError and changes nothing. It never crashes. */

const native = nativeOrComment(t)
if (native) {
  t.test('calls that work', { timeout: 600_000 }, t => fuzz(t, 2, goodCall, async call => worksAs(native, call)))
  t.test('misuse', { timeout: 600_000 }, t => fuzz(t, 2, badCall, async call => refusesMisuse(native, call)))
} else {
  t.pass('there is nothing to try')
}
