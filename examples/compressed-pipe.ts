import { Readable, type Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createZstdCompress, createZstdDecompress } from 'node:zlib'
import { pipe } from 'it-pipe'
import {
  dataDirectory,
  Engine,
  findPeer,
  loadIdentity,
  readDescriptor,
  type SftError,
  type Stage,
  writeDescriptor
} from 'sft'

/**
 * A stage of one's own in the pipeline: what goes through the pipe is compressed before it is sealed, and expanded after it has been verified.
 *
 *     tar c logs | node examples/compressed-pipe.ts send bob | ssh host 'node examples/compressed-pipe.ts recv' | tar x
 *
 * Compress only what no stranger can add to: the size of what is sealed tells how well it went.
 */

const [mode, peer] = process.argv.slice(2)

try {
  if (mode === 'send' && peer !== undefined) await send(peer)
  else if (mode === 'recv' && peer === undefined) await receive()
  else {
    console.error('usage: compressed-pipe.ts send NAME | recv')
    process.exitCode = 2
  }
} catch (error) {
  const { message, code = 'no code', exitCode = 1 } = error as Partial<SftError>
  console.error(`${message} [${code}]`)
  process.exitCode = exitCode
}

async function send(name: string): Promise<void> {
  const directory = dataDirectory(process.env)
  await using engine = new Engine({ identity: await loadIdentity(directory) })
  const recipient = await findPeer(directory, engine.identity, name)
  const sealed: Stage<Uint8Array, Uint8Array> = source => engine.seal(source, recipient, { name: 'stream.zst' })
  await pipe(readDescriptor(0), stageOf(createZstdCompress), sealed, writeDescriptor(1))
}

/** Each verified piece is expanded as it comes: a damaged stream ends with an error, and what was written before it was right. */
async function receive(): Promise<void> {
  await using engine = new Engine({ identity: await loadIdentity(dataDirectory(process.env)) })
  await pipe(readDescriptor(0), source => engine.open(source), stageOf(createZstdDecompress), writeDescriptor(1))
}

/** A stage of a Transform: new for each run, destroyed with its source, whatever ends first. */
function stageOf(make: () => Transform): Stage<Uint8Array, Uint8Array> {
  return async function* (source) {
    const transform = make()
    const fed = pipeline(Readable.from(source, { objectMode: false }), transform)
    // a failure destroys the transform, and is raised where it is read
    fed.catch(() => undefined)
    yield* transform as AsyncIterable<Uint8Array>
    await fed
  }
}
