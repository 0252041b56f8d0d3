import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import t from 'tap'
import { bind, bracketed } from '../../src/streams/bind.ts'

t.test('listens, and leaves the errors of later to whoever has the server', async t => {
  const server = createServer(socket => void socket.end())
  await bind(server, '127.0.0.1', 0)
  t.teardown(() => server.close())
  t.equal(server.listenerCount('error'), 0)
  const { port } = server.address() as AddressInfo
  await once(connect(port, '127.0.0.1').resume(), 'end')

  const second = createServer()
  await t.rejects(bind(second, '127.0.0.1', port), {
    code: 'ERR_SFT_CONNECT',
    message: `can not listen on 127.0.0.1:${port} (EADDRINUSE)`,
    hint: /another port/
  })
  t.notOk(second.listening)
})

t.test('an address of another machine', async t => {
  for (const [host, message] of [
    ['192.0.2.1', 'can not listen on 192.0.2.1:0 (EADDRNOTAVAIL)'],
    ['2001:db8::1', 'can not listen on [2001:db8::1]:0 (EADDRNOTAVAIL)']
  ] as const)
    await t.rejects(bind(createServer(), host, 0), { code: 'ERR_SFT_CONNECT', message, hint: /no such address/ })
})

t.test('a host before a port', async t => {
  t.same(['::1', '127.0.0.1', 'sft.example'].map(bracketed), ['[::1]', '127.0.0.1', 'sft.example'])
})
