import { dataDirectory, Engine, loadIdentity, openOutput } from '../src/index.ts'

/** Our library in a program of its own: `engine-peer.ts recv TARGET`, `engine-peer.ts send PORT SOURCE`. */

const [role, first = '', second = ''] = process.argv.slice(2)
await using engine = new Engine({ identity: await loadIdentity(dataDirectory(process.env)) })
const { name } = engine.identity
if (role === 'recv') {
  await engine.receiveOne({
    host: '127.0.0.1',
    port: 0,
    from: [name],
    destination: await openOutput(first),
    onListening: ({ port }) => void process.stderr.write(`listening on 127.0.0.1:${port}\n`)
  })
} else {
  await engine.send(second, `${name}@127.0.0.1:${first}`)
}
