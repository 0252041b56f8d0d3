import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { answerTo } from '../../../src/proof/run/answer.ts'

async function portOf(t: Test, answer: (socket: Socket) => void): Promise<number> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as { port: number }).port
}

const recorded = Buffer.alloc(2_000_000, 'recorded')

t.test('how much was answered, and that the other side has ended it', async t => {
  const polite = await portOf(t, socket => socket.on('data', () => {}).end('answer'))
  t.same(await answerTo(polite, recorded), { bytes: 6, ended: true })
  const rude = await portOf(t, socket => socket.destroy())
  t.same(await answerTo(rude, recorded), { bytes: 0, ended: true })
})

t.test('a listener that never ends it', async t => {
  const port = await portOf(t, socket =>
    socket
      .resume()
      .on('error', () => {})
      .write('go on')
  )
  t.same(await answerTo(port, Buffer.from('once'), 100), { bytes: 5, ended: false })
})
