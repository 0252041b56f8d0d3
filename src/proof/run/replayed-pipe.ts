import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ERRORS, type SftErrorCode } from '../../streams/errors.ts'
import { parseHeader } from '../../streams/header.ts'
import { bodyAt, frameBody } from '../dissect/frame-body.ts'
import { count } from '../judge/claim.ts'
import type { Dissected, Frame } from '../model.ts'
import { type Attempt, isThere } from './attempt.ts'
import { resultIn } from './commands.ts'
import type { Scenario } from './scenario.ts'

/** The pipe as it was recorded, into `sft recv`: as it is, and with one byte flipped at each place that a stream has (M181 a). */

interface Place {
  readonly name: string
  readonly at: number
  readonly code: SftErrorCode
}

export async function replayPipe(scenario: Scenario, recorded: Dissected): Promise<Attempt[]> {
  const attempts = [await whole(scenario, recorded)]
  for (const [index, place] of placesOf(recorded).entries())
    attempts.push(await flipped(scenario, recorded, place, `flipped-${index + 1}`))
  return attempts
}

/** Nothing is refused because it was recorded: a pipe has no freshness (SPEC §2). So it is the byte that is refused below. */
async function whole({ commands, people, file }: Scenario, { connection }: Dissected): Promise<Attempt> {
  const { bytes } = connection.up
  const ended = await commands.attempt(people.receiver.name, argsOf(people.sender.name, 'replayed'), [0], bytes)
  const same = ended.exit === 0 && file.bytes.equals(await readFile(join(commands.directory, 'replayed')))
  const text = `The recorded pipe (${count(bytes.byteLength, 'byte')}) into sft recv, as it is: exit ${ended.exit}, ${same ? 'the file' : 'not the file'}.`
  return { held: same, text, packets: [connection.up.packetAt(0)] }
}

async function flipped(
  { commands, people }: Scenario,
  { connection }: Dissected,
  { name, at, code }: Place,
  output: string
): Promise<Attempt> {
  const bytes = Buffer.from(connection.up.bytes)
  bytes[at] = (bytes[at] as number) ^ 1
  const { exit } = ERRORS[code]
  const ended = await commands.attempt(people.receiver.name, argsOf(people.sender.name, output), [exit], bytes)
  const [said, there] = [resultIn(ended)?.error?.code, await isThere(commands, output)]
  const text = `The pipe with a byte flipped in ${name} (offset ${at}): ${said ?? 'no error'}, exit ${ended.exit}, ${there ? 'a file' : 'no file'}.`
  return { held: ended.exit === exit && said === code && !there, text, packets: [connection.up.packetAt(at)] }
}

function argsOf(sender: string, output: string): string[] {
  return ['recv', '--from', sender, '-o', output, '--json']
}

/** A byte of each part of a stream, and the code of whoever finds it altered. */
export function placesOf({ connection, frames }: Dissected): Place[] {
  const flow = connection.up
  const [strm, end] = [frameOf(frames, 'STRM'), frameOf(frames, 'FINL')]
  const chunks = frames.filter(({ label }) => label === 'RSFL')
  const [first, last] = [chunks[0], chunks.at(-1)]
  if (!strm || !end || !first || !last) return []
  const [body, header] = [bodyAt(flow, strm), parseHeader(frameBody(flow, strm))]
  const wrapped = header.clear.byteLength - (header.stanzas[0]?.ciphertext.byteLength ?? 0)
  const endOf = ({ at, length }: Frame): number => at + length - 1
  return [
    { name: 'the magic', at: 3, code: 'ERR_SFT_MAGIC' },
    { name: 'the version', at: body, code: 'ERR_SFT_VERSION' },
    { name: 'the wrapped key', at: body + wrapped + 7, code: 'ERR_SFT_NOT_RECIPIENT' },
    { name: 'the commitment', at: body + header.clear.byteLength, code: 'ERR_SFT_COMMITMENT' },
    { name: 'the sealed header', at: body + header.bound.byteLength + 7, code: 'ERR_SFT_HEADER_AUTH' },
    { name: 'the index of the first chunk', at: bodyAt(flow, first) + 7, code: 'ERR_SFT_CHUNK_ORDER' },
    {
      name: 'the ciphertext of the last chunk',
      at: endOf(last) - Math.floor(last.length / 2),
      code: 'ERR_SFT_CHUNK_AUTH'
    },
    { name: 'the tag of the first chunk', at: endOf(first), code: 'ERR_SFT_CHUNK_AUTH' },
    { name: 'the end', at: endOf(end), code: 'ERR_SFT_FINAL' }
  ]
}

function frameOf(frames: readonly Frame[], label: string): Frame | undefined {
  return frames.find(frame => frame.label === label)
}
