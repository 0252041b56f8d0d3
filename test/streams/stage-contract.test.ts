import { readdirSync } from 'node:fs'
import { basename } from 'node:path'
import t from 'tap'
import { testSink, testSource } from '../fixtures/end-contract.ts'
import { testStage } from '../fixtures/stage-contract.ts'
import { STAGES } from '../fixtures/stages.ts'

/** Files of src/streams that hold no stage, and what they hold. */
const NO_STAGES: Readonly<Record<string, string>> = {
  errors: 'the list of errors',
  types: 'types only',
  bind: 'how a server gets its address',
  varint: 'a codec of lengths',
  tlv: 'a codec of bodies',
  'frame-types': 'names and caps',
  header: 'a codec of the stream header',
  'paced-files': 'file operations under readFile',
  pace: 'where a file operation is done, under readFile and writeFile',
  filling: 'how a source reads into the memory of its consumer',
  existing: 'which name a file gets, under writeFile',
  'file-fault': 'what a file system says, as an error',
  holes: 'the loop of writeFile for files with holes',
  iterate: 'the iterator of a source',
  idle: 'pauses of a source, under chunk and sealCheckpoints',
  'hash-tree': 'a hash over many entries, under the checkpoints',
  accepted: 'the socket and the reader of a connection that was accepted',
  'socket-reader': 'the source of socketDuplex and readSocket, which is in the list',
  gather: 'a reader under unframe, pulled by size, no stage',
  'write-back': 'flushes behind writeFile, which is in the list',
  messages: 'whole messages on a duplex, not a pipeline'
}

t.test('every file of src/streams is in the array of stages, or in the list of those that hold none', t => {
  const files = readdirSync(new URL('../../src/streams/', import.meta.url)).map(file => basename(file, '.ts'))
  const covered = new Set([...STAGES.map(({ file }) => file), ...Object.keys(NO_STAGES)])
  t.same(
    files.filter(file => !covered.has(file)),
    []
  )
  t.same(
    [...covered].filter(file => !files.includes(file)),
    []
  )
  t.end()
})

for (const end of STAGES) {
  t.test(end.name, t => {
    if (end.kind === 'stage') testStage(t, end)
    else if (end.kind === 'source') testSource(t, end)
    else testSink(t, end)
    t.end()
  })
}
