import type { X509Certificate } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SftError } from '../../streams/errors.ts'
import { MAX_CRL } from '../certificates/crl.ts'
import { decodePem, encodePem } from '../certificates/pem.ts'
import { makePrivateDirectory, readSmallFile, replacePrivate } from './private-file.ts'
import { type KnownList, Revocations } from './revocations.ts'

/**
 * The revocation lists on the disk: one file a list, named by its issuer and its number, with the issuer's certificate and the list as PEM. A file is
 * never changed, and the highest number counts, so that of two processes neither can bring back what is older (M53).
 */

const LISTS = 'lists'
const NAME = /^([0-9a-f]{40})\.(\d{1,10})\.pem$/
/** Bytes of the longest file: a list and a certificate in base64. */
const MAX_FILE = 2 * MAX_CRL

export interface RevocationFilesOptions {
  /** Told when a list can not be kept; it counts for as long as the process runs. */
  readonly onFault?: ((error: unknown) => void) | undefined
}

/**
 * Opens the lists below a user's data directory. A file that is of another organisation, or damaged, counts for nothing.
 *
 * @throws SftError ERR_SFT_FILE when the directory cannot be read.
 */
export async function openRevocations(
  directory: string,
  root: X509Certificate,
  { onFault = () => {} }: RevocationFilesOptions = {}
): Promise<Revocations> {
  const place = join(directory, LISTS)
  const revocations = new Revocations(root, { keep: known => keepList(place, known).catch(onFault) })
  await readLists(place, revocations)
  return revocations
}

/** Takes what other processes have written meanwhile. @throws SftError ERR_SFT_FILE. */
export async function rereadRevocations(directory: string, revocations: Revocations): Promise<void> {
  await readLists(join(directory, LISTS), revocations)
}

async function readLists(place: string, revocations: Revocations): Promise<void> {
  for (const { name, issuerId, number } of await latestFiles(place)) {
    if (number <= revocations.numberOf(issuerId)) continue
    const text = await readSmallFile(join(place, name), MAX_FILE)
    // another process has just put a later one in its place
    if (text !== undefined) await takeFile(text, revocations)
  }
}

async function takeFile(text: string, revocations: Revocations): Promise<void> {
  try {
    await revocations.learn(decodePem('X509 CRL', text), decodePem('CERTIFICATE', text))
  } catch (error) {
    if (!SftError.is(error) || error.exitCode !== 41) throw error
  }
}

interface ListFile {
  readonly name: string
  readonly issuerId: string
  readonly number: number
}

/** The file with the highest number of each issuer. */
async function latestFiles(place: string): Promise<readonly ListFile[]> {
  const latest = new Map<string, ListFile>()
  for (const file of await listFiles(place)) {
    if (file.number > (latest.get(file.issuerId)?.number ?? 0)) latest.set(file.issuerId, file)
  }
  return [...latest.values()]
}

async function listFiles(place: string): Promise<ListFile[]> {
  const names = await readdir(place).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return []
    throw new SftError('ERR_SFT_FILE', 'the revocation lists cannot be read', { cause })
  })
  return names.flatMap(name => {
    const [, issuerId, number] = NAME.exec(name) ?? []
    return issuerId === undefined ? [] : [{ name, issuerId, number: Number(number) }]
  })
}

async function keepList(place: string, { issuerId, issuer, der, list }: KnownList): Promise<void> {
  await makePrivateDirectory(place)
  const text = encodePem('CERTIFICATE', issuer) + encodePem('X509 CRL', der)
  await replacePrivate(join(place, `${issuerId}.${list.number}.pem`), text)
  for (const other of await listFiles(place)) {
    if (other.issuerId === issuerId && other.number < list.number) await rm(join(place, other.name), { force: true })
  }
}
