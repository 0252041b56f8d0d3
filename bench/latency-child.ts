import { dataDirectory, Engine, loadIdentity, openOutput } from '../src/index.ts'

/** `latency-child.ts PORT NAME COUNT`: gets a file so many times in one session; prints the milliseconds of each, a line each. */

const [port, name = '', count] = process.argv.slice(2)
await using engine = new Engine({ identity: await loadIdentity(dataDirectory(process.env)) })
await using session = await engine.connect(`${engine.identity.name}@127.0.0.1:${port}`)
const times: number[] = []
for (let left = Number(count); left > 0; left--) {
  const start = performance.now()
  const destination = await openOutput(async source => {
    for await (const piece of source) void piece
  })
  await session.get(name, destination)
  times.push(performance.now() - start)
}
process.stdout.write(times.map(each => `${each}\n`).join(''))
