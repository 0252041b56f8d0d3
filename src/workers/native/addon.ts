import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { passes } from './self-test.ts'

/**
 * The in-place AEAD of `aead.c`, where it has been built (`build.ts`). It is an optimisation and nothing else: whatever keeps it from
 * loading leaves node:crypto to do the same work.
 */

/** The AEAD of the addon. Suites by their wire numbers (SPEC §1); everything is borrowed for the call. */
export interface NativeAead {
  /**
   * Encrypts `data` where it stands.
   *
   * @param key 32 bytes
   * @param nonce 12 bytes
   * @param aad at most 64 bytes
   * @param tag receives the 16 bytes of the tag
   * @throws TypeError for other types or sizes and for arguments that overlap; nothing has changed then.
   */
  seal(suite: number, key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, data: Uint8Array, tag: Uint8Array): void
  /**
   * Decrypts `data` where it stands; false, and `data` is zeroed, when it does not verify. Nobody else may write to `data` meanwhile.
   *
   * @throws TypeError as `seal` does.
   */
  open(suite: number, key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, data: Uint8Array, tag: Uint8Array): boolean
}

/** All that the addon exports. */
export interface Addon extends NativeAead {
  /** Asks for a pipe's capacity to be at least so many bytes; the capacity then, or -1 for what is no pipe. */
  widenPipe(fd: number, bytes: number): number
}

/** The C sources; the package brings them along. Reached from `src` and from `dist` alike. */
export const SOURCES = ['aead.c', 'pipe.c'].map(
  name => new URL(`../../../src/workers/native/${name}`, import.meta.url)
) as [URL, ...URL[]]

/** Where the addon stands once it is built: by machine, and by the OpenSSL whose functions it calls. */
export const ADDON = new URL(
  `./build/aead-${process.platform}-${process.arch}-openssl${Number.parseInt(process.versions.openssl, 10)}.node`,
  SOURCES[0]
)

/** What Linux lets a pipe of anybody hold (pipe(7), /proc/sys/fs/pipe-max-size). */
const PIPE_BYTES = 1024 * 1024

type Loaded = { readonly aead: Addon } | { readonly reason: string }

let loaded: Loaded | undefined

/** The addon, loaded and tested on the first call in each thread; `undefined` where node:crypto has to do. Never throws. */
export function nativeAead(): NativeAead | undefined {
  return addon()
}

/**
 * Lets a pipe hold up to a megabyte, so that the programs on both its ends work at once and are seldom woken. Changes nothing where there
 * is no addon, or the descriptor is no pipe.
 */
export function widenPipe(fd: number): void {
  addon()?.widenPipe(fd, PIPE_BYTES)
}

function addon(): Addon | undefined {
  loaded ??= load()
  return 'aead' in loaded ? loaded.aead : undefined
}

/** Why there is no addon; `undefined` when there is one. */
export function whyNotNative(): string | undefined {
  loaded ??= load()
  return 'reason' in loaded ? loaded.reason : undefined
}

function load(): Loaded {
  if (process.env.SFT_NATIVE === '0') return { reason: 'SFT_NATIVE=0' }
  return loadFrom(fileURLToPath(ADDON))
}

/** Loads and tests an addon. Never throws. */
export function loadFrom(path: string): Loaded {
  if (!existsSync(path)) return { reason: 'not built, sft build-native does it' }
  try {
    const module = { exports: {} as Addon }
    process.dlopen(module, path)
    return passes(module.exports) ? { aead: module.exports } : { reason: 'failed its self-test' }
  } catch (error) {
    return { reason: `does not load: ${(error as Error).message}` }
  }
}
