import { readFile as readWhole } from 'node:fs/promises'
import type { Command } from 'commander'
import type { SignedReceipt } from '../../index.ts'
import { formatBytes } from '../options.ts'
import { print, printable } from '../terminal.ts'

interface VerifyFlags {
  ca?: string
  file?: string
  json?: boolean
}

/** `sft receipt verify FILE`: what `sft send --receipt` has kept, checked without a network. */
export function registerReceipt(program: Command): void {
  const receipt = program.command('receipt').description('what receivers have signed')
  receipt
    .command('verify')
    .description('check a receipt, and the file it is of, without asking anybody')
    .argument('<receipt>', 'what sft send --receipt wrote')
    .option('--ca <file>', 'root certificate of the organisation (default: yours)')
    .option('--file <file>', 'the file: it has to be the one that was received; - is standard input')
    .option('--json', 'as one JSON object')
    .action(verify)
}

async function verify(path: string, { ca, file, json }: VerifyFlags): Promise<void> {
  const { parseReceipt, readDescriptor, readFile, verifyReceipt } = await import('../../index.ts')
  const receipt = parseReceipt(await readText(path))
  const root = await rootOf(ca)
  await verifyReceipt(receipt, {
    root,
    ...(file !== undefined && { content: file === '-' ? readDescriptor(0) : readFile(file) })
  })
  const said = json ? `${JSON.stringify(inJson(receipt, file !== undefined))}\n` : inWords(receipt, file !== undefined)
  await print(said)
}

function inJson({ id, sha256, senderKey, time, ...receipt }: SignedReceipt, fileMatches: boolean): object {
  const { name, size, sender, receiver } = receipt
  const [idHex, hash, key] = [id, sha256, senderKey].map(bytes => Buffer.from(bytes).toString('hex'))
  const when = new Date(time).toISOString()
  const known = { verified: true, id: idHex, name, size, sha256: hash, sender, senderKey: key, receiver, time: when }
  return { ...known, ...(fileMatches && { fileMatches }) }
}

function inWords({ name, size, sha256, sender, receiver, time }: SignedReceipt, fileMatches: boolean): string {
  const lines = [
    `${receiver} received ${printable(name)} from ${sender} at ${new Date(time).toISOString()}`,
    `${size} bytes (${formatBytes(size)}), SHA-256 ${Buffer.from(sha256).toString('hex')}`,
    ...(fileMatches ? ['the file is that one'] : [])
  ]
  return `${lines.join('\n')}\n`
}

async function rootOf(ca: string | undefined) {
  const { dataDirectory, decodeCertificate, readPublicIdentity } = await import('../../index.ts')
  if (ca === undefined) return (await readPublicIdentity(dataDirectory(process.env))).root
  return decodeCertificate(await readText(ca))
}

async function readText(path: string): Promise<string> {
  const { SftError } = await import('../../index.ts')
  return readWhole(path, 'utf8').catch(cause => {
    throw new SftError('ERR_SFT_NOT_FOUND', `can not read ${path}: ${cause.message}`, { cause })
  })
}
