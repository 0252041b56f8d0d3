import { closeSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { ADDON, loadFrom, widenPipe } from '../../../src/workers/native/addon.ts'
import { fifo } from '../../fixtures/sockets.ts'

const MIB = 1024 * 1024
const loaded = loadFrom(fileURLToPath(ADDON))

t.test('without the addon, or of what is no pipe, nothing changes and nothing fails', t => {
  const fd = openSync('/dev/null', 'r')
  widenPipe(fd)
  widenPipe(10_000)
  closeSync(fd)
  t.end()
})

if ('aead' in loaded) {
  const { aead: addon } = loaded

  t.test('a pipe holds what it was asked to, at both of its ends, and never less than before', t => {
    const { reader, writer } = fifo(t)
    t.teardown(() => [reader, writer].forEach(closeSync))
    const before = addon.widenPipe(reader, 0)
    if (before < 0) {
      t.comment('this system does not tell')
      t.end()
      return
    }
    const widened = addon.widenPipe(writer, MIB)
    t.ok(widened === MIB || widened === before, `${widened}: more, or a limit of this user`)
    t.equal(addon.widenPipe(reader, 0), widened)
    t.equal(addon.widenPipe(reader, 4096), widened)
    t.end()
  })

  t.test('no pipe is -1, misuse a TypeError', t => {
    const fd = openSync('/dev/null', 'r')
    t.equal(addon.widenPipe(fd, MIB), -1)
    closeSync(fd)
    for (const bad of [[], [1], ['1', MIB], [1, {}]] as unknown as [number, number][]) {
      t.throws(() => addon.widenPipe(...bad), TypeError)
    }
    t.end()
  })
} else {
  t.comment(`no addon: ${loaded.reason}`)
}
