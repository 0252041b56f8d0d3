import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { passes } from './self-test.ts'

/**
 * The in-place AEAD of `aead.c`, where it has been built (`build.ts`). It is an optimisation and nothing else: whatever keeps it from
 * loading leaves node:crypto to do the same work.
 */

/** What `aead.c` exports. Suites by their wire numbers (SPEC §1); everything is borrowed for the call. */
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

/** The C source; the package brings it along. Reached from `src` and from `dist` alike. */
export const SOURCE = new URL('../../../src/workers/native/aead.c', import.meta.url)

/** Where the addon stands once it is built: by machine, and by the OpenSSL whose functions it calls. */
export const ADDON = new URL(
  `./build/aead-${process.platform}-${process.arch}-openssl${Number.parseInt(process.versions.openssl, 10)}.node`,
  SOURCE
)

type Loaded = { readonly aead: NativeAead } | { readonly reason: string }

let loaded: Loaded | undefined

/** The addon, loaded and tested on the first call in each thread; `undefined` where node:crypto has to do. Never throws. */
export function nativeAead(): NativeAead | undefined {
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
    const module = { exports: {} as NativeAead }
    process.dlopen(module, path)
    return passes(module.exports) ? { aead: module.exports } : { reason: 'failed its self-test' }
  } catch (error) {
    return { reason: `does not load: ${(error as Error).message}` }
  }
}
