import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { ERRORS, SftError } from '../src/streams/errors.ts'

/** What holds for the repository as a whole. */

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const SRC = join(ROOT, 'src')

const sources = (readdirSync(SRC, { recursive: true }) as string[])
  .filter(name => /\.[jt]s$/.test(name) && name !== 'streams/errors.ts')
  .map(name => ({ name, text: readFileSync(join(SRC, name), 'utf8') }))

/** Tracked files, and new ones that are not ignored. */
function repositoryFiles(): string[] {
  const list = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], { cwd: ROOT })
  return list.toString().split('\0').filter(Boolean)
}

t.test('every error code in src is in the list', t => {
  const used = sources.flatMap(({ text }) => withoutComments(text).match(/ERR_SFT_[A-Z_]*[A-Z](?=')/g) ?? [])
  t.same(
    [...new Set(used)].filter(code => !(code in ERRORS)),
    []
  )
  t.end()
})

t.test('every code of the list is thrown somewhere', t => {
  const code = sources.map(({ text }) => withoutComments(text).replace(/[!=]== 'ERR_SFT_\w+'/g, '')).join('\n')
  const own = withoutComments(readFileSync(join(SRC, 'streams/errors.ts'), 'utf8')).split('type SftErrorCode')[1] ?? ''
  const silent = Object.keys(ERRORS).filter(name => !`${code}\n${own}`.includes(`'${name}'`))
  t.same(silent, [])
  t.end()
})

t.test('only SftError is thrown by its constructor in streams and transfer', t => {
  const others = sources
    .filter(({ name }) => /^(streams|transfer)\//.test(name))
    .flatMap(({ name, text }) =>
      (withoutComments(text).match(/throw new (?!SftError)\w+/g) ?? []).map(each => `${name}: ${each}`)
    )
  const allowed = new Set([
    // it-length-prefixed takes a RangeError, and only that, for "read one more byte"
    'streams/unframe.ts: throw new RangeError',
    // causes of the one refusal that M35 has for every reason
    'transfer/export-root.ts: throw new Error'
  ])
  t.same([...new Set(others)].sort(), [...allowed].sort())
  t.end()
})

t.test('messages are lower case without a full stop', t => {
  const messages = sources.flatMap(({ text }) => [...text.matchAll(/new SftError\(\s*'[A-Z_]+',\s*(['"`])(.*?)\1/gs)])
  t.ok(messages.length > 80, `${messages.length} messages`)
  for (const [, , message = ''] of messages) {
    t.match(message, /^[^A-Z]|^(RSA|OAEP|PSS|TLS|HTTP|PEM|DER)/, message)
    t.notMatch(message, /\.$/, message)
  }
  t.end()
})

t.test('no console, no process.exit, no debugger in the library', t => {
  const found = sources
    .filter(({ name }) => !name.startsWith('bin/'))
    .filter(({ text }) => /\bconsole\.|process\.exit\b|\bdebugger\b/.test(withoutComments(text)))
  t.same(
    found.map(({ name }) => name),
    []
  )
  t.end()
})

t.test('A25: no file holds a private key in PEM', t => {
  const files = repositoryFiles()
  t.ok(files.length > 100)
  const block = new RegExp(`-----BEGIN ${'[A-Z ]*'}PRIVATE${' '}KEY-----\\s+[A-Za-z0-9+/]{40}`)
  t.same(
    files.filter(name => block.test(readText(name))),
    []
  )
  t.match(`-----BEGIN PRIVATE${' '}KEY-----\n${'A'.repeat(64)}`, block, 'the pattern finds one')
  t.end()
})

t.test('an error keeps its code, its cause and its hint, and is known across copies', t => {
  const cause = new Error('below')
  const error = new SftError('ERR_SFT_TIMEOUT', 'too late', { cause, hint: 'again' })
  t.match(error, { name: 'SftError', code: 'ERR_SFT_TIMEOUT', retryable: true, hint: 'again', message: 'too late' })
  t.equal(error.cause, cause)
  t.ok(SftError.is(error))
  t.ok(SftError.is({ [Symbol.for('sft.error')]: true }), 'of another copy')
  for (const other of [cause, null, undefined, 'ERR_SFT_TIMEOUT', { code: 'ERR_SFT_TIMEOUT' }])
    t.notOk(SftError.is(other))
  t.end()
})

function readText(name: string): string {
  try {
    return readFileSync(join(ROOT, name), 'latin1')
  } catch (error) {
    // listed, but deleted since
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return ''
  }
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1')
}

t.test('no test file waits at its top level after its first assertion: tap may take that for its end', t => {
  const assertion = /^(?:await )?t\.(?!before|comment|setTimeout|teardown|testdir)\w+\(/
  const wait = /^(?!await t\.|t\.|\/\/|\s).*\bawait /
  const early = repositoryFiles()
    .filter(name => /^test\/.*\.test\.ts$/.test(name))
    .filter(name => {
      const lines = readFileSync(join(ROOT, name), 'utf8').split('\n')
      const first = lines.findIndex(line => assertion.test(line))
      return first >= 0 && lines.slice(first).some(line => wait.test(line) && !/=>|function/.test(line))
    })
  t.same(early, [])
  t.end()
})
